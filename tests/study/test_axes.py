"""A setting of a point is declared once: its key and limits by the point, its words where pages are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlm_profiling.record.schema import RunRecord, Sample
from vlm_profiling.report.words import value_label
from vlm_profiling.staleness.code_digest import code_digest
from vlm_profiling.study import Point
from vlm_profiling.study.axes import AXES
from vlm_profiling.study.describe import choices
from vlm_profiling.study.grid_config import PartialPoint, PointConfig
from vlm_profiling.study.point import AXIS_NAMES, DEFAULTS, SETTINGS, may_be_null
from vlm_profiling.tables.identity import IdentifiedRow
from vlm_profiling.tables.row import RunRow

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_every_setting_is_an_axis_everywhere_and_in_the_same_order() -> None:
    assert (
        list(AXES)
        == list(AXIS_NAMES)
        == list(SETTINGS)
        == list(PointConfig.model_fields)
        == list(PartialPoint.model_fields)
        == [name for name in IdentifiedRow.__struct_fields__ if name in AXES]
    )
    assert RunRecord.__annotations__["point"] == "Point"


@pytest.mark.parametrize("name", AXES)
def test_limits_and_defaults_of_a_setting_are_those_of_the_point(name: str) -> None:
    at_baseline, partial = (
        section.model_json_schema()["properties"][name] for section in (PointConfig, PartialPoint)
    )
    setting = SETTINGS[name]
    for choice in (*choices(at_baseline), *choices(partial)):
        assert (choice.get("minimum"), choice.get("maximum")) == (setting.least, setting.most)
    assert at_baseline.get("default", "required") == DEFAULTS.get(name, "required")
    assert partial["default"] is None
    assert at_baseline["description"].startswith(partial["description"])


def test_a_setting_that_came_later_is_in_names_and_keys_only_where_it_is_set() -> None:
    plain = Point(device="cpu", optimization="fp32")
    assert plain.label == "cpu-fp32-b1-in-tn-f1"
    assert "prompt_len" not in plain.chosen and plain.chosen["image_size"] is None
    longer = plain.replaced(prompt_len=64)
    assert longer.label == "cpu-fp32-b1-in-tn-p64-f1"
    assert longer.chosen["prompt_len"] == 64
    assert (plain.prompt_len, hash(plain) == hash(longer)) == (None, False)


@pytest.mark.parametrize("name", AXES)
def test_what_an_axis_is_there_to_change_is_recorded_and_in_the_table_of_runs(name: str) -> None:
    axis = AXES[name]
    columns = [
        *([axis.size.column] if axis.size else []),
        *(axis.given.columns.values() if axis.given else []),
    ]
    assert set(columns) <= set(RunRow.__struct_fields__)
    assert set(axis.given.fields if axis.given else []) <= set(Sample.__struct_fields__)


@pytest.mark.parametrize("name", AXES)
def test_a_setting_that_may_be_null_has_a_word_for_it(name: str) -> None:
    assert bool(AXES[name].unset) == bool(SETTINGS[name].absent) == may_be_null(name)
    assert value_label(name, None) == AXES[name].unset


def test_another_word_makes_no_run_stale() -> None:
    measured = code_digest(SCRIPTS / "profile_run.py", SCRIPTS / "vlm_profiling")["files"]
    assert {"vlm_profiling/study/config.py", "vlm_profiling/study/point.py"} <= set(measured)
    assert "vlm_profiling/study/axes.py" not in measured
