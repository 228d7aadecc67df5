"""What a source yields: rows not yet trusted, each a candidate for a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from vlm_profiling.errors import VlmError
from vlm_profiling.record.manifests import SkippedSample
from vlm_profiling.record.schema import Metric


class DatasetError(VlmError):
    """A data set cannot be prepared or read; the message says what to change."""


class DamagedDatasetError(DatasetError):
    """A prepared file is gone or is not what was prepared: preparing the data set again mends it."""


class BadSample(VlmError):  # noqa: N818 - it is told to the person as part of a DatasetError, never alone
    """One row cannot be a sample; the message is the reason."""


@dataclass(frozen=True)
class Candidate:
    """One row as its source holds it. Types and texts are checked later, in one place for all sources."""

    id: object
    request: object
    response: object
    """One reference answer or a list of them."""
    image: Path | bytes
    """A file that exists, or the encoded image (or video) itself."""
    is_video: bool = False


Row: TypeAlias = Candidate | SkippedSample
"""A candidate, or a row that its source already knows to be unusable."""


@dataclass(frozen=True)
class Source:
    """Where samples come from."""

    label: str
    """Package, project folder or hub id."""
    rows: Callable[[], Iterator[Row]]
    """Reads all rows, in the source's order, a few in memory at a time. Called once to check and once to
    copy.
    """
    licence: str | None = None
    prompt: str | None = None
    """How its questions are worded, where there is a choice."""
    metric: Metric | None = None
    """Its standard metric."""
    revision: str | None = None
    split: str | None = None
