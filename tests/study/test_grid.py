"""A study expands to its cells: one axis at a time around the baseline, each cell once, in a fixed order."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from vlm_profiling.study import ConfigError, Run, Runs, expand_runs, study_from_mapping

Settings = dict[str, Any]


def expand(settings: Settings) -> list[Run]:
    return expand_runs(study_from_mapping(settings))


def cells(settings: Settings, model: str = "llava") -> list[tuple[str, int, int | None]]:
    """(data set, batch size, image size) of one model's runs, in order."""
    return [
        (run.dataset, run.point.batch_size, run.point.image_size)
        for run in expand(settings)
        if run.model == model
    ]


def test_one_axis_varies_at_a_time_around_the_baseline(settings: Settings) -> None:
    assert cells(settings) == [
        ("shapes", 1, 64),  # the baseline, also on the batch-size axis
        ("shapes", 4, 64),  # batch size, also on the image-size axis
        ("shapes", 4, 32),
        ("photos", 4, 32),
        ("photos", 4, 64),
    ]


def test_models_stand_together_and_have_the_same_cells(settings: Settings) -> None:
    runs = expand(settings)
    assert [run.model for run in runs] == ["llava"] * 5 + ["fuyu"] * 5
    assert cells(settings, "fuyu") == cells(settings, "llava")


def test_a_point_that_axes_share_is_one_run_that_names_them(settings: Settings) -> None:
    axes = {(run.dataset, run.point.batch_size, run.point.image_size): run.axes for run in expand(settings)}
    assert axes["shapes", 1, 64] == ("baseline", "batch_size")
    assert axes["shapes", 4, 64] == ("batch_size", "image_size")
    assert axes["photos", 4, 64] == ("image_size",)


def test_an_axis_overrides_other_settings(settings: Settings) -> None:
    settings["axes"] = {"image_size": {"values": [32], "set": {"batch_size": 8, "optimization": "fp16"}}}
    run = next(run for run in expand(settings) if run.axes == ("image_size",))
    assert (run.point.batch_size, run.point.optimization, run.point.image_size, run.point.device) == (
        8,
        "fp16",
        32,
        "cpu",
    )


def test_an_axis_chooses_data_sets_and_models(settings: Settings) -> None:
    settings["axes"] = {"batch_size": {"values": [4], "datasets": ["photos"], "models": ["fuyu"]}}
    assert cells(settings, "llava") == [("shapes", 1, 64)]
    assert cells(settings, "fuyu") == [("shapes", 1, 64), ("photos", 4, 64)]


def test_the_baseline_chooses_data_sets_and_models(settings: Settings) -> None:
    settings["axes"] = {}
    settings["baseline"] |= {"models": ["fuyu"], "datasets": ["photos"]}
    assert [(run.model, run.dataset, run.axes) for run in expand(settings)] == [
        ("fuyu", "photos", ("baseline",))
    ]


def test_everything_is_chosen_where_nothing_is_named(settings: Settings) -> None:
    settings["axes"] = {}
    del settings["baseline"]["datasets"]
    assert [(run.model, run.dataset) for run in expand(settings)] == [
        ("llava", "shapes"),
        ("llava", "photos"),
        ("fuyu", "shapes"),
        ("fuyu", "photos"),
    ]


def test_values_keep_their_order(settings: Settings) -> None:
    settings["axes"] = {"batch_size": {"values": [16, 4, 8], "datasets": ["shapes"]}}
    assert [batch for _, batch, _ in cells(settings)] == [1, 16, 4, 8]


def test_null_is_the_models_own(settings: Settings) -> None:
    settings["axes"] = {"image_size": {"values": [None], "datasets": ["shapes"]}}
    run = expand(settings)[1]
    assert run.point.image_size is None
    assert run.point.label == "cpu-fp32-b1-in-tn-f1"


def test_a_prompt_length_is_an_axis_and_names_its_files_only_where_it_is_set(settings: Settings) -> None:
    settings["axes"] = {"prompt_len": {"values": [None, 32, 64], "datasets": ["shapes"]}}
    own = [run for run in expand(settings) if run.model == "llava"]
    assert [run.point.label for run in own] == [
        "cpu-fp32-b1-i64-tn-f1",
        "cpu-fp32-b1-i64-tn-p32-f1",
        "cpu-fp32-b1-i64-tn-p64-f1",
    ]
    assert [run.axes for run in own] == [("baseline", "prompt_len"), ("prompt_len",), ("prompt_len",)]
    assert [json.loads(run.spec.json)["point"].get("prompt_len") for run in own] == [None, 32, 64]


