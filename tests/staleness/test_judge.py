"""One judge says of a record whether it is current: the grid, why, prune and the tables all ask it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from factories import identity_of, make_record
from small_project import PROJECT, STUDY

from vlm_profiling.cli.grid import grid_rows
from vlm_profiling.record.container_image import ContainerImage
from vlm_profiling.record.files import write_record
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.staleness.current import current_inputs, read_provenance
from vlm_profiling.staleness.explain import explain_runs
from vlm_profiling.staleness.judge import CurrentInputs, judge, read_current
from vlm_profiling.study import expand_runs, study_from_mapping
from vlm_profiling.tables.read_records import read_runs
from vlm_profiling.workflow import MEASURING, StudyWorkflow

SIF = b"#!run\n".ljust(32, b"\0") + b"SIF_MAGIC\0" + b"01\0" + b"02\0"


@pytest.fixture
def record() -> RunRecord:
    record = make_record()
    record.environment.container, record.environment.container_digest = "cuda.sif", "sif:0"
    return record


@pytest.fixture
def current(record: RunRecord) -> CurrentInputs:
    """The inputs that the record was measured with."""
    assert record.dataset and record.checkpoint and record.checkpoint.content_sha256
    return CurrentInputs(
        record.code_sha256,
        {record.dataset_name: record.dataset.content_sha256},
        {record.model: record.checkpoint.content_sha256},
        ContainerImage(container="containers/cuda.sif", digest="sif:0"),
    )


def causes(record: RunRecord, current: CurrentInputs) -> list[str]:
    return [change.what for change in judge(record, current)]


def test_a_record_of_the_same_inputs_is_current(record: RunRecord, current: CurrentInputs) -> None:
    assert causes(record, current) == []


def test_each_changed_input_is_a_cause(record: RunRecord, current: CurrentInputs) -> None:
    rebuilt = ContainerImage(container="containers/cuda.sif", digest="sif:1")
    assert causes(record, replace(current, code_sha256="new")) == ["measuring code"]
    assert causes(record, replace(current, datasets={record.dataset_name: "new"})) == [
        f"data set {record.dataset_name}"
    ]
    assert causes(record, replace(current, checkpoints={record.model: "new"})) == [
        f"checkpoint {record.model}"
    ]
    assert list(map(str, judge(record, replace(current, image=rebuilt)))) == [
        "container image: cuda.sif sif:0 -> containers/cuda.sif sif:1"
    ]


def test_what_is_not_known_is_no_cause(record: RunRecord, current: CurrentInputs) -> None:
    unknown = replace(
        current, datasets={}, checkpoints={}, image=ContainerImage(container="containers/cuda.sif")
    )
    assert causes(record, unknown) == []
    record.environment.container_digest = None
    assert causes(record, current) == []


def test_a_rebuilt_image_is_stale_for_the_grid_for_why_and_for_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grid and the tables once asked another judge than why, and called such a run done."""
    monkeypatch.chdir(tmp_path)
    study = study_from_mapping({**STUDY, "container": "cuda.sif"})
    runs = {run.name: run for run in expand_runs(study, "packages")}
    workflow = StudyWorkflow(study, "packages", PROJECT, runs)
    Path("cuda.sif").write_bytes(SIF + b"1" * 16)
    digest = current_inputs(workflow).image.digest
    code = workflow.code_digest(MEASURING)["sha256"]
    for name, run in runs.items():
        record = make_record(**identity_of(run), code_sha256=code)
        record.environment.container, record.environment.container_digest = "cuda.sif", digest
        write_record(tmp_path / study.results / "runs" / f"{name}.json", record)

    def states() -> list[set[str]]:
        folder = Path(study.results, "runs")
        tables = read_runs(folder, runs.values(), read_current(study, code))
        why = explain_runs(folder, runs, read_provenance(workflow))
        grid = [row.outcome for row in grid_rows(workflow)]
        return [{outcome.state for outcome in outcomes} for outcomes in (tables, why, grid)]

    assert states() == [{"current"}] * 3
    Path("cuda.sif").write_bytes(SIF + b"2" * 16)
    assert states() == [{"stale"}] * 3
