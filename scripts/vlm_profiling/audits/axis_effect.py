"""Whether an axis changed what the model was given."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, not_applicable, value_name
from vlm_profiling.record.schema import Record, Sample

NAME = "axis effect"
ASKS = "Did another image size or input length change what the model was given?"

GIVEN = {
    "image_size": "the picture that the model saw (pixels, patches, image tokens)",
    "max_input_len": "the prompt (tokens cut, tokens read)",
}
"""What an axis is there to change."""


def judge(context: Context) -> Finding:
    """The samples of a run against those of the run where the axis starts: what differs is what the axis did."""
    checks = list(_checks(context))
    return conclude(NAME, checks) if checks else not_applicable(NAME, "where each such axis starts, or on none")


def _checks(context: Context) -> Iterator[Check]:
    for axis in (name for name in GIVEN if name in context.study.axes):
        start, own = context.start(axis), getattr(context.record.point, axis)
        if start and start is not context.record:
            first = getattr(start.point, axis)
            moved, total = _moved(axis, context.record, start)
            words = f"{axis} {value_name(own)} against {value_name(first)}: {moved} of {total} samples differ in {GIVEN[axis]}"
            if axis == "image_size" and context.record.checkpoint and context.record.checkpoint.picture_sizes == "fixed":
                words += "; the model's processor brings all pictures to one size"
            yield Check("pass" if moved else "fail", words, ("latency", "energy", "flops"))


def _moved(axis: str, record: Record, start: Record) -> tuple[int, int]:
    """How many of the samples that both runs hold were given something else, and how many they are."""
    known = {sample.id: _given(axis, sample) for sample in start.samples}
    common = [sample for sample in record.samples if sample.id in known]
    return sum(_given(axis, sample) != known[sample.id] for sample in common), len(common)


def _given(axis: str, sample: Sample) -> tuple[object, ...]:
    if axis == "image_size":
        return sample.effective_size, sample.vision_grid, sample.image_tokens
    return sample.truncated_tokens, sample.prompt_tokens
