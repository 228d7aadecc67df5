"""A data set of the hub, read from a hub on the loopback by the script in a process of its own."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from fakes.hub_datasets import REVISION, FakeHub, serve

from vlm_profiling.datasets.candidates import BadSample, DatasetError
from vlm_profiling.datasets.read import open_image, read_samples
from vlm_profiling.datasets.sources import coco_caption, scienceqa, textvqa
from vlm_profiling.datasets.sources.hub import KNOWN, _split_files
from vlm_profiling.record.schema import Metric
from vlm_profiling.study.inputs import DatasetConfig

SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare_dataset.py"
IMAGE = pl.Struct({"bytes": pl.Binary, "path": pl.String})


def shard(rows: list[dict]) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(rows, schema_overrides={"image": IMAGE}).write_parquet(file)
    return file.getvalue()


@pytest.fixture
def shards(image) -> dict[str, bytes]:
    """A split of six questions in two files, as the hub lays them out; every third has no image."""
    rows = [
        {
            "image": {"bytes": image((number, 0, 0)), "path": None} if number % 3 else None,
            "question": f"question {number}?",
            "choices": ["no", "yes"],
            "answer": number % 2,
            "hint": "look at the corner" if number > 3 else "",
        }
        for number in range(6)
    ]
    return {
        "README.md": b"",
        "data/test-00000-of-00002.parquet": shard(rows[:3]),
        "data/test-00001-of-00002.parquet": shard(rows[3:]),
        "data/train-00000-of-00001.parquet": shard(rows),
    }


def prepare(
    server: FakeHub, folder: Path, environment: dict[str, str] | None = None, **settings
) -> subprocess.CompletedProcess:
    process = start_preparing(server, folder, environment, **settings)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def start_preparing(
    server: FakeHub, folder: Path, environment: dict[str, str] | None = None, **settings
) -> subprocess.Popen:
    dataset = {"hub": server.name, "revision": REVISION, "split": "test"} | settings
    command = [
        sys.executable,
        SCRIPT,
        "--name",
        "asked",
        "--dataset",
        json.dumps(dataset),
        "--output",
        "asked/manifest.json",
    ]
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HF_") and "proxy" not in name.lower()
    }
    variables |= {"HF_ENDPOINT": server.endpoint, "HF_HOME": str(folder / "cache"), **(environment or {})}
    return subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_split_is_downloaded_and_its_rows_with_a_image_are_samples(shards, tmp_path):
    with serve(FakeHub("derek-thomas/ScienceQA", shards)) as hub:
        done = prepare(hub, tmp_path)
    assert done.returncode == 0, done.stderr
    manifest, samples = read_samples(tmp_path / "asked")
    assert (manifest.source, manifest.revision, manifest.split) == (
        "derek-thomas/ScienceQA",
        REVISION,
        "test",
    )
    assert (manifest.samples, manifest.licence, manifest.skipped) == (4, "cc-by-4.0", [])
    assert sorted(sample.id for sample in samples) == [
        "1",
        "2",
        "4",
        "5",
    ]  # row numbers of the split, over both files
    for sample in samples:
        number = int(sample.id)
        hint = "Context: look at the corner\n" if number > 3 else ""
        choices = "A. no\nB. yes\nAnswer with the option's letter from the given choices directly."
        assert sample.request == f"{hint}question {number}?\n{choices}"
        assert sample.references == ["AB"[number % 2]]
        assert open_image(tmp_path / "asked", sample).getpixel((0, 0)) == (number, 0, 0)
    assert [path for path, _ in hub.gets] == [
        "data/test-00000-of-00002.parquet",
        "data/test-00001-of-00002.parquet",
    ]
    assert (manifest.prompt, manifest.metric) == ("lmms-eval", "choice_accuracy")


def test_the_reference_studys_prompts_are_asked_for_by_name(shards, tmp_path):
    with serve(FakeHub("derek-thomas/ScienceQA", shards)) as hub:
        done = prepare(hub, tmp_path, prompt="raw")
    assert done.returncode == 0, done.stderr
    manifest, samples = read_samples(tmp_path / "asked")
    assert (manifest.prompt, manifest.metric) == ("raw", "choice_accuracy")
    asked = {sample.id: (sample.request, sample.references) for sample in samples}
    assert asked["5"] == ("question 5?\n\n 0. no\n 1. yes", ["1"])


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(image, tmp_path):
    row = {
        "image": {"bytes": image(), "path": None},
        "question": "?",
        "choices": ["no"],
        "answer": 0,
        "hint": "",
    }
    files = {"data/test.parquet": shard([{**row, "noise": os.urandom(24 * 2**20)}])}
    with serve(FakeHub("derek-thomas/ScienceQA", files, interrupt=set(files))) as hub:
        done = prepare(hub, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [asked for _, asked in hub.gets] == [
        None,
        f"bytes={10 * 2**20}-",
    ]  # huggingface_hub writes 10 MiB at a time


def test_a_killed_preparation_leaves_nothing_and_the_next_fetches_only_what_is_missing(shards, tmp_path):
    """huggingface_hub begins a killed process's file anew: sharing its half would corrupt the cache where
    locks do not hold.
    """
    first, second = "data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"
    with serve(FakeHub("derek-thomas/ScienceQA", shards, stall={second})) as hub:
        killed = start_preparing(hub, tmp_path)
        assert hub.stalled.wait(30)
        killed.kill()
        killed.communicate()
        assert not (tmp_path / "asked").exists()
        done = prepare(hub, tmp_path)
    assert done.returncode == 0, done.stderr
    assert hub.gets == [(first, None), (second, None), (second, None)]
    assert len(read_samples(tmp_path / "asked")[1]) == 4


@pytest.mark.parametrize("large", [True, False])
def test_a_file_that_is_not_the_one_listed_is_refused(shards, image, tmp_path, large):
    name = "data/test-00000-of-00002.parquet"
    other = bytearray(shards[name])
    other[len(other) // 2] ^= 1
    with serve(FakeHub("derek-thomas/ScienceQA", shards, changed={name: bytes(other)}, large=large)) as hub:
        refused = prepare(hub, tmp_path)
        hub.changed.clear()
        kept = prepare(hub, tmp_path)
        next((tmp_path / "cache").rglob("data/test-00000-of-00002.parquet")).resolve().unlink()
        done = prepare(hub, tmp_path)
    assert refused.returncode == kept.returncode == 1
    assert f"{name} of derek-thomas/ScienceQA is not the file of this revision" in refused.stderr
    assert "delete" in refused.stderr and "Traceback" not in refused.stderr
    assert done.returncode == 0, done.stderr


def test_a_prepared_data_set_needs_no_hub(shards, tmp_path):
    with serve(FakeHub("derek-thomas/ScienceQA", shards)) as hub:
        prepare(hub, tmp_path)
    shutil.rmtree(tmp_path / "cache")
    _, samples = read_samples(tmp_path / "asked")
    assert len([open_image(tmp_path / "asked", sample) for sample in samples]) == 4


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
    assert refused.returncode == 1
    assert "columns: those of someone/else are not known here" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert {tuple(sample.references) for sample in read_samples(tmp_path / "asked")[1]} == {("no", "yes")}


def test_a_gated_data_set_needs_a_token(shards, tmp_path):
    with serve(FakeHub("derek-thomas/ScienceQA", shards, token="hf_secret")) as hub:
        refused = prepare(hub, tmp_path)
        done = prepare(hub, tmp_path, {"HF_TOKEN": "hf_secret"})
    assert refused.returncode == 1
    assert "is gated; accept its conditions on its page, and set HF_TOKEN" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert "hf_secret" not in (tmp_path / "asked" / "manifest.json").read_text() + done.stdout + done.stderr


@pytest.mark.parametrize("token", ["hf_another", "hf_an\x01other"])
def test_a_token_that_does_not_do_is_not_printed(shards, tmp_path, token):
    with serve(FakeHub("derek-thomas/ScienceQA", shards, token="hf_secret")) as hub:
        refused = prepare(hub, tmp_path, {"HF_TOKEN": token})
    assert refused.returncode == 1
    assert "hub: " in refused.stderr and "Traceback" not in refused.stderr
    assert not [part for part in ("hf_an", "other") if part in refused.stdout + refused.stderr]


@pytest.mark.parametrize(
    ("settings", "environment", "message"),
    [
        ({"revision": "f" * 40}, {}, f"revision: derek-thomas/ScienceQA has no revision {'f' * 40}"),
        (
            {"split": "tset"},
            {},
            "split: no Parquet files of a split 'tset'; allowed: test, train; did you mean 'test'?",
        ),
        ({"hub": "lmms-lab/textvqa"}, {}, "hub: there is no data set lmms-lab/textvqa"),
        ({}, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids it"),
        ({}, {"HF_ENDPOINT": "http://127.0.0.1:9"}, "network or hub is out of reach"),
        ({"samples": 5}, {}, "samples: 5 asked, 4 usable"),
        (
            {"columns": {"request": "ask"}},
            {},
            "no column ask, response; the table has image, question, choices, answer",
        ),
        ({"metric": "cider_d"}, {}, "metric: derek-thomas/ScienceQA has its own, choice_accuracy"),
        ({"prompt": "raw", "columns": {}}, {}, "prompt belongs to a hub data set that is known here"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_line(shards, tmp_path, settings, environment, message):
    with serve(FakeHub("derek-thomas/ScienceQA", shards)) as hub:
        done = prepare(hub, tmp_path, environment, **settings)
    assert done.returncode == 1
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
    row = {"question": "what is the brand of this Nokia?", "answers": answers}
    sorted_answers = [*["nokia"] * 7, *["phone"] * 2, "Nokia"]
    assert textvqa.KNOWN.prompts["raw"].question(row) == ("what is the brand of this Nokia?", sorted_answers)
    words = "What is the brand of this nokia?\nAnswer the question using a single word or phrase."
    assert textvqa.KNOWN.prompts["lmms-eval"].question(row) == (words, sorted_answers)


@pytest.mark.parametrize("prompt", ["lmms-eval", "raw"])
def test_a_scienceqa_answer_outside_its_choices_is_bad(prompt):
    with pytest.raises(BadSample, match="answer 2 is none of its 2 choices"):
        scienceqa.KNOWN.prompts[prompt].question(
            {"question": "?", "choices": ["a", "b"], "answer": 2, "hint": ""}
        )


def test_coco_captions_answer_one_prompt_for_all():
    row = {"answer": ["a dog", "one dog"]}
    assert coco_caption.KNOWN.prompts["raw"].question(row) == ("Describe this image", row["answer"])
    words = "Provide a one-sentence caption for the provided image."
    assert coco_caption.KNOWN.prompts["lmms-eval"].question(row) == (words, row["answer"])


def test_the_metrics_and_prompts_of_the_settings_are_those_there_are():
    assert get_args(Metric) == get_args(get_args(DatasetConfig.model_fields["metric"].annotation)[0])
    prompts = get_args(get_args(DatasetConfig.model_fields["prompt"].annotation)[0])
    assert all(set(known.prompts) == set(prompts) for known in KNOWN.values())
