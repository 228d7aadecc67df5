"""A run's identity: everything declared that decides its numbers, and the short hash of it.

Content that is only known once it lies on disk (a data set's images, a checkpoint's files) reaches a run as input
files compared by content; here stands what names them. Both are in the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from vlm_profiling.study.config import Study

PROTOCOL_VERSION = 1
"""Raised by hand when the meaning of a measured number changes: every run is then stale."""


def run_identity(study: Study, model: str, dataset: str, point: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """The identity of one run, as plain JSON types. Names of models and data sets are in the path, not here."""
    optimization = study.optimizations[point["optimization"]]
    return {
        "protocol_version": PROTOCOL_VERSION,
        "model": study.models[model].model_dump(exclude_none=True),
        "dataset": study.datasets[dataset].model_dump(exclude_none=True),
        "point": dict(point),
        "optimization": optimization.model_dump(),
        "protocol": study.protocol.model_dump(),
        "hardware": study.hardware,
        "environment": environment,
    }


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def run_key(identity: Mapping[str, Any]) -> str:
    """First 10 hexadecimal digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:10]
