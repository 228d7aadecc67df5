"""What lies at a run's place is the record, or is named for what it is; nothing is fatal."""

import msgspec
import pytest
from factories import identity_of, make_failed_record, make_record

from vlm_profiling.record.container_image import ContainerImage
from vlm_profiling.record.files import write_record
from vlm_profiling.staleness.judge import CurrentInputs
from vlm_profiling.tables.read_records import read_runs


@pytest.fixture
def place(make_study):
    """The first run of a study, and how to read what lies at its place."""
    study = make_study()
    run = study.runs[0]

    def read(content: bytes | None = None):
        if content is not None:
            study.record_path(run).write_bytes(content)
        return next(iter(read_runs(study.folder / "runs", [run])))

    return run, study.record_path(run), read


def test_the_runs_own_record_is_current(place):
    run, _, read = place
    assert (read().state, read().status, read().reason) == ("current", "ok", None)
    assert read().record.key == run.key


def test_a_failed_record_is_current_and_brings_its_reason(place):
    run, path, read = place
    write_record(path, make_failed_record("timeout", "took longer than 60 s", **identity_of(run)))
    assert (read().state, read().status, read().reason) == ("current", "timeout", "took longer than 60 s")


def test_a_record_of_older_code_or_samples_is_stale_and_says_why(place):
    run, path, _ = place
    record = make_record(**identity_of(run))
    write_record(path, record)

    image = ContainerImage(container=None)

    def state(**changes):
        now = {
            "code_sha256": record.code_sha256,
            "datasets": {},
            "checkpoints": {},
            "image": image,
            **changes,
        }
        reading = next(iter(read_runs(path.parents[2], [run], CurrentInputs(**now))))
        assert reading.record is not None
        return reading.state, reading.reason

    assert state() == ("current", None)
    assert state(code_sha256="new") == ("stale", "measuring code changed since")
    assert state(datasets={run.dataset: "other"}, checkpoints={run.model: "other"}) == (
        "stale",
        f"data set {run.dataset} and checkpoint {run.model} changed since",
    )


def test_no_file_is_missing(place):
    _, path, read = place
    path.unlink()
    assert (read().state, read().record) == ("missing", None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated"),
        (b'{"schema_version": 1, "protocol', "truncated"),
        (b"[1, 2]", "object"),
        (b"\xff\xfe", "malformed"),
        (b'{"schema_version": 1, "protocol_version": "one"}', "protocol_version"),
    ],
)
def test_what_is_no_record_is_malformed_and_named(place, content, reason):
    run, _, read = place
    assert (read(content).state, read(content).record) == ("malformed", None)
    assert run.name in read(content).reason
    assert reason in read(content).reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"headline": None}, "status ok without headline"),
        ({"samples": []}, "status ok without samples"),
        ({"status": "oom"}, "status oom without failure"),
        ({"schema_version": 99}, "schema version 99"),
    ],
)
def test_a_record_that_lacks_what_its_status_promises_is_malformed(place, change, reason):
    run, path, read = place
    write_record(path, msgspec.structs.replace(make_record(**identity_of(run)), **change))
    assert read().state == "malformed"
    assert reason in read().reason


def test_a_sample_of_a_batch_that_is_not_there_is_malformed(place):
    run, path, read = place
    record = make_record(**identity_of(run))
    record.samples[3].batch = 99
    write_record(path, record)
    assert "a sample of batch 99" in read().reason


@pytest.mark.parametrize(
    "change", [{"key": "aaaaaaaaaa"}, {"model": "other"}, {"dataset_name": "other"}, {"spec": '{"a":1}'}]
)
def test_another_runs_record_is_foreign(place, change):
    run, _, read = place
    record = msgspec.structs.replace(make_record(**identity_of(run)), **change)
    assert read(msgspec.json.encode(record)).state == "foreign"
    assert read().reason.startswith("foreign record")
