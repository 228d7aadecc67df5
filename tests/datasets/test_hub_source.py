"""A data set of the hub, read from a hub on the loopback by the script in a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from fakes.hub_datasets import REVISION, FakeHub, serve

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.read import open_picture, read_samples
from vlm_profiling.datasets.sources import coco_caption, scienceqa, textvqa
from vlm_profiling.datasets.sources.hub import _split_files

SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare_dataset.py"
IMAGE = pl.Struct({"bytes": pl.Binary, "path": pl.String})


def shard(rows: list[dict]) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(rows, schema_overrides={"image": IMAGE}).write_parquet(file)
    return file.getvalue()


@pytest.fixture
def shards(picture) -> dict[str, bytes]:
    """A split of six questions in two files, as the hub lays them out; every third has no picture."""
    rows = [
        {
            "image": {"bytes": picture((number, 0, 0)), "path": None} if number % 3 else None,
            "question": f"question {number}?",
            "choices": ["no", "yes"],
            "answer": number % 2,
        }
        for number in range(6)
    ]
    return {
        "README.md": b"",
        "data/test-00000-of-00002.parquet": shard(rows[:3]),
        "data/test-00001-of-00002.parquet": shard(rows[3:]),
        "data/train-00000-of-00001.parquet": shard(rows),
    }


def prepare(server: FakeHub, folder: Path, environment: dict[str, str] | None = None, **settings) -> subprocess.CompletedProcess:
    dataset = {"hub": server.name, "revision": REVISION, "split": "test"} | settings
    command = [sys.executable, SCRIPT, "--name", "asked", "--dataset", json.dumps(dataset), "--output", "asked/manifest.json"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HF_") and "proxy" not in name.lower()}
    variables |= {"HF_ENDPOINT": server.endpoint, "HF_HOME": str(folder / "cache"), **(environment or {})}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def test_a_split_is_downloaded_and_its_rows_with_a_picture_are_samples(shards, tmp_path):
    with serve(FakeHub("derek-thomas/ScienceQA", shards)) as hub:
        done = prepare(hub, tmp_path)
    assert done.returncode == 0, done.stderr
    manifest, samples = read_samples(tmp_path / "asked")
    assert (manifest.source, manifest.revision, manifest.split) == ("derek-thomas/ScienceQA", REVISION, "test")
    assert (manifest.samples, manifest.licence, manifest.skipped) == (4, "cc-by-4.0", [])
    assert sorted(sample.id for sample in samples) == ["1", "2", "4", "5"]  # row numbers of the split, over both files
    for sample in samples:
        number = int(sample.id)
        assert sample.request == f"question {number}?\n\n 0. no\n 1. yes"
        assert sample.references == [str(number % 2)]
        assert open_picture(tmp_path / "asked", sample).getpixel((0, 0)) == (number, 0, 0)
    assert [path for path, _ in hub.gets] == ["data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"]


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(picture, tmp_path):
    row = {"image": {"bytes": picture(), "path": None}, "question": "?", "choices": ["no"], "answer": 0}
    files = {"data/test.parquet": shard([{**row, "noise": os.urandom(24 * 2**20)}])}
    with serve(FakeHub("derek-thomas/ScienceQA", files, interrupt=set(files))) as hub:
        done = prepare(hub, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [asked for _, asked in hub.gets] == [None, f"bytes={10 * 2**20}-"]  # huggingface_hub writes 10 MiB at a time


def test_files_that_are_in_the_cache_are_not_fetched_again(shards, tmp_path):
    with serve(FakeHub("derek-thomas/ScienceQA", shards)) as hub:
        prepare(hub, tmp_path)
        hub.gets.clear()
        assert prepare(hub, tmp_path, seed=1).returncode == 0
    assert hub.gets == []


def test_columns_read_any_other_data_set(shards, tmp_path):
    with serve(FakeHub("someone/else", shards)) as hub:
        refused = prepare(hub, tmp_path)
        done = prepare(hub, tmp_path, columns={"request": "question", "response": "choices"})
    assert refused.returncode == 2
    assert "columns: those of someone/else are not known here" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert {tuple(sample.references) for sample in read_samples(tmp_path / "asked")[1]} == {("no", "yes")}


def test_a_gated_data_set_needs_a_token(shards, tmp_path):
    with serve(FakeHub("derek-thomas/ScienceQA", shards, token="hf_secret")) as hub:
        refused = prepare(hub, tmp_path)
        done = prepare(hub, tmp_path, {"HF_TOKEN": "hf_secret"})
    assert refused.returncode == 2
    assert "is gated; accept its conditions on its page, and set HF_TOKEN" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert "hf_secret" not in (tmp_path / "asked" / "manifest.json").read_text() + done.stdout + done.stderr


@pytest.mark.parametrize(
    ("settings", "environment", "message"),
    [
        ({"revision": "f" * 40}, {}, f"revision: derek-thomas/ScienceQA has no revision {'f' * 40}"),
        ({"split": "tset"}, {}, "split: no Parquet files of a split 'tset'; allowed: test, train; did you mean 'test'?"),
        ({"hub": "lmms-lab/textvqa"}, {}, "hub: there is no data set lmms-lab/textvqa"),
        ({}, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids it"),
        ({}, {"HF_ENDPOINT": "http://127.0.0.1:9"}, "network or hub is out of reach"),
        ({"samples": 5}, {}, "samples: 5 asked, 4 usable"),
        ({"columns": {"request": "ask"}}, {}, "no column ask, response; the table has image, question, choices, answer"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_line(shards, tmp_path, settings, environment, message):
    with serve(FakeHub("derek-thomas/ScienceQA", shards)) as hub:
        done = prepare(hub, tmp_path, environment, **settings)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "asked").exists()


def test_split_files_are_found_as_the_hubs_tools_name_them():
    names = [
        "data/test-00001-of-00002-6c73.parquet",
        "data/test-00000-of-00002-6c73.parquet",
        "data/test2.parquet",
        "a/val.parquet",
    ]
    assert _split_files(names, "test") == [names[1], names[0]]
    assert _split_files(names, "test2") == ["data/test2.parquet"]
    assert _split_files(names, "val") == ["a/val.parquet"]
    with pytest.raises(DatasetError, match="stands in several folders: a, b"):
        _split_files(["a/val.parquet", "b/val.parquet"], "val")


def test_textvqa_puts_the_commonest_of_ten_answers_first():
    answers = ["Nokia", "nokia", "nokia", *["phone"] * 2, "nokia", *["nokia"] * 4]
    assert textvqa.LAYOUT.question({"question": "what brand?", "answers": answers}) == (
        "what brand?",
        [*["nokia"] * 7, *["phone"] * 2, "Nokia"],
    )


def test_a_scienceqa_answer_outside_its_choices_is_bad():
    with pytest.raises(Exception, match="answer 2 is none of its 2 choices"):
        scienceqa.LAYOUT.question({"question": "?", "choices": ["a", "b"], "answer": 2})


def test_coco_captions_answer_the_reference_studys_prompt():
    assert coco_caption.LAYOUT.question({"answer": ["a dog", "one dog"]}) == ("Describe this image", ["a dog", "one dog"])
