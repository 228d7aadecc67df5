"""A run's identity: everything declared that decides its numbers, and the short hash of it.

Content that is only known once it lies on disk (a data set's images, a checkpoint's files) reaches a run as
input files compared by content; here stands what names them. Both are in the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from vlm_profiling.study.point import Point

PROTOCOL_VERSION = 2
"""Raised by hand when the meaning of a measured number changes: every run is then stale."""


class SpecWriter:
    """Writes the specs of a study's runs: the identity of each as canonical JSON. What runs share is written
    out once.

    Names of models and data sets are in a record's path, not in its spec.
    """

    def __init__(self, settings: Mapping[str, Any], environment: str) -> None:
        """`settings` is the study's `model_dump(exclude_none=True)`; `environment` identifies what runs
        execute in.
        """
        self._shared = {
            "protocol_version": canonical_json(PROTOCOL_VERSION),
            "protocol": canonical_json(settings["protocol"]),
            "hardware": canonical_json(settings.get("hardware")),
            "environment": canonical_json(environment),
        }
        self._named = cache(lambda section, name: canonical_json(settings[section][name]))
        self._on_cpu = cache(lambda name: canonical_json(_without_gpus(settings["models"][name])))
        self._scalar = lru_cache(maxsize=None, typed=True)(canonical_json)

    def spec(self, model: str, dataset: str, point: Point) -> str:
        """The spec of one run."""
        parts = {
            **self._shared,
            "model": self._named("models", model) if point.device == "cuda" else self._on_cpu(model),
            "dataset": self._named("datasets", dataset),
            "optimization": self._named("optimizations", point.optimization),
            "point": _json_object({name: self._scalar(value) for name, value in point.chosen.items()}),
        }
        return _json_object(parts)


def _without_gpus(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model's settings for a run on the CPU, which is one process whatever the model's number of GPUs."""
    return {name: value for name, value in model.items() if name != "gpus"}


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _json_object(parts: Mapping[str, str]) -> str:
    """Canonical JSON of an object whose values are canonical JSON already, and whose names need no escapes."""
    return "{" + ",".join([f'"{name}":{parts[name]}' for name in sorted(parts)]) + "}"


def spec_gpus(spec: str) -> int:
    """GPUs that the run of a canonical JSON holds: none on the CPU.

    Canonical JSON escapes the quotes inside texts, so a key that is found in it is that key: a merge parses
    no spec of 100,000.
    """
    if '"device":"cuda"' not in spec:
        return 0
    return json.loads(spec)["model"]["gpus"] if '"gpus":' in spec else 1


def spec_key(spec: str) -> str:
    """First 10 hexadecimal digits of the SHA-256 of a run's canonical JSON."""
    return hashlib.sha256(spec.encode()).hexdigest()[:10]


def lock_sha256(lock: str) -> str:
    """Hash of a lock's pins; its comments and blank lines say nothing about what is installed."""
    lines = (line.partition("#")[0].strip() for line in lock.splitlines())
    return hashlib.sha256("\n".join(line for line in lines if line).encode()).hexdigest()
