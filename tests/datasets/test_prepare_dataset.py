"""A prepared data set is whole or not there, and has the same bytes each time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from vlm_profiling.datasets import prepare as preparation
from vlm_profiling.datasets.candidates import DatasetError

SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare_dataset.py"


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_source_and_settings_give_the_same_bytes(source, prepare, tmp_path):
    source(6)
    prepare(tmp_path / "a", samples=4, seed=3)
    prepare(tmp_path / "b", samples=4, seed=3)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert (
        prepare(tmp_path / "c", samples=4, seed=4).content_sha256
        != prepare(tmp_path / "a", samples=4, seed=3).content_sha256
    )


def test_manifest_samples_and_images_belong_together(source, prepare, tmp_path):
    folder = source(4)
    manifest = prepare(samples=2)
    written = content(tmp_path / "prepared" / "shapes")
    samples = [json.loads(line) for line in written["samples.jsonl"].splitlines()]
    assert sorted(written) == sorted(
        ["manifest.json", "samples.jsonl", *(sample["image"] for sample in samples)]
    )
    assert manifest.content_sha256 == hashlib.sha256(written["samples.jsonl"]).hexdigest()
    for sample in samples:
        assert written[sample["image"]] == (folder / "images" / f"{sample['id']}.png").read_bytes()
        assert sample["image"] == f"images/{hashlib.sha256(written[sample['image']]).hexdigest()}.png"
    assert str(tmp_path) not in written["manifest.json"].decode()


def test_a_image_asked_about_twice_is_stored_once(source, prepare, tmp_path):
    source(3, lambda samples: [sample.update(image_path="images/0.png") for sample in samples])
    prepare()
    assert len(list((tmp_path / "prepared" / "shapes" / "images").iterdir())) == 1


def test_preparing_again_replaces_what_was_there(source, prepare, tmp_path):
    source(4)
    prepare(samples=4)
    prepare(samples=1)
    assert len(content(tmp_path / "prepared" / "shapes")) == 3
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == ["shapes"]


def test_a_failed_preparation_leaves_what_was_there(source, prepare, tmp_path, monkeypatch):
    source(4)
    prepare(samples=1)
    before = content(tmp_path / "prepared")
    monkeypatch.setattr(
        preparation,
        "write_manifest",
        lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")),
    )
    with pytest.raises(OSError, match="No space left"):
        prepare(samples=2)
    assert content(tmp_path / "prepared") == before


def test_the_rest_of_a_killed_preparation_is_cleared(source, prepare, tmp_path):
    source()
    (tmp_path / "prepared" / ".shapes.123.new.tmp" / "images").mkdir(parents=True)
    prepare()
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == ["shapes"]


def test_a_folder_with_anything_else_in_it_is_not_replaced(source, prepare, tmp_path):
    folder = source()
    with pytest.raises(DatasetError, match=r"shapes is not replaced: it holds samples.json"):
        prepare(folder)
    assert (folder / "samples.json").is_file()


def test_a_image_that_changes_meanwhile_is_noticed(source, prepare, tmp_path, image, monkeypatch):
    folder = source()
    survey = preparation.survey_source

    def survey_then_change(rows):
        found = survey(rows)
        (folder / "images" / "2.png").write_bytes(image((0, 99, 0)))
        return found

    monkeypatch.setattr(preparation, "survey_source", survey_then_change)
    with pytest.raises(DatasetError, match="sample 2: its image changed"):
        prepare()
    assert not (tmp_path / "prepared" / "shapes").exists()


@pytest.mark.parametrize("name", ["../shapes", "a/b", "", ".", "..", "-x", "a" * 81])
def test_a_name_cannot_leave_its_folder(source, tmp_path, name):
    source()
    config = preparation.DatasetConfig(folder="datasets/shapes")
    with pytest.raises(DatasetError, match="is no name of a data set"):
        preparation.prepare_dataset(name, config, tmp_path, tmp_path / "prepared")


def run_script(cwd: Path, dataset: str, output: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPT), "--name", "shapes", "--dataset", dataset, "--output", output]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_script_prepares_below_the_working_directory(source, tmp_path):
    source()
    done = run_script(
        tmp_path, '{"folder": "datasets/shapes", "samples": 3}', "results/datasets/shapes/manifest.json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "shapes: 3 of 4 samples from datasets/shapes\n"
    assert len(content(tmp_path / "results" / "datasets" / "shapes")) == 5


@pytest.mark.parametrize(
    ("dataset", "output", "message"),
    [
        ('{"folder": "datasets/shapes", "sample": 3}', "r/manifest.json", "did you mean 'samples'?"),
        ('{"folder": "../shapes"}', "r/manifest.json", "datasets.shapes.folder"),
        ('{"folder": "datasets/shapes", "samples": 9}', "r/manifest.json", "9 asked, 4 usable"),
        ("{", "r/manifest.json", "Expecting property name"),
        ('{"folder": "datasets/shapes"}', "r/other.json", "must be called manifest.json"),
    ],
)
def test_the_script_says_what_to_change(source, tmp_path, dataset, output, message):
    source()
    done = run_script(tmp_path, dataset, output)
    assert done.returncode == (2 if output == "r/other.json" else 1)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "r").exists()
