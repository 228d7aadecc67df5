"""Subjects for hints: a cell of round numbers, its stages and layers, and other settings beside it."""

from __future__ import annotations

from typing import Any

from vlm_profiling.metrics.catalog import run_columns
from vlm_profiling.metrics.estimate import Entry, Estimate
from vlm_profiling.report.advice.base import Alternative, Subject
from vlm_profiling.tables.identity import IdentifiedRow
from vlm_profiling.tables.part_rows import LayerRow, StageRow
from vlm_profiling.tables.row import RunRow

SHARES = {
    "preprocess": 0.4,
    "transfer": 0.01,
    "vision": 0.12,
    "prefill": 0.2,
    "decode": 0.2,
    "loop": 0.06,
    "detokenise": 0.01,
}
"""Of 10 ms end to end, of which generate() takes 8 ms."""


PLACE: dict[str, Any] = dict.fromkeys(IdentifiedRow.__struct_fields__)
PLACE |= {"model": "tiny-llava", "dataset": "vqa", "key": "0123456789"}
PLACE |= {"device": "cpu", "optimization": "fp32", "batch_size": 4, "frames": 1}


def make_cell(**figures: Any) -> RunRow:
    """A finished run at batch size 4 of 10 ms a batch; every other figure is absent unless given."""
    nothing = {name: None for name in RunRow.__struct_fields__ if name not in ("values", "flags")}
    identity = PLACE | {"axes": "baseline", "state": "current", "status": "ok"}
    times = {"generate_mean_s": 0.008, "end_to_end_mean_s": 0.01}
    given = times | figures
    values = dict.fromkeys(run_columns()) | {name: given[name] for name in run_columns() if name in given}
    facts = {name: value for name, value in given.items() if name in RunRow.__struct_fields__}
    return RunRow(**(nothing | identity | {"values": values, "flags": {}} | facts))


def make_stage_rows(shares: dict[str, float] | None = None) -> dict[str, StageRow]:
    rows = {}
    for stage, share in (shares or SHARES).items():
        none = dict.fromkeys(StageRow.__struct_fields__)
        known = PLACE | {"stage": stage, "share": share}
        times = {
            "time_n": 60,
            "time_mean_s": share * 0.01,
            "stages_end_to_end_n": 60,
            "stages_end_to_end_mean_s": 0.01,
        }
        rows[stage] = StageRow(**(none | known | times))
    return rows


def make_layer_rows(blocks: dict[str, float], slowed: float = 1.1) -> list[LayerRow]:
    """One kind of layer a block, with its share of generate(); what is left of 1 lies between them."""
    return [
        LayerRow(
            **PLACE,
            stage="decode",
            module="Linear",
            block=block,
            share=share,
            layers_coverage=sum(blocks.values()),
            layers_batches=4,
            layers_against_headline=slowed,
            layers_stages_s='{"decode": 1.0}',
            layers_generate_s=1.0,
        )
        for block, share in blocks.items()
    ]


def make_alternative(
    axis: str, value: object, speedup: Estimate, quality_change: Entry, **figures: Any
) -> Alternative:
    return Alternative(axis, make_cell(**{axis: value}, **figures), speedup, quality_change)


def make_subject(cell: RunRow | None = None, **parts: Any) -> Subject:
    return Subject(cell or make_cell(), **parts)
