"""Snakemake's own report holds every chart as its image, with a caption, a category and labels."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from small_project import STUDY, Project

from vlm_profiling.outputs import chart_files, chart_kinds
from vlm_profiling.study import study_from_mapping

CAPTIONS = Path(__file__).parents[2] / "rules" / "captions"
CHARTS = [file for file in chart_files(study_from_mapping(STUDY)) if file.endswith(".svg")]


@pytest.fixture(scope="module")
def report(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    path = tmp_path_factory.mktemp("report") / "report.zip"
    finished.run("--report", str(path))
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def results(report: zipfile.ZipFile) -> dict[str, Any]:
    """What the report says of each of its files, by the file's path in the project."""
    page = report.read("report/report.html").decode()
    found, _ = json.JSONDecoder().raw_decode(page[page.rindex("var results = {") + len("var results = ") :])
    return found


def test_every_chart_is_in_the_report_as_it_was_drawn(
    report: zipfile.ZipFile, results: dict[str, Any], finished: Project
) -> None:
    assert set(results) == {f"results/plots/{file}" for file in CHARTS}
    for path, result in results.items():
        assert report.read(f"report/{result['data_uri']}") == (finished.folder / path).read_bytes()


def test_each_has_the_caption_of_its_kind_and_labels_that_tell_it_from_others(
    results: dict[str, Any],
) -> None:
    captions: dict[str, set[str]] = {}
    for path, result in results.items():
        captions.setdefault(result["labels"]["kind"], set()).add(result["caption"])
        assert result["labels"]["chart"] == Path(path).stem.replace("_", " ")
    assert all(len(texts) == 1 for texts in captions.values())
    assert len(set.union(*captions.values())) == len(captions)


def test_every_kind_has_a_caption_and_no_caption_is_of_no_kind() -> None:
    kinds = {*chart_kinds(study_from_mapping(STUDY)).values(), "quality"}
    assert {path.stem for path in CAPTIONS.glob("*.rst")} == kinds
