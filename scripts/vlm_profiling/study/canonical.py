"""The one JSON text of a value, so that equal settings have equal texts and hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical_object(parts: Mapping[str, str]) -> str:
    """The canonical JSON of an object whose values are canonical JSON already, and whose names need no
    escapes.
    """
    return "{" + ",".join([f'"{name}":{parts[name]}' for name in sorted(parts)]) + "}"
