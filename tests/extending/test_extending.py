"""The code of docs/extending.md, exactly as the page shows it, applied to a copy: counted and run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from built_once import built_once
from recipes import PAGE, read_recipes
from small_project import STUDY, Project, new_project

RECIPES = read_recipes()
FILES = {"A metric": 3, "An audit": 2, "An axis": 5, "A chart": 2}
"""The most library files that a recipe may touch."""
FOLDERS = {"A model family": "models", "An engine": "engines"}
"""Recipes of one folder and one entry in a list."""


def test_the_page_has_the_six_recipes() -> None:
    assert set(RECIPES) == {*FILES, *FOLDERS}


@pytest.mark.parametrize("title", FILES)
def test_a_recipe_touches_few_library_files(title: str) -> None:
    assert 0 < len({change.path for change in RECIPES[title].library}) <= FILES[title]
    assert f"](#{title.lower().replace(' ', '-')}) | {FILES[title]}" in PAGE.read_text()


@pytest.mark.parametrize("title", FOLDERS)
def test_a_family_or_an_engine_is_one_folder_and_one_entry(title: str) -> None:
    changes = RECIPES[title].library
    new = {Path(change.path).parent for change in changes if change.is_new}
    assert [folder.parent.name for folder in new] == [FOLDERS[title]]
    (changed,) = (change for change in changes if not change.is_new)
    assert changed.added_lines(imports=False) == 1


def test_the_code_of_the_page_is_formatted_and_its_new_files_pass_the_linter(tmp_path: Path) -> None:
    project = extend(tmp_path / "project")
    changes = [
        change for recipe in RECIPES.values() for change in recipe.changes if change.path.endswith(".py")
    ]
    everywhere = [str(project.folder / change.path) for change in changes]
    new = [str(project.folder / change.path) for change in changes if change.is_new]
    config = ("--config", str(PAGE.parents[1] / "pyproject.toml"))
    for command in (("format", "--check", *config, *everywhere), ("check", *config, *new)):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def extend(folder: Path) -> Project:
    """A copy of the project with all recipes of the page."""
    project = new_project(folder)
    for recipe in RECIPES.values():
        for change in recipe.changes:
            change.apply(project.folder)
    return project


MODELS = {"tiny": {"tiny": "llava"}, "vip": {"tiny": "vipllava"}}
"""The second one is of the new family."""
SETTINGS: dict[str, Any] = {
    "models": MODELS,
    "optimizations": {"fp32": {"dtype": "float32"}, "greedy": {"dtype": "float32", "engine": "greedy"}},
    "axes": {
        "optimization": {"values": ["fp32", "greedy"], "models": ["tiny"]},
        "new_tokens": {"values": [None, 4], "models": ["tiny"]},
    },
    "protocol": {**STUDY["protocol"], "max_new_tokens": 2},
}


@pytest.fixture(scope="session")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with all six recipes after a study that uses them. Read only."""

    def run(folder: Path) -> None:
        project = extend(folder / "project")
        project.configure(**SETTINGS)
        project.run()

    return built_once(tmp_path_factory, "extended", run) / "project" / "results"


@pytest.fixture(scope="session")
def runs(extended: Path) -> pl.DataFrame:
    """The table of runs, every one of which has values."""
    table = pl.read_parquet(extended / "tables/runs.parquet")
    assert table["status"].to_list() == ["ok"] * 4, table["reason"].to_list()
    return table


@pytest.mark.slow
def test_the_metric_is_in_the_tables_on_the_pages_and_in_the_dictionary(
    extended: Path, runs: pl.DataFrame
) -> None:
    assert (runs["characters_per_s"] > 0).all()
    dictionary = (extended / "tables/README.md").read_text()
    assert "| Characters per second | `characters_per_s` | 1/s |" in dictionary
    for ending in ("md", "html"):
        assert "Characters per second" in (extended / f"reports/tiny.{ending}").read_text()


@pytest.mark.slow
def test_the_audit_finds_too_few_batches(extended: Path, runs: pl.DataFrame) -> None:
    findings = pl.read_parquet(extended / "tables/audits.parquet").filter(audit="enough batches")
    assert findings["verdict"].to_list() == ["warn"] * runs.height
    words = "the latency is the mean of 2 batches, 20 are enough"
    assert set(findings["evidence"]) == {words} and words in (extended / "reports/tiny.md").read_text()


@pytest.mark.slow
def test_the_axis_has_its_runs_its_page_and_its_charts(extended: Path, runs: pl.DataFrame) -> None:
    longer = runs.filter(new_tokens=4)
    assert longer["generated_tokens_mean"].to_list() == [4.0]
    assert "answer length" in (extended / "reports/axis-new_tokens.md").read_text().lower()
    assert (extended / "plots/tiny/new_tokens.svg").stat().st_size > 1000


@pytest.mark.slow
def test_the_chart_is_drawn_and_shown(extended: Path) -> None:
    assert "Time to first token by model" in (extended / "plots/index/ttft.svg").read_text()
    assert "plots/index/ttft.svg" in (extended / "reports/index.md").read_text()


@pytest.mark.slow
def test_the_family_serves_its_model_with_stages_and_flops(extended: Path, runs: pl.DataFrame) -> None:
    (run,) = runs.filter(model="vip").to_dicts()
    assert run["checkpoint_family"] == "vipllava" and run["batch_flops"] > 0
    stages = pl.read_parquet(extended / "tables/stages.parquet").filter(model="vip")
    assert {"vision", "project", "prefill", "decode"} <= set(stages["stage"])
    assert "VipLlavaForConditionalGeneration" in (extended / "reports/vip.md").read_text()


@pytest.mark.slow
def test_the_engine_gives_the_same_answers_and_says_what_it_cannot_tell(
    extended: Path, runs: pl.DataFrame
) -> None:
    (greedy,) = runs.filter(optimization="greedy").to_dicts()
    assert greedy["generate_mean_s"] > 0 and greedy["ttft_mean_s"] is None
    samples = pl.read_parquet(extended / "tables/samples.parquet").filter(
        pl.col("model") == "tiny", pl.col("new_tokens").is_null()
    )
    answers = {
        name: samples.filter(optimization=name).sort("id")["answer"].to_list() for name in ("fp32", "greedy")
    }
    assert answers["fp32"] == answers["greedy"]
    (record,) = (extended / "runs/tiny/shapes").glob("cpu-greedy-*.json")
    assert "the greedy engine has no events inside its loop" in record.read_text()
    assert "greedy" in (extended / "reports/tiny.md").read_text()
