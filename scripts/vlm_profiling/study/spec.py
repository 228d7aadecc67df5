"""A run's identity: everything declared that decides its numbers, and the short hash of it.

Content that is only known once it is on disk (a data set's images, a checkpoint's files) reaches a run as
input files compared by content; a spec holds what names them. Both are in the record.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Self

import msgspec
from pydantic import ValidationError

from vlm_profiling.study.canonical import canonical_json, canonical_object
from vlm_profiling.study.config import ProtocolConfig
from vlm_profiling.study.errors import ConfigError, Problem
from vlm_profiling.study.inputs import (
    DatasetConfig,
    DatasetContent,
    ModelConfig,
    ModelContent,
    OptimizationConfig,
)
from vlm_profiling.study.point import POINTS, Point

PROTOCOL_VERSION = 2
"""Raised by hand when the meaning of a measured number changes: every run is then stale."""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """Everything declared that decides a run's numbers.

    Names of models and data sets are in a record's path, not in its spec.
    """

    model: ModelConfig | ModelContent
    """On the CPU without its number of GPUs, which says nothing there (`ModelConfig.on_cpu`)."""
    dataset: DatasetConfig | DatasetContent
    optimization: OptimizationConfig
    point: Point
    protocol: ProtocolConfig
    hardware: str | None = None
    """The machine that the study is meant for."""
    environment: str = ""
    """What the run executes in: the image's digest, or the hash of the environment's lock."""
    protocol_version: int = field(default_factory=lambda: PROTOCOL_VERSION)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The spec of a canonical JSON, which stays its text, so that its key stays too.

        Raises ConfigError for what is no spec of this version.
        """
        try:
            parts: dict[str, Any] = json.loads(text)
            model, dataset = parts["model"], parts["dataset"]
            spec = cls(
                model=(ModelContent if "source" in model else ModelConfig).model_validate(model),
                dataset=(DatasetContent if "source" in dataset else DatasetConfig).model_validate(dataset),
                optimization=OptimizationConfig.model_validate(parts["optimization"]),
                point=msgspec.convert(parts["point"], Point),
                protocol=ProtocolConfig.model_validate(parts["protocol"]),
                hardware=parts["hardware"],
                environment=parts["environment"],
                protocol_version=parts["protocol_version"],
            )
        except (ValueError, KeyError, TypeError) as error:
            problem = Problem("(spec)", f"no run's spec: {_first_line(error)}", has_value=False)
            raise ConfigError([problem], "a run") from None
        vars(spec)["json"] = text
        return spec

    @cached_property
    def json(self) -> str:
        """The canonical JSON of the spec. What runs share is written once."""
        return canonical_object(
            {
                "model": self.model.canonical,
                "dataset": self.dataset.canonical,
                "optimization": self.optimization.canonical,
                "point": _point_json(self.point),
                "protocol": self.protocol.canonical,
                "hardware": _scalar(self.hardware),
                "environment": _scalar(self.environment),
                "protocol_version": _scalar(self.protocol_version),
            }
        )

    @cached_property
    def key(self) -> str:
        """The first 10 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.json.encode()).hexdigest()[:10]

    @property
    def gpus(self) -> int:
        """GPUs that the run holds: none on the CPU."""
        return self.model.gpus if self.point.device == "cuda" else 0


_scalar = lru_cache(maxsize=1024, typed=True)(canonical_json)


@lru_cache(maxsize=POINTS)
def _point_json(point: Point) -> str:
    """The canonical JSON of a point, which models and data sets share."""
    return canonical_json(point.chosen)


def _first_line(error: Exception) -> str:
    """What is wrong, in a line."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def lock_sha256(lock: str) -> str:
    """Hash of a lock's pins; its comments and blank lines say nothing about what is installed."""
    lines = (line.partition("#")[0].strip() for line in lock.splitlines())
    return hashlib.sha256("\n".join(line for line in lines if line).encode()).hexdigest()
