"""Whether an axis changed what the model was given."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import (
    Check,
    Context,
    FigureKind,
    Finding,
    conclude,
    graded,
    not_applicable,
    value_name,
)
from vlm_profiling.record.schema import RunRecord, Sample
from vlm_profiling.study import Study
from vlm_profiling.study.axes import AXIS_INFO, InputEffect

NAME = "axis effect"
ASKS = "Did an axis of images, text or frames change what the model was given?"

MARKED: tuple[FigureKind, ...] = ("latency", "energy", "flops")
TOKENS_WARN, TOKENS_FAIL = 0.02, 0.2
"""Share of the tokens added to texts, or cut from them, that is missing in the prompts read."""


def judge(context: Context) -> Finding:
    """The samples of a run against those of the run where the axis starts: what differs is what the axis did."""
    checks = list(_checks(context))
    return (
        conclude(NAME, checks) if checks else not_applicable(NAME, "where each such axis starts, or on none")
    )


def _checks(context: Context) -> Iterator[Check]:
    for axis, given in _of_the_input(context.study):
        start, own = context.start(axis), getattr(context.record.point, axis)
        if start and start is not context.record:
            first = getattr(start.point, axis)
            moved, total = _moved(given, context.record, start)
            words = f"{axis} {value_name(own)} against {value_name(first)}: {moved} of {total} samples differ in {given.words}"
            if (
                axis == "image_size"
                and context.record.checkpoint
                and context.record.checkpoint.image_sizing == "fixed"
            ):
                words += "; the model's processor brings all images to one size"
            yield Check("pass" if moved else "fail", words, MARKED)
            yield from _text_checks(axis, context.record, start)
        if axis == "frames":
            yield from _frame_checks(context.record)


def _text_checks(axis: str, record: RunRecord, start: RunRecord) -> Iterator[Check]:
    """Where tokens of the user's text were added or cut: did the prompts that the model read change by as
    many?

    One token a sample may be more or less, where a text meets its template. A processor that cuts prompts by
    itself is found.
    """
    known = {sample.id: sample for sample in start.samples}
    pairs = [(known[sample.id], sample) for sample in record.samples if sample.id in known]
    asked = sum(_text_change(after) - _text_change(before) for before, after in pairs)
    if asked:
        read = sum(after.prompt_tokens - before.prompt_tokens for before, after in pairs)
        missed = max(0, abs(read - asked) - len(pairs))
        words = f"{axis}: {asked:+,} tokens of text over {len(pairs)} samples, prompts read have {read:+,}"
        yield Check(graded(missed / abs(asked), TOKENS_WARN, TOKENS_FAIL), words, MARKED)


def _frame_checks(record: RunRecord) -> Iterator[Check]:
    """Were as many frames given as were asked? A video that holds fewer gives all it has, which is other
    work.
    """
    asked = record.point.frames
    videos = [sample for sample in record.samples if sample.video_frames]
    if asked > 1 and videos:
        short = [sample for sample in videos if sample.given_frames < asked]
        fewest = min(sample.given_frames for sample in videos)
        told = f", as few as {fewest}: their files hold no more" if short else ""
        words = f"frames {asked}: {len(short)} of {len(videos)} videos gave fewer{told}"
        yield Check("warn" if short else "pass", words, MARKED)


def _text_change(sample: Sample) -> int:
    return sample.added_tokens - sample.truncated_tokens


def _of_the_input(study: Study) -> list[tuple[str, InputEffect]]:
    """The axes of a study that are there to change what the model is given."""
    return [(name, axis.given) for name, axis in AXIS_INFO.items() if name in study.axes and axis.given]


def _moved(given: InputEffect, record: RunRecord, start: RunRecord) -> tuple[int, int]:
    """How many of the samples that both runs hold were given something else, and how many they are."""
    known = {sample.id: _values(given, sample) for sample in start.samples}
    common = [sample for sample in record.samples if sample.id in known]
    return sum(_values(given, sample) != known[sample.id] for sample in common), len(common)


def _values(given: InputEffect, sample: Sample) -> tuple[object, ...]:
    return tuple(getattr(sample, name) for name in given.fields)
