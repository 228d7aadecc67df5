"""What to try next: every hint with its gain and evidence, and each model's best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vlm_profiling.report.advice.base import MIN_SHARE, Hint, Subject
from vlm_profiling.report.advice.parts import shared_processor, small_stages
from vlm_profiling.report.advice.registry import advise
from vlm_profiling.report.advice.subjects import subjects
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.table import NOTHING, Block, Cell, Column, Link, Prose, Table
from vlm_profiling.tables.study_tables import StudyTables

NONE = (
    f"Nothing: no measured part takes {100 * MIN_SHARE:.0f} % or more of the time, and no other setting was "
    "found to be faster."
)
ABOUT_GAIN = (
    "How many times as fast a sample can get end to end. *At most* is Amdahl's bound 1 / (1 - share): the "
    "gain if that part of the time vanished and nothing else changed. *Measured* compares settings of this "
    "study, with the 95 % interval."
)
FLAGGED_KINDS = {"latency": "latency", "stages": "stages", "flops": "FLOPs", "quality": "quality"}
"""Kinds of metrics that hints use, by what audits call them."""


@dataclass(frozen=True)
class Advice:
    """The hints on one model and data set."""

    subject: Subject
    hints: Sequence[Hint]
    """The largest possible gain first."""


def study_advice(tables: StudyTables) -> dict[str, list[Advice]]:
    """By model: the advice for each data set with results at the baseline."""
    return {
        model: [Advice(subject, advise(subject)) for subject in subjects(tables, model)]
        for model in tables.study.models
    }


def advice_blocks(advice: Advice) -> list[Block]:
    """Every hint, what is not worth an effort, and which flagged metrics hints leave out."""
    blocks: list[Block] = []
    flagged = [title for kind, title in FLAGGED_KINDS.items() if advice.subject.row.flags.get(kind)]
    if advice.hints:
        titles = ("Try this", "Times as fast", "Because")
        lines: list[list[Cell]] = [[hint.try_this, Prose(gain(hint)), hint.evidence] for hint in advice.hints]
        blocks.append(Table([Column(title, text=True) for title in titles], lines))
    elif not flagged:
        blocks.append(Prose(NONE))
    remarks = [small_stages(advice.subject), shared_processor(advice.subject)]
    blocks += [Prose(escape_markdown(words, longest=1000), note=True) for words in remarks if words]
    if flagged:
        words = f"No hint uses metrics that a failed audit flags: {', '.join(flagged)}."
        blocks.append(Prose(words, note=True))
    return blocks


def best_hints_blocks(advice: Mapping[str, Sequence[Advice]]) -> list[Block]:
    """Each model's part with the most room, and its fastest other setting measured.

    Nothing where no run has results.
    """
    every = [each for of_model in advice.values() for each in of_model]
    several = len({each.subject.row.dataset for each in every}) > 1
    lines: list[list[Cell]] = []
    for each in every:
        row = each.subject.row
        name = f"{row.model} · {row.dataset}" if several else row.model
        bound = next((hint for hint in each.hints if hint.measured is None), None)
        setting = next((hint for hint in each.hints if hint.measured), None)
        lines.append([Link(name, f"{row.model}.md"), *_cells(bound), *_cells(setting)])
    titles = ("Model", "Most room", "Times as fast", "Fastest other setting", "Times as fast")
    return [Table([Column(title, text=True) for title in titles], lines)] if lines else []


def _cells(hint: Hint | None) -> list[Cell]:
    return [hint.try_this, Prose(gain(hint))] if hint else [NOTHING, NOTHING]


def gain(hint: Hint) -> str:
    """A bound as "at most 1.67", a measured gain with its interval: "1.31 [1.24, 1.39], measured"."""
    if hint.measured is None:
        return f"at most {hint.gain:.3g}"
    low, high = hint.measured
    return f"{hint.gain:.3g} [{low:.3g}, {high:.3g}], measured"
