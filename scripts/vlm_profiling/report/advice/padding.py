"""A hint from the work that no answer needed."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.report.advice.base import MIN_SHARE, Hint, Subject, at_most, is_sure, percent


def padding(subject: Subject) -> Iterator[Hint]:
    """FLOPs spent on padding and on rows that had already ended, as far as time follows FLOPs."""
    share, generate = subject.cell.padding_share, subject.generate_share
    if (
        share is None
        or generate is None
        or share * generate < MIN_SHARE
        or not is_sure(subject.cell.estimate("batch_flops"))
    ):
        return
    yield Hint(
        "Sort samples by length before batching",
        at_most(share * generate),
        f"{percent(share)} of the FLOPs are padding, and generate(), {percent(generate)} of the end-to-end time, may follow them",
    )
