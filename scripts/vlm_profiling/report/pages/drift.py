"""What each optimization does to the answers, for the pages: beside the table of its latency, and on the
axis's own page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vlm_profiling.metrics.estimate import PERCENT, Entry, Estimate, Unit
from vlm_profiling.quality.drift import Measure, beyond_chance
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.tables import NOTHING, show
from vlm_profiling.tables.drift import DriftRow
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow

POINTS = Unit("points", 0.01)
TITLES = {
    "wer": "Word error rate",
    "exact_match": "Exact match",
    "vqa_accuracy": "VQA accuracy",
    "choice_accuracy": "Multiple-choice accuracy",
    "cider_d": "CIDEr-D",
}
ABOUT_DRIFT = (
    "Greedy decoding on the same samples, compared one by one. Changes are after minus before, in points of a hundred (CIDEr-D "
    "× 100), with 95 % intervals over samples; better or worse where 0 lies outside. **Words in common** "
    "stand before the first difference: the median over the answers that changed."
)


def drift_table(
    cells: Sequence[RunRow], drifts: Mapping[RunKey, DriftRow], *, with_model: bool = False
) -> str:
    """The cells that were compared with the reference optimization, one row each; empty where none was."""
    rows = [drifts[cell.place] for cell in cells if cell.place in drifts]
    if not rows:
        return ""
    changes = {
        name: [_change(row, name) for row in rows] for name in ("wer", "exact_match", *_standards(rows))
    }
    shown = [
        name for name, entries in changes.items() if any(isinstance(entry, Estimate) for entry in entries)
    ]
    header = [
        "Optimization",
        "Answers changed (%)",
        "Words in common",
        *(f"{TITLES[name]}, change (points)" for name in shown),
    ]
    body = [
        [
            escape_markdown(row.optimization),
            _share(row),
            _words(row),
            *(show(changes[name][number], POINTS) for name in shown),
        ]
        for number, row in enumerate(rows)
    ]
    if with_model:
        header = ["Model", *header]
        body = [
            [f"[{escape_markdown(row.model)}]({row.model}.md)", *cells]
            for row, cells in zip(rows, body, strict=True)
        ]
    references = " and ".join(dict.fromkeys(escape_markdown(row.reference) for row in rows))
    notes = dict.fromkeys(
        f"{TITLES[name]}, no change to tell: {escape_markdown(entry.reason)}."
        for name, entries in changes.items()
        for entry in entries
        if isinstance(entry, Absent) and not (name in shown and entry.reason.startswith("the data set"))
    )
    text = table(header, body, text_columns=2 if with_model else 1)
    return "\n\n".join([f"Answers against those of {references}:", text, *notes, ABOUT_DRIFT])


def _standards(rows: Sequence[DriftRow]) -> list[str]:
    return list(dict.fromkeys(row.standard_metric for row in rows if row.standard_metric))


def _share(row: DriftRow) -> str:
    share = row.interval("changed_share")
    assert share is not None, "every row has a share"
    return show(Estimate(share.mean, share.bounds, row.common), PERCENT, with_n=True)


def _words(row: DriftRow) -> str:
    return NOTHING if row.words_in_common is None else f"{row.words_in_common:g}"


def _change(row: DriftRow, name: str) -> Entry:
    measure: Measure = "wer" if name == "wer" else "exact_match" if name == "exact_match" else "standard"
    if measure == "standard" and row.standard_metric != name:
        return Absent("the data set has another standard metric")
    change = row.interval(f"{measure}_change")
    if change is None:
        return Absent(row.absent(f"{measure}_change"))
    return Estimate(change.mean, change.bounds, verdict=beyond_chance(measure, change.bounds))
