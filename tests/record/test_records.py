"""A record is read back as it was written, and whatever is no record of this schema is named."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import pytest
from factories import make_failed_record, make_record

from vlm_profiling.record import schema, telemetry
from vlm_profiling.record.files import RecordError, decode_record, read_record, write_record
from vlm_profiling.record.machine import Joules
from vlm_profiling.record.manifests import (
    CheckpointManifest,
    DatasetManifest,
    FileFacts,
    read_manifest,
    write_manifest,
)
from vlm_profiling.record.schema import SCHEMA_VERSION, RunRecord
from vlm_profiling.record.sections import Interval

UNITS = ("_s", "_j", "_w", "_c", "_mhz", "_bytes", "_flops")
RATIOS = {
    "cv",
    "mean",
    "low",
    "high",
    "relative_uncertainty",
    "wer",
    "wer_normalised",
    "wer_sample_mean",
    "exact_match",
    "standard",
    "value",
    "bleu_4",
    "rouge_l",
}
NOISE = {"noise", "drift", "half_width"}
SHARES = {
    "share",
    "predicted_over_allocated",
    "unattributed_share",
    "coverage",
    "against_headline",
    "uncertainty",
    "min",
    "max",
    "first",
    "last",
}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "record.json"
    write_record(path, make_record())
    return path


@pytest.mark.parametrize("record", [make_record(), make_record(accuracy=None), make_failed_record()])
def test_a_record_is_read_back_as_it_was_written(tmp_path: Path, record: RunRecord) -> None:
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json") == record


def test_the_same_record_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_record(tmp_path / name, make_record())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_floats_keep_every_digit(tmp_path: Path) -> None:
    record = make_record(duration_s=0.1 + 0.2, load_s=1e-300)
    write_record(tmp_path / "record.json", record)
    back = read_record(tmp_path / "record.json")
    assert (back.duration_s, back.load_s) == (0.30000000000000004, 1e-300)


def test_text_of_a_model_is_kept_as_it_is(tmp_path: Path) -> None:
    record = make_record()
    hostile = 'a\n"b" | `c` <script> \u202e \u2028 \x00 é 尺'
    record.samples[0].answer = hostile
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json").samples[0].answer == hostile


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_no_number_is_refused_with_its_place(tmp_path: Path, value: float) -> None:
    record = make_record()
    assert record.headline is not None
    record.headline.generate.sampling = Interval(mean=1.0, low=value, high=2.0)
    with pytest.raises(RecordError, match=rf"headline\.generate\.sampling\.low = {value} is no number"):
        write_record(tmp_path / "record.json", record)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_json_in_the_strict_sense(stored: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(stored.read_text(), parse_constant=refuse)["schema_version"] == SCHEMA_VERSION


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_another_schema_version_is_refused(stored: Path, version: int) -> None:
    content = json.loads(stored.read_text()) | {"schema_version": version}
    stored.write_text(json.dumps(content))
    with pytest.raises(
        RecordError,
        match=rf"record\.json: schema version {version}; this code reads version {SCHEMA_VERSION}",
    ):
        read_record(stored)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "fine"}, r"Invalid enum value 'fine' - at `\$\.status`"),
        ({"duration_s": "9.5"}, r"Expected `float`, got `str` - at `\$\.duration_s`"),
        ({"duration_s": None}, r"Expected `float`, got `null` - at `\$\.duration_s`"),
        ({"point": {"device": "cpu"}}, r"Object missing required field `optimization` - at `\$\.point`"),
        ({"samples": [{}]}, r"Object missing required field `id` - at `\$\.samples\[0\]`"),
    ],
)
def test_a_malformed_record_names_its_file_and_its_place(
    stored: Path, change: dict[str, object], message: str
) -> None:
    stored.write_text(json.dumps(json.loads(stored.read_text()) | change))
    with pytest.raises(RecordError, match=rf"record\.json: {message}"):
        read_record(stored)


@pytest.mark.parametrize("length", [0, 1, 100, -2])
def test_a_cut_file_is_malformed(stored: Path, length: int) -> None:
    stored.write_bytes(stored.read_bytes()[:length])
    with pytest.raises(RecordError, match=r"record\.json: "):
        read_record(stored)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"absent\.json: .*No such file"):
        read_record(tmp_path / "absent.json")


def test_a_field_of_a_later_version_of_the_code_is_no_obstacle(stored: Path) -> None:
    content = json.loads(stored.read_text()) | {"added_later": {"x": 1}}
    assert decode_record(json.dumps(content).encode()) == make_record()


def test_what_was_not_measured_is_left_out_and_read_as_null(tmp_path: Path) -> None:
    write_record(tmp_path / "record.json", make_failed_record())
    content = json.loads((tmp_path / "record.json").read_text())
    assert not {"headline", "energy", "memory", "quality", "batches", "samples"} & content.keys()
    assert read_record(tmp_path / "record.json").headline is None


def test_a_float_with_a_dimension_names_its_unit() -> None:
    for kind in [*vars(schema).values(), *vars(telemetry).values()]:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            for name in _floats(kind):
                assert name.endswith(UNITS) or name in RATIOS | SHARES | NOISE | {"seconds"}, (
                    f"{kind.__name__}.{name}"
                )


def _floats(kind: type[msgspec.Struct]) -> list[str]:
    hints = msgspec.structs.fields(kind)
    return [field.name for field in hints if field.type in (float, float | None)]


def test_joules_cannot_be_given_in_another_order() -> None:
    with pytest.raises(TypeError):
        Joules("meter", "device", 1.0)  # pyright: ignore[reportCallIssue]


MANIFESTS = [
    DatasetManifest(
        name="shapes", source="package:easy-vqa", samples=2, population=9, seed=0, content_sha256="a" * 64
    ),
    CheckpointManifest(
        name="tiny",
        source="tiny:llava",
        folder="checkpoints/tiny",
        model_type="llava",
        architecture="LlavaForConditionalGeneration",
        family="llava",
        content_sha256="b" * 64,
        files={"config.json": FileFacts(sha256="c" * 64, size_bytes=10)},
    ),
]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: type(manifest).__name__)
def test_a_manifest_is_read_back_as_it_was_written(
    tmp_path: Path, manifest: DatasetManifest | CheckpointManifest
) -> None:
    write_manifest(tmp_path / "manifest.json", manifest)
    assert read_manifest(tmp_path / "manifest.json", type(manifest)) == manifest


def test_a_malformed_manifest_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "x"}')
    with pytest.raises(RecordError, match=r"manifest\.json: Object missing required field"):
        read_manifest(tmp_path / "manifest.json", DatasetManifest)
