"""The audit of axes that should change the model's input."""

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
from vlm_profiling.study.axes import AXES, InputEffect

NAME = "axis effect"
ASKS = "Did the axis change the model's input: image, text or frames?"

MARKED: tuple[FigureKind, ...] = ("latency", "energy", "flops")
TOKENS_WARN, TOKENS_FAIL = 0.02, 0.2
"""The share of added or cut text tokens missing in the prompts above which it warns and fails."""


def judge(context: Context) -> Finding:
    """The finding about a run's samples, compared with those of the run at the start of each axis."""
    checks = list(_checks(context))
    return (
        conclude(NAME, checks)
        if checks
        else not_applicable(NAME, "the run is the start of each axis of inputs, or on none")
    )


def _checks(context: Context) -> Iterator[Check]:
    for axis, given in _of_the_input(context.study):
        start, own = context.start(axis), getattr(context.record.point, axis)
        if start and start is not context.record:
            first = getattr(start.point, axis)
            moved, total = _moved(given, context.record, start)
            words = f"{axis} {value_name(own)} against {value_name(first)}: "
            words += f"{moved} of {total} samples differ in {given.words}"
            checkpoint = context.record.checkpoint
            if axis == "image_size" and checkpoint and checkpoint.image_sizing == "fixed":
                words += "; the model's processor resizes every image to one size"
            yield Check("pass" if moved else "fail", words, MARKED)
            yield from _text_checks(axis, context.record, start)
        if axis == "frames":
            yield from _frame_checks(context.record)


def _text_checks(axis: str, record: RunRecord, start: RunRecord) -> Iterator[Check]:
    """The check that prompts changed by as many tokens as were added to the user's texts or cut from them.

    One token a sample is tolerated, since a tokenizer may merge the end of a text with its template. A
    processor that truncates prompts by itself fails.
    """
    known = {sample.id: sample for sample in start.samples}
    pairs = [(known[sample.id], sample) for sample in record.samples if sample.id in known]
    asked = sum(_text_change(after) - _text_change(before) for before, after in pairs)
    if asked:
        read = sum(after.prompt_tokens - before.prompt_tokens for before, after in pairs)
        missed = max(0, abs(read - asked) - len(pairs))
        words = f"{axis}: {asked:+,} text tokens over {len(pairs)} samples, {read:+,} prompt tokens read"
        yield Check(graded(missed / abs(asked), TOKENS_WARN, TOKENS_FAIL), words, MARKED)


def _frame_checks(record: RunRecord) -> Iterator[Check]:
    """The check that every video has as many frames as were requested; a shorter one gives all it has."""
    asked = record.point.frames
    videos = [sample for sample in record.samples if sample.video_frames]
    if asked > 1 and videos:
        short = [sample for sample in videos if sample.given_frames < asked]
        fewest = min(sample.given_frames for sample in videos)
        shortest = f", the shortest {fewest}" if short else ""
        words = f"frames {asked}: {len(short)} of {len(videos)} videos have fewer{shortest}"
        yield Check("warn" if short else "pass", words, MARKED)


def _text_change(sample: Sample) -> int:
    return sample.added_tokens - sample.truncated_tokens


def _of_the_input(study: Study) -> list[tuple[str, InputEffect]]:
    """The axes of a study that should change the model's input."""
    return [(name, axis.given) for name, axis in AXES.items() if name in study.axes and axis.given]


def _moved(given: InputEffect, record: RunRecord, start: RunRecord) -> tuple[int, int]:
    """The number of common samples whose input differs between two runs, and the number of common samples."""
    known = {sample.id: _values(given, sample) for sample in start.samples}
    common = [sample for sample in record.samples if sample.id in known]
    return sum(_values(given, sample) != known[sample.id] for sample in common), len(common)


def _values(given: InputEffect, sample: Sample) -> tuple[object, ...]:
    return tuple(getattr(sample, name) for name in given.fields)
