"""A study that extends another says only what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from vlm_profiling.study import ConfigError, Study, expand_runs, load_study

PROJECT = Path(__file__).parents[2]
GRID = {"batch_size": {"values": [1, 4], "datasets": ["shapes"]}, "image_size": {"values": [32, 64]}}


@pytest.fixture
def below(settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A study in below.yaml of the working directory."""
    monkeypatch.chdir(tmp_path)
    settings["axes"] = GRID
    Path("below.yaml").write_text(yaml.safe_dump(settings))
    return settings


def extended(**changes: Any) -> Study:
    Path("above.yaml").write_text(yaml.safe_dump({"extends": "below.yaml", **changes}))
    return load_study(Path("above.yaml"))


def test_a_study_that_says_nothing_else_has_the_same_runs(below: dict[str, Any]) -> None:
    assert expand_runs(extended()) == expand_runs(load_study(Path("below.yaml")))


def test_sections_are_merged_and_what_is_said_takes_the_place(below: dict[str, Any]) -> None:
    study = extended(name="other", baseline={"batch_size": 2}, axes={"batch_size": {"values": [8]}})
    assert (study.name, study.baseline.point.batch_size, study.baseline.point.image_size) == ("other", 2, 64)
    assert study.axes["batch_size"].values == [8] and study.axes["batch_size"].datasets == ["shapes"]
    assert study.axes["image_size"].values == [32, 64]


def test_null_takes_a_key_away(below: dict[str, Any]) -> None:
    study = extended(
        models={"fuyu": None, "llava": {"hub": None, "revision": None, "tiny": "llava"}},
        axes={"image_size": None},
    )
    assert list(study.models) == ["llava"] and study.models["llava"].tiny == "llava"
    assert list(study.axes) == ["batch_size"]


def test_files_extend_each_other_in_a_chain(below: dict[str, Any]) -> None:
    extended(name="middle")
    Path("top.yaml").write_text(yaml.safe_dump({"extends": "above.yaml", "baseline": {"batch_size": 16}}))
    study = load_study(Path("top.yaml"))
    assert (study.name, study.baseline.point.batch_size) == ("middle", 16)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.yaml", "extends = 'nowhere.yaml'\n    no such file; allowed: another study's file"),
        ("folder", "extends = 'folder'\n    a folder; allowed: another study's file"),
        ("../below.yaml", "extends = '../below.yaml'\n    a path outside the project"),
        (7, "extends = 7"),
        ("above.yaml", "extends = 'above.yaml'\n    a file that extends itself"),
    ],
)
def test_a_file_that_cannot_be_extended_is_named(below: dict[str, Any], path: Any, message: str) -> None:
    Path("folder").mkdir()
    with pytest.raises(ConfigError, match=message):
        extended(extends=path)


def test_a_problem_names_both_files(below: dict[str, Any]) -> None:
    with pytest.raises(
        ConfigError, match=r"above.yaml, which extends below.yaml: 1 problem\n  baseline.batch_sizes = 4"
    ):
        extended(baseline={"batch_sizes": 4})


@pytest.mark.parametrize("name", ["random", "tiny"])
def test_a_study_without_weights_is_the_reference_studys_grid(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    reference, study = load_study(Path("config.yaml")), load_study(Path(f"profiles/{name}/study.yaml"))
    assert (
        len(study.models) == len(reference.models) == 6
        and len(study.datasets) == len(reference.datasets) == 3
    )
    assert set(reference.axes) - {"max_input_len"} <= set(study.axes)
    assert all(model.random_weights for model in study.models.values())
    assert not any(dataset.hub for dataset in study.datasets.values())
    assert set(reference.optimizations) <= set(study.optimizations)
    if name == "random":
        assert [model.architecture for model in study.models.values()] == list(reference.models)
        for axis in set(reference.axes) - {"max_input_len"}:
            assert study.axes[axis].values == reference.axes[axis].values
            assert study.axes[axis].set == reference.axes[axis].set
        assert study.protocol == reference.protocol
