"""What each optimization does to the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import PERCENT, Entry, Estimate, Unit
from vlm_profiling.quality.drift import Measure, beyond_chance
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.markdown import escape_markdown, listed
from vlm_profiling.report.table import (
    NOTHING,
    Block,
    Cell,
    Column,
    Link,
    Number,
    Prose,
    Table,
    any_estimate,
)
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.part_rows import DriftRow
from vlm_profiling.tables.row import RunRow

POINTS = Unit("points", 0.01)
ABOUT_DRIFT = (
    "Answers by greedy decoding to the same samples, compared one by one. A change is the value with this "
    "optimization minus the reference's, in percentage points (CIDEr-D × 100), with 95 % intervals over "
    "samples; *better* or *worse* where the interval does not contain 0. **Words in common**: the number of "
    "words before the first difference, median over the answers that changed."
)


def drift_blocks(
    rows: Sequence[RunRow], drifts: Mapping[RunKey, DriftRow], *, with_model: bool = False
) -> list[Block]:
    """The runs that were compared with the reference optimization, a row each; nothing where none was.

    Args:
        rows: the runs.
        drifts: the drift of runs' answers.
        with_model: whether a column names the model.
    """
    compared = [drifts[row.place] for row in rows if row.place in drifts]
    if not compared:
        return []
    standards = dict.fromkeys(row.standard_metric for row in compared if row.standard_metric)
    changes = {name: [_change(row, name) for row in compared] for name in ("wer", "exact_match", *standards)}
    shown = {name: entries for name, entries in changes.items() if any_estimate(entries)}
    heads = [
        *([Column("Model", text=True)] if with_model else []),
        Column("Optimization", text=True),
        Column(
            "Answers changed (%)",
            about="answers whose text differs from that of the reference optimization to the same sample",
        ),
        Column(
            "Words in common",
            about="words before the first difference: median over the answers that changed",
        ),
        *(Column(f"{METRICS[name].title}, change (points)", name, _about_change(name)) for name in shown),
    ]
    lines: list[list[Cell]] = [
        [
            *([Link(row.model, f"{row.model}.md")] if with_model else []),
            row.optimization,
            _share(row),
            NOTHING if row.words_in_common is None else Number(Estimate(row.words_in_common), digits="g"),
            *(Number(entries[number], POINTS) for entries in shown.values()),
        ]
        for number, row in enumerate(compared)
    ]
    references = " and ".join(listed([name]) for name in dict.fromkeys(row.reference for row in compared))
    notes = dict.fromkeys(
        f"No change of {METRICS[name].title}: {escape_markdown(entry.reason)}."
        for name, entries in changes.items()
        for entry in entries
        if isinstance(entry, Absent) and not (name in shown and entry.reason.startswith("the data set"))
    )
    return [
        Prose(f"Answers compared with those of {references}:"),
        Table(heads, lines),
        *(Prose(note, note=True) for note in (*notes, ABOUT_DRIFT)),
    ]


def _about_change(name: str) -> str:
    return (
        f"here: after minus before, sample by sample, in percentage points; {METRICS[name].better} is better"
    )


def _share(row: DriftRow) -> Number:
    share = row.interval("changed_share")
    assert share is not None, "every row has a share"
    return Number(Estimate(share.mean, share.bounds, row.common), PERCENT, with_n=True)


def _change(row: DriftRow, name: str) -> Entry:
    measure: Measure = "wer" if name == "wer" else "exact_match" if name == "exact_match" else "standard"
    if measure == "standard" and row.standard_metric != name:
        return Absent("the data set has another standard metric")
    change = row.interval(f"{measure}_change")
    if change is None:
        return Absent(row.absent(f"{measure}_change"))
    bounds = change.bounds
    return Estimate(change.mean, bounds, verdict=beyond_chance(measure, bounds))
