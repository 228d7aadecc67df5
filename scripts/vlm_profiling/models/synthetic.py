"""Checkpoints that a family makes from settings instead of a hub's files: tiny ones, and full-size ones
without weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedConfig, ProcessorMixin


@dataclass(frozen=True, kw_only=True)
class TinyCheckpoint:
    """The parts of a tiny checkpoint but its weights, which are random."""

    config: PreTrainedConfig
    processor: ProcessorMixin
    special_pieces: tuple[str, ...] = ()
    """Ordinary pieces of the vocabulary that act as special tokens, and are never generated."""
    further_files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings in JSON files that neither model nor processor saves, by file name."""


@dataclass(frozen=True)
class FullSizeModel:
    """The shape of a published model."""

    hub: str
    """The checkpoint on the hub that has this shape."""
    config: Callable[[], PreTrainedConfig]
    """A new config. Only what differs from the class defaults of transformers 5.23 is written down."""
    processor: Callable[[PreTrainedConfig], ProcessorMixin]
    """A processor that makes prompts for the model of a config."""
    source: str
    """Where the facts of the config come from."""
