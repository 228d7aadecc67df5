"""Hints from where the time goes: each stage bounds what any cure of it alone can give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vlm_profiling.record.breakdown import DECODE_FRAMES, SAMPLE_FRAMES
from vlm_profiling.report.advice.base import MIN_SHARE, Hint, Subject, at_most, percent, seconds
from vlm_profiling.tables.breakdown import StageRow

CURES = {
    DECODE_FRAMES: "Decode videos beside the model's work, on more threads, in hardware, or from smaller files",
    SAMPLE_FRAMES: "Convert fewer or smaller frames to images, or do it beside the model's work",
    "transfer": "Copy less to the device, or from pinned memory while it works",
    "vision": "Give the vision encoder less to see, or a faster encoder",
    "project": "Merge image tokens before they are projected",
    "prefill": "Shorten the prompt: fewer image tokens, less text, or a prefix kept in the cache",
    "decode": "Read the weights for more answers at once: a larger batch, fewer bytes a weight, or several tokens a step",
    "loop": "Take Python out of the loop around the model: compile it, or replay CUDA graphs",
    "detokenise": "Turn tokens into text beside the next batch",
}
"""What is usually done about a stage."""


def stage_limits(subject: Subject) -> Iterator[Hint]:
    """A stage of at least MIN_SHARE of the time, with what its disappearance would give."""
    for stage, row in subject.stages.items():
        if stage in CURES and row.share >= MIN_SHARE:
            yield Hint(CURES[stage], at_most(row.share), _evidence(row))


def preparation(subject: Subject) -> Iterator[Hint]:
    """Preparing images and text on the host, while the device waits."""
    row = subject.stages.get("preprocess")
    if row and row.share >= MIN_SHARE:
        slow = subject.cell.checkpoint_processor or ""
        backend = (
            f"the image processor's torchvision backend instead of {slow}, " if slow.endswith("Pil") else ""
        )
        cure = f"Prepare inputs faster or beforehand: {backend}prepared images kept, the next batch while this one runs"
        yield Hint(cure, at_most(row.share), _evidence(row))


def small_stages(subject: Subject) -> str:
    """Which stages are not worth an effort: what all of them together could give. Empty where there are none."""
    small = [row for row in subject.stages.values() if row.share < MIN_SHARE]
    if not small:
        return ""
    names = ", ".join(f"{row.stage} ({percent(row.share)})" for row in small)
    return f"Not worth an effort alone: {names}; all of them gone, at most {at_most(_sum(small)):.3g} times faster."


def _evidence(row: StageRow) -> str:
    whole = seconds(row.end_to_end.value)
    return f"{row.stage} takes {percent(row.share)} of the end-to-end time ({seconds(row.time.value)} of {whole} a batch)"


def _sum(rows: Sequence[StageRow]) -> float:
    return sum(row.share for row in rows)
