"""A run's identity: everything declared that decides its numbers, and the short hash of it.

Content that is only known once it lies on disk (a data set's images, a checkpoint's files) reaches a run as input
files compared by content; here stands what names them. Both are in the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

PROTOCOL_VERSION = 1
"""Raised by hand when the meaning of a measured number changes: every run is then stale."""


def run_identity(
    settings: Mapping[str, Any], model: str, dataset: str, point: Mapping[str, Any], environment: str
) -> dict[str, Any]:
    """The identity of one run, as plain JSON types. Names of models and data sets are in the path, not here.

    `settings` is the study's `model_dump(exclude_none=True)`, made once for all runs.
    """
    return {
        "protocol_version": PROTOCOL_VERSION,
        "model": settings["models"][model],
        "dataset": settings["datasets"][dataset],
        "point": dict(point),
        "optimization": settings["optimizations"][point["optimization"]],
        "protocol": settings["protocol"],
        "hardware": settings.get("hardware"),
        "environment": environment,
    }


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def spec_key(spec: str) -> str:
    """First 10 hexadecimal digits of the SHA-256 of a run's canonical JSON."""
    return hashlib.sha256(spec.encode()).hexdigest()[:10]


def lock_sha256(lock: str) -> str:
    """Hash of a lock's pins; its comments and blank lines say nothing about what is installed."""
    lines = (line.partition("#")[0].strip() for line in lock.splitlines())
    return hashlib.sha256("\n".join(line for line in lines if line).encode()).hexdigest()
