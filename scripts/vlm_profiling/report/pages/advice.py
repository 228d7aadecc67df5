"""What to try next, for the pages: every hint with its bound and evidence, and each model's best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vlm_profiling.report.advice.base import MIN_SHARE, Hint, Subject
from vlm_profiling.report.advice.machine import shared_processor
from vlm_profiling.report.advice.registry import advise
from vlm_profiling.report.advice.stages import small_stages
from vlm_profiling.report.advice.subjects import read_subjects
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.tables import NOTHING
from vlm_profiling.tables.study_tables import Cells

NONE = (
    f"Nothing: no part of the time holds {100 * MIN_SHARE:.0f} % or more as far as parts were measured, "
    "and no other setting was found to be faster."
)


@dataclass(frozen=True)
class Advice:
    """The hints on one model and data set."""

    subject: Subject
    hints: Sequence[Hint]
    """The largest possible gain first."""


@lru_cache(maxsize=256)
def model_advice(cells: Cells, model: str, tables: Path) -> list[Advice]:
    """The advice on a model, one for each data set with figures at the baseline; kept, as two pages show it."""
    return [Advice(subject, advise(subject)) for subject in read_subjects(cells, model, tables)]


def advice_text(advice: Advice) -> str:
    """Every hint in a table, what is not worth an effort, and which failed audits keep figures out of it."""
    rows = [
        [escape_markdown(hint.try_this), gain(hint), escape_markdown(hint.evidence)] for hint in advice.hints
    ]
    without = _left_out(advice.subject)
    parts = (
        [table(["Try this", "Times as fast", "Because"], rows, text_columns=3)]
        if rows
        else []
        if without
        else [NONE]
    )
    parts += [
        escape_markdown(words)
        for words in (small_stages(advice.subject), shared_processor(advice.subject))
        if words
    ]
    if without:
        parts.append(f"No hint is made of what an audit failed: {', '.join(without)}.")
    return "\n\n".join(parts)


def best_hints_table(advice: Sequence[Advice]) -> str:
    """Each model's part with the most room, and its fastest other setting measured; empty where no run has
    figures.
    """
    several = len({each.subject.cell.dataset for each in advice}) > 1
    rows = []
    for each in advice:
        cell = each.subject.cell
        name = f"{cell.model} · {cell.dataset}" if several else cell.model
        bound = next((hint for hint in each.hints if hint.measured is None), None)
        setting = next((hint for hint in each.hints if hint.measured), None)
        rows.append([f"[{escape_markdown(name)}]({cell.model}.md)", *_words(bound), *_words(setting)])
    heading = ["Model", "Most room", "Times as fast", "Fastest other setting", "Times as fast"]
    return table(heading, rows, text_columns=5) if rows else ""


def _words(hint: Hint | None) -> list[str]:
    return [escape_markdown(hint.try_this), gain(hint)] if hint else [NOTHING, NOTHING]


def gain(hint: Hint) -> str:
    """A bound as "at most 1.67", a measured gain with its interval: "1.31 [1.24, 1.39], measured"."""
    if hint.measured is None:
        return f"at most {hint.gain:.3g}"
    low, high = hint.measured
    return f"{hint.gain:.3g} [{low:.3g}, {high:.3g}], measured"


def _left_out(subject: Subject) -> list[str]:
    """Kinds of figures at the baseline that a failed audit marks, and that hints would have used."""
    return [kind for kind in ("latency", "stages", "flops", "quality") if subject.cell.flags.get(kind)]
