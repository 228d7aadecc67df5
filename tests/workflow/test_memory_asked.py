"""The host memory that a run asks for follows its weights, also those that are drawn and have no files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from factories import make_cost

from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.resources import BASE_MEMORY_MB, MEMORY_PER_WEIGHT, memory_mb
from vlm_profiling.study import Run
from vlm_profiling.workflow import StudyWorkflow, open_workflow

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyWorkflow:
    monkeypatch.chdir(tmp_path)
    return open_workflow([PROJECT / "profiles/random/cpu.yaml"], PROJECT)


def written_manifest(folder: Path, weight_bytes: int | None) -> Path:
    about = {
        "source": "s",
        "model_type": "blip-2",
        "architecture": "",
        "family": "blip2",
        "content_sha256": "0" * 64,
    }
    path = folder / "checkpoint.json"
    path.write_bytes(msgspec.json.encode(CheckpointManifest(name="m", weight_bytes=weight_bytes, **about)))
    return path


def a_run(workflow: StudyWorkflow) -> Run:
    return next(iter(workflow.runs.values()))


def test_weights_in_files_count_by_their_bytes(workflow: StudyWorkflow, tmp_path: Path) -> None:
    cost = tmp_path / "cost.json"
    cost.write_bytes(msgspec.json.encode(make_cost("m")))
    checkpoint = written_manifest(tmp_path, 4_000_000_000)
    asked_mb = memory_mb(workflow.study, a_run(workflow), checkpoint, cost)
    assert asked_mb == BASE_MEMORY_MB + int(MEMORY_PER_WEIGHT * 4000)


def test_drawn_weights_count_by_their_parameters_in_the_runs_type(
    workflow: StudyWorkflow, tmp_path: Path
) -> None:
    cost = tmp_path / "cost.json"
    cost.write_bytes(msgspec.json.encode(msgspec.structs.replace(make_cost("m"), parameters=3_744_761_856)))
    asked_mb = memory_mb(workflow.study, a_run(workflow), written_manifest(tmp_path, None), cost)
    assert asked_mb == BASE_MEMORY_MB + int(MEMORY_PER_WEIGHT * 2 * 3744.761856), (
        "two bytes a weight in bfloat16"
    )


def test_before_the_cost_is_counted_there_is_no_figure(workflow: StudyWorkflow, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cost\.json"):
        memory_mb(workflow.study, a_run(workflow), written_manifest(tmp_path, None), tmp_path / "cost.json")
