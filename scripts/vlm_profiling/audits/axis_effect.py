"""Whether an axis changed what the model was given."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, not_applicable, value_name
from vlm_profiling.record.schema import Record, Sample
from vlm_profiling.study import Study
from vlm_profiling.study.axes import AXIS, Given

NAME = "axis effect"
ASKS = "Did an axis of pictures, text or frames change what the model was given?"


def judge(context: Context) -> Finding:
    """The samples of a run against those of the run where the axis starts: what differs is what the axis did."""
    checks = list(_checks(context))
    return conclude(NAME, checks) if checks else not_applicable(NAME, "where each such axis starts, or on none")


def _checks(context: Context) -> Iterator[Check]:
    for axis, given in _of_the_input(context.study):
        start, own = context.start(axis), getattr(context.record.point, axis)
        if start and start is not context.record:
            first = getattr(start.point, axis)
            moved, total = _moved(given, context.record, start)
            words = f"{axis} {value_name(own)} against {value_name(first)}: {moved} of {total} samples differ in {given.words}"
            if axis == "image_size" and context.record.checkpoint and context.record.checkpoint.picture_sizes == "fixed":
                words += "; the model's processor brings all pictures to one size"
            yield Check("pass" if moved else "fail", words, ("latency", "energy", "flops"))


def _of_the_input(study: Study) -> list[tuple[str, Given]]:
    """The axes of a study that are there to change what the model is given."""
    return [(name, axis.given) for name, axis in AXIS.items() if name in study.axes and axis.given]


def _moved(given: Given, record: Record, start: Record) -> tuple[int, int]:
    """How many of the samples that both runs hold were given something else, and how many they are."""
    known = {sample.id: _values(given, sample) for sample in start.samples}
    common = [sample for sample in record.samples if sample.id in known]
    return sum(_values(given, sample) != known[sample.id] for sample in common), len(common)


def _values(given: Given, sample: Sample) -> tuple[object, ...]:
    return tuple(getattr(sample, name) for name in given.fields)
