"""A setting of a point is declared once: its key and limits where studies are read, its words where pages are
made.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vlm_profiling.record.schema import Point as RecordPoint
from vlm_profiling.record.schema import Sample
from vlm_profiling.report.words import value_label
from vlm_profiling.staleness.code_digest import code_digest
from vlm_profiling.study import Point
from vlm_profiling.study.axes import AXIS_INFO
from vlm_profiling.study.config import AXIS_NAMES, PartialPoint, PointConfig
from vlm_profiling.tables.identity import IdentifiedRow
from vlm_profiling.tables.row import RunRow

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_every_setting_is_an_axis_everywhere_and_in_the_same_order() -> None:
    assert (
        list(AXIS_INFO)
        == list(AXIS_NAMES)
        == list(PartialPoint.model_fields)
        == list(Point._fields)
        == [name for name in RecordPoint.__struct_fields__ if name in AXIS_INFO]
    )
    assert [name for name in IdentifiedRow.__struct_fields__ if name in AXIS_INFO] == list(AXIS_INFO)


@pytest.mark.parametrize("name", AXIS_INFO)
def test_what_an_axis_is_there_to_change_is_recorded_and_in_the_table_of_runs(name: str) -> None:
    axis = AXIS_INFO[name]
    columns = [
        *([axis.size.column] if axis.size else []),
        *(axis.given.columns.values() if axis.given else []),
    ]
    assert set(columns) <= set(RunRow.__struct_fields__)
    assert set(axis.given.fields if axis.given else []) <= set(Sample.__struct_fields__)


@pytest.mark.parametrize("name", AXIS_INFO)
def test_a_setting_that_may_be_null_has_a_word_for_it(name: str) -> None:
    may_be_null = type(None) in getattr(PointConfig.model_fields[name].annotation, "__args__", ())
    assert bool(AXIS_INFO[name].unset) == may_be_null
    assert value_label(name, None) == AXIS_INFO[name].unset


def test_another_word_makes_no_run_stale() -> None:
    measured = code_digest(SCRIPTS / "profile_run.py", SCRIPTS / "vlm_profiling")["files"]
    assert "vlm_profiling/study/config.py" in measured
    assert "vlm_profiling/study/axes.py" not in measured
