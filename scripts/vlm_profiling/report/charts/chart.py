"""One chart of a study: what it shows, and where its files and its place on a page are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chart:
    """One chart of a study."""

    kind: str
    """Name of its kind: the module that draws it, and its caption in rules/captions."""
    section: str
    """The section of a page that shows it."""
    stem: str
    """Its file below the folder of plots, without the ending: index/memory."""
    title: str
    """Its message, as an alternative text."""
    model: str = ""
    """Empty for a chart across models."""
    axis: str = ""
    """Empty for a chart at the baseline."""

    @property
    def name(self) -> str:
        """The name of its file, without folder and ending."""
        return self.stem.rpartition("/")[2]
