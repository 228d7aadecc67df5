"""A folder's samples are read from JSON, JSON lines or Parquet, under the names that `columns` gives."""

from __future__ import annotations

import json

import polars as pl
import pytest

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.read import read_samples


def read(tmp_path):
    manifest, samples = read_samples(tmp_path / "prepared" / "shapes")
    return manifest, sorted((sample.id, sample.request, tuple(sample.references)) for sample in samples)


EXPECTED = [(str(number), f"question {number}?", (f"answer {number}",)) for number in range(4)]


def test_the_reference_studys_format_is_read_as_it_is(source, prepare, tmp_path):
    source(
        4,
        lambda samples: [
            sample.update(image_path="datasets/shapes/" + sample["image_path"]) for sample in samples
        ],
    )
    prepare()
    assert read(tmp_path)[1] == EXPECTED


def test_json_lines(source, prepare, tmp_path):
    folder = source()
    rows = json.loads((folder / "samples.json").read_text())
    (folder / "samples.json").unlink()
    (folder / "samples.jsonl").write_text(
        "\ufeff" + "\n\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8"
    )
    prepare()
    assert read(tmp_path)[1] == EXPECTED


@pytest.mark.parametrize("embedded", [False, True], ids=["paths", "images inside"])
def test_parquet(source, prepare, tmp_path, embedded):
    folder = source()
    rows = json.loads((folder / "samples.json").read_text())
    (folder / "samples.json").unlink()
    if embedded:
        rows = [{**row, "image_path": (folder / row["image_path"]).read_bytes()} for row in rows]
    pl.DataFrame(rows).write_parquet(folder / "samples.parquet")
    prepare()
    assert read(tmp_path)[1] == EXPECTED


def test_columns_rename_and_name_samples(source, prepare, tmp_path):
    def rename(samples):
        samples[:] = [
            {"file": s["image_path"], "ask": s["request"], "say": [s["response"], "?"], "key": n + 7}
            for n, s in enumerate(samples)
        ]

    source(2, rename)
    prepare(columns={"image": "file", "request": "ask", "response": "say", "id": "key"})
    assert read(tmp_path)[1] == [
        ("7", "question 0?", ("answer 0", "?")),
        ("8", "question 1?", ("answer 1", "?")),
    ]


def test_text_is_kept_as_it_is(source, prepare, tmp_path):
    odd = "  Was heißt „größer“?\n\u202e\x00 <image> 🦊 "
    source(1, lambda samples: samples[0].update(request=odd, response=odd))
    prepare()
    assert read(tmp_path)[1] == [("0", odd, (odd,))]


def test_an_empty_answer_is_an_answer(source, prepare, tmp_path):
    source(1, lambda samples: samples[0].update(response=""))
    prepare()
    assert read(tmp_path)[1] == [("0", "question 0?", ("",))]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "must hold exactly one of samples.json, samples.jsonl, samples.parquet; it holds none of them"),
        ({"samples.json": "[]", "samples.jsonl": ""}, "it holds samples.json and samples.jsonl"),
        ({"samples.json": "{}"}, "samples.json: must hold a list of samples"),
        ({"samples.json": "[1,"}, "samples.json: not readable as JSON"),
        ({"samples.json": "[" * 100_000}, "samples.json: not readable as JSON"),
        ({"samples.json": "[]"}, "samples: at least 1 asked, 0 usable"),
        ({"samples.jsonl": '{"request": "?"}\n{"requ'}, "samples.jsonl, line 2: not readable as JSON"),
        ({"samples.parquet": "PAR1 not really"}, "samples.parquet: not readable as Parquet"),
    ],
)
def test_a_folder_without_a_readable_table_is_refused(tmp_path, prepare, files, message):
    folder = tmp_path / "datasets" / "shapes"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        prepare()


def test_a_missing_folder_is_named(prepare):
    with pytest.raises(DatasetError, match="folder: datasets/shapes does not exist"):
        prepare()


def test_a_missing_parquet_column_is_named_with_those_that_are_there(source, prepare):
    folder = source()
    (folder / "samples.json").unlink()
    pl.DataFrame({"photo": ["images/0.png"], "request": ["?"]}).write_parquet(folder / "samples.parquet")
    with pytest.raises(
        DatasetError,
        match="no column response, image_path or image or video_path or video; the table has photo, request",
    ):
        prepare()


@pytest.mark.parametrize(
    "settings", [{"split": "test"}, {"package": "easy-vqa", "split": "test", "columns": {}}]
)
def test_a_setting_that_does_not_fit_the_source_is_refused(source, prepare, settings):
    source()
    with pytest.raises(DatasetError, match="leave the key out"):
        prepare(**settings)
