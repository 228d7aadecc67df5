"""What came out at the baseline in a few lines: which model was the fastest, and which needed least."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from vlm_profiling.metrics.catalog import METRICS, Metric
from vlm_profiling.metrics.estimate import Estimate, Unit, best_unit
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.tables import (
    EXACT_MATCHES,
    NOTHING,
    STANDARDS,
    linked_model,
    quantities_there,
    show,
)
from vlm_profiling.tables.row import RunRow


class _Contest(NamedTuple):
    words: str
    metric: Metric

    @property
    def sign(self) -> int:
        """1 where less is better, -1 where more is."""
        return -1 if self.metric.better == "higher" else 1


def best_table(cells: Sequence[RunRow]) -> str:
    """The best model and the next, a row a quantity, a column a data set that several models answered. Else
    empty.
    """
    standards = quantities_there(STANDARDS, cells) or [EXACT_MATCHES]
    contests = [
        _Contest("Least time a sample", METRICS["generate_per_sample_s"]),
        _Contest("Least energy a sample", METRICS["energy_per_sample_j"]),
        _Contest("Smallest peak memory", METRICS["peak_memory_bytes"]),
        *(_Contest(f"Highest {_within_a_line(quantity.title)}", quantity) for quantity in standards),
    ]
    asked = Counter(cell.dataset for cell in cells)
    datasets = [dataset for dataset, models in asked.items() if models > 1]
    rows = []
    for contest in contests:
        entries = [cell.estimate(contest.metric.id) for cell in cells]
        unit = best_unit(contest.metric.units, entries)
        places = [
            _best([cell for cell in cells if cell.dataset == dataset], contest, unit) for dataset in datasets
        ]
        if any(places):
            rows.append([contest.words, *(place or NOTHING for place in places)])
    return table(["", *map(escape_markdown, datasets)], rows, text_columns=1 + len(datasets)) if rows else ""


def _within_a_line(title: str) -> str:
    """A title as other words go before it; abbreviations stay in capitals."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def _best(cells: Sequence[RunRow], contest: _Contest, unit: Unit) -> str:
    """The first two, and whether their intervals tell them apart; empty with fewer than two figures."""
    figures = [
        (cell, figure) for cell in cells if isinstance(figure := cell.estimate(contest.metric.id), Estimate)
    ]
    if len(figures) < 2:
        return ""
    (first, best), (second, next_best) = sorted(figures, key=lambda pair: contest.sign * pair[1].value)[:2]
    apart = best.bounds[1] < next_best.bounds[0] or next_best.bounds[1] < best.bounds[0]
    word = "then" if apart else "not told apart from"
    told = [
        f"{linked_model(cell.model, cell.gpus)} {show(figure, unit)} {unit.name}"
        for cell, figure in ((first, best), (second, next_best))
    ]
    return f"{told[0]}, {word} {told[1]}"