def test_a_product_crosses_prompt_lengths_and_a_cell_may_have_its_own(settings: Settings) -> None:
    settings |= {
        "grid": "product",
        "axes": {"batch_size": {"values": [1, 4]}, "prompt_len": {"values": [None, 32]}},
    }
    settings["include"] = [{"models": ["llava"], "datasets": ["shapes"], "set": {"prompt_len": 8}}]
    settings["exclude"] = [{"datasets": ["photos"]}, {"set": {"prompt_len": 32, "batch_size": 4}}]
    lengths = [
        (run.point.batch_size, run.point.prompt_len) for run in expand(settings) if run.model == "llava"
    ]
    assert lengths == [(1, None), (1, 32), (4, None), (1, 8)]


def test_included_cells_are_added_once(settings: Settings) -> None:
    settings["axes"] = {}
    settings["include"] = [
        {"models": ["fuyu"], "datasets": ["photos"], "set": {"batch_size": 2}},
        {"models": ["fuyu"], "datasets": ["photos"], "set": {"batch_size": 2}},
        {"models": ["llava"], "datasets": ["shapes"]},
    ]
    assert cells(settings, "fuyu") == [("shapes", 1, 64), ("photos", 2, 64)]
    assert [run.axes for run in expand(settings) if run.model == "llava"] == [("baseline", "include")]


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({"set": {"batch_size": 4}}, [("shapes", 1, 64)]),
        ({"datasets": ["photos"]}, [("shapes", 1, 64), ("shapes", 4, 64), ("shapes", 4, 32)]),
        (
            {"models": ["fuyu"]},
            [("shapes", 1, 64), ("shapes", 4, 64), ("shapes", 4, 32), ("photos", 4, 32), ("photos", 4, 64)],
        ),
        (
            {"datasets": ["photos"], "set": {"image_size": 64}},
            [("shapes", 1, 64), ("shapes", 4, 64), ("shapes", 4, 32), ("photos", 4, 32)],
        ),
    ],
)
def test_an_exclusion_leaves_out_the_cells_that_match_all_its_keys(
    settings: Settings, rule: Settings, left: list[Any]
) -> None:
    settings["exclude"] = [rule]
    assert cells(settings) == left


def test_a_full_product_crosses_all_axes(settings: Settings) -> None:
    settings |= {
        "grid": "product",
        "axes": {"batch_size": {"values": [1, 4]}, "image_size": {"values": [32, 64]}},
    }
    assert cells(settings) == [
        ("shapes", 1, 64),
        *[("shapes", batch, size) for batch, size in [(1, 32), (4, 32), (4, 64)]],
        *[("photos", batch, size) for batch, size in [(1, 32), (1, 64), (4, 32), (4, 64)]],
    ]


def test_a_full_product_crosses_only_the_axes_that_choose_a_data_set(settings: Settings) -> None:
    settings |= {"grid": "product"}
    settings["axes"] = {
        "batch_size": {"values": [1, 4], "datasets": ["shapes"]},
        "image_size": {"values": [32, 64]},
    }
    assert sum(dataset == "shapes" for dataset, _, _ in cells(settings)) == 4
    assert cells(settings)[-2:] == [("photos", 1, 32), ("photos", 1, 64)]


def test_a_full_product_refuses_an_override_that_it_could_not_keep(settings: Settings) -> None:
    settings["grid"] = "product"
    with pytest.raises(
        ConfigError, match=r"axes\.image_size\.set\n +a full product crosses this axis with all others"
    ):
        study_from_mapping(settings)


def test_file_names_are_readable_and_end_with_the_key(settings: Settings) -> None:
    run = expand(settings)[0]
    assert run.name == f"llava/shapes/cpu-fp32-b1-i64-tn-f1-{run.key}"
    assert Path(run.name).parts == ("llava", "shapes", Path(run.name).name)


def test_every_run_has_its_own_file_and_key(settings: Settings) -> None:
    runs = expand(settings)
    assert len({run.name for run in runs}) == len({(run.model, run.key) for run in runs}) == len(runs)


def test_the_order_is_the_same_each_time(settings: Settings) -> None:
    assert expand(settings) == expand(settings)


def test_a_study_of_ten_thousand_cells_expands(settings: Settings) -> None:
    settings["axes"] = {"batch_size": {"values": list(range(1, 2501))}}
    assert len(expand(settings)) == 10_000


def test_part_of_the_runs_is_the_same_as_of_all_and_another_process_makes_the_same(
    settings: Settings,
) -> None:
    made = Runs(study_from_mapping(settings), "lock-1")
    whole = list(made)
    assert len(whole) == len(made) > 3
    assert made[1:3] == whole[1:3]
    assert made[::2] == whole[::2]
    assert made[-1] == whole[-1]
    with pytest.raises(IndexError):
        made[len(made)]
    assert list(pickle.loads(pickle.dumps(made))) == whole
