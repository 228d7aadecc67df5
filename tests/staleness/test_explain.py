"""Of every cell: where its record stands, and what changed, old and new."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from factories import identity_of, make_record
from small_project import STUDY, draw_shapes

from vlm_profiling.datasets.prepare import prepare_dataset
from vlm_profiling.models.folders import content_sha256, file_facts
from vlm_profiling.record.container_image import ContainerImage
from vlm_profiling.record.files import write_record
from vlm_profiling.record.manifests import CheckpointManifest, write_manifest
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.staleness.code_digest import CodeDigest
from vlm_profiling.staleness.current import Provenance, changed_checkpoints, changed_datasets
from vlm_profiling.staleness.explain import ExplainedRun, explain_orphans, explain_runs, orphans
from vlm_profiling.staleness.judge import CurrentInputs
from vlm_profiling.study import Run, expand_runs, study_from_mapping

CODE, DATA, WEIGHTS = "c" * 64, "d" * 64, "e" * 64
LOCK, NEWER_LOCK = "1" * 64, "2" * 64


def runs_of(environment: str = "packages", **changes: Any) -> dict[str, Run]:
    return {run.name: run for run in expand_runs(study_from_mapping({**STUDY, **changes}), environment)}


def record_of(run: Run, **changes: Any) -> RunRecord:
    record = make_record(**identity_of(run), code_sha256=CODE, **changes)
    assert record.dataset and record.checkpoint
    record.dataset.content_sha256, record.checkpoint.content_sha256 = DATA, WEIGHTS
    record.environment.lock_sha256 = LOCK
    return record


@pytest.fixture
def now(tmp_path: Path) -> Provenance:
    return Provenance(
        CurrentInputs(CODE, {"shapes": DATA}, {"tiny": WEIGHTS}, ContainerImage(container=None)),
        CodeDigest(sha256=CODE, files={"profile_run.py": "1", "measure/run.py": "1"}),
        tmp_path / "code" / "measured",
        LOCK,
        {LOCK: {"torch": "2.13.0", "numpy": "2.4.6"}},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Records of the three cells of the small study."""
    for name, run in runs_of().items():
        write_record(tmp_path / "runs" / f"{name}.json", record_of(run))
    return tmp_path / "runs"


def told(cells: list[ExplainedRun]) -> set[tuple[str, tuple[str, ...]]]:
    return {(cell.state, tuple(map(str, cell.changes))) for cell in cells}


def test_records_of_the_study_as_it_is_are_current(folder: Path, now: Provenance) -> None:
    assert told(explain_runs(folder, runs_of(), now)) == {("current", ())}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": {**STUDY["protocol"], "max_new_tokens": 50}}, "protocol.max_new_tokens: 2 -> 50"),
        (
            {"protocol": {**STUDY["protocol"], "repeats": {"max_s": 9.0}}},
            "protocol.repeats.max_s: 0.1 -> 9.0",
        ),
        ({"hardware": "h100"}, "hardware: nothing -> h100"),
        (
            {"datasets": {"shapes": {"folder": "shapes", "samples": 2}}},
            "datasets.shapes.samples: nothing -> 2",
        ),
        ({"models": {"tiny": {"tiny": "fuyu"}}}, "models.tiny.tiny: llava -> fuyu"),
    ],
)
def test_changed_setting_is_told_by_its_key_of_the_config_old_and_new(
    folder: Path, now: Provenance, changes: dict[str, Any], said: str
) -> None:
    cells = explain_runs(folder, runs_of(**changes), now)
    assert told(cells) == {("missing", (said,))}
    assert all(cell.note.startswith("measured before the change: cpu-") for cell in cells)


def test_changed_optimization_is_told_of_its_own_cells_alone(folder: Path, now: Provenance) -> None:
    changed = {**STUDY["optimizations"], "fp32": {"dtype": "float32", "attention": "eager"}}
    cells = explain_runs(folder, runs_of(optimizations=changed), now)
    assert told(cells) == {("missing", ("optimizations.fp32.attention: sdpa -> eager",)), ("current", ())}


def test_cell_at_a_point_that_was_never_measured_is_compared_with_no_other(
    folder: Path, now: Provenance
) -> None:
    cells = explain_runs(folder, runs_of(axes={**STUDY["axes"], "batch_size": {"values": [2, 4]}}), now)
    assert [(cell.state, cell.note) for cell in cells if cell.run.point.batch_size == 4] == [
        ("missing", "never measured")
    ]


def test_of_several_older_records_the_one_that_differs_least_is_told(folder: Path, now: Provenance) -> None:
    for name, run in runs_of(hardware="a100").items():
        write_record(folder / f"{name}.json", record_of(run))
    changed = runs_of(hardware="a100", protocol={**STUDY["protocol"], "max_new_tokens": 9})
    assert told(explain_runs(folder, changed, now)) == {("missing", ("protocol.max_new_tokens: 2 -> 9",))}


def test_changed_code_is_told_by_file_where_the_older_digest_is_kept(folder: Path, now: Provenance) -> None:
    newer = CodeDigest(
        sha256="f" * 64, files={"profile_run.py": "1", "measure/run.py": "2", "measure/new.py": "1"}
    )
    after = replace(now, current=replace(now.current, code_sha256=newer["sha256"]), code=newer)
    [(state, (said,))] = told(explain_runs(folder, runs_of(), after))
    assert (state, said) == (
        "stale",
        "measuring code: cccccccccccc -> ffffffffffff (measured at commit ffffffffffff)",
    )

    history = now.code_history.with_name("kept")
    history.mkdir(parents=True)
    (history / f"{CODE}.json").write_text(json.dumps(now.code))
    [(_, (said,))] = told(explain_runs(folder, runs_of(), replace(after, code_history=history)))
    assert said == "measuring code: cccccccccccc -> ffffffffffff (new: measure/new.py, measure/run.py)"


def test_changed_data_set_and_checkpoint_are_told_together(folder: Path, now: Provenance) -> None:
    after = replace(
        now, current=replace(now.current, datasets={"shapes": "0" * 64}, checkpoints={"tiny": "9" * 64})
    )
    said = ("data set shapes: dddddddddddd -> 000000000000", "checkpoint tiny: eeeeeeeeeeee -> 999999999999")
    assert told(explain_runs(folder, runs_of(), after)) == {("stale", said)}


def test_changed_packages_are_told_by_version(folder: Path, now: Provenance) -> None:
    newer = {NEWER_LOCK: {"torch": "2.14.0", "numpy": "2.4.6", "accelerate": "1.0"}}
    after = replace(now, lock_sha256=NEWER_LOCK, locks={**now.locks, **newer})
    said = ("package accelerate: nothing -> 1.0", "package torch: 2.13.0 -> 2.14.0")
    assert told(explain_runs(folder, runs_of("other packages"), after)) == {("missing", said)}


def test_without_the_older_lock_the_packages_in_the_record_are_compared(
    folder: Path, now: Provenance
) -> None:
    for path in folder.rglob("*.json"):
        record = msgspec.json.decode(path.read_bytes(), type=RunRecord)
        record.environment.packages = {"torch": "2.13.0+cpu", "numpy": "2.4.6"}
        write_record(path, record)
    [(_, said)] = told(
        explain_runs(
            folder,
            runs_of("x"),
            replace(now, lock_sha256="2" * 64, locks={"2" * 64: {"torch": "2.13.0", "numpy": "3"}}),
        )
    )
    assert said == ("package numpy: 2.4.6 -> 3",)
    same = replace(
        now, lock_sha256="2" * 64, locks={"2" * 64: {"torch": "2.13.0", "numpy": "2.4.6", "idna": "4"}}
    )
    [(_, said)] = told(explain_runs(folder, runs_of("x"), same))
    assert said == (
        "environment lock: 111111111111 -> 222222222222 (of the packages that records list, none changed)",
    )


def test_move_into_a_container_and_a_rebuilt_image_are_told(folder: Path, now: Provenance) -> None:
    image = ContainerImage(container="containers/cpu.sif", digest="sif:1")
    [(state, said)] = told(
        explain_runs(folder, runs_of("image"), replace(now, current=replace(now.current, image=image)))
    )
    assert (state, said) == ("missing", ("container: none (the host) -> containers/cpu.sif",))

    for path in folder.rglob("*.json"):
        record = msgspec.json.decode(path.read_bytes(), type=RunRecord)
        record.environment.container, record.environment.container_digest = "cpu.sif", "sif:0"
        write_record(path, record)
    [(state, said)] = told(
        explain_runs(folder, runs_of(), replace(now, current=replace(now.current, image=image)))
    )
    assert (state, said) == ("stale", ("container image: cpu.sif sif:0 -> containers/cpu.sif sif:1",))


def test_record_in_another_cells_place_is_foreign_and_told_by_what_differs(
    folder: Path, now: Provenance
) -> None:
    runs = runs_of()
    first, second = list(runs)[:2]
    (folder / f"{first}.json").write_bytes((folder / f"{second}.json").read_bytes())
    cell = explain_runs(folder, runs, now)[0]
    assert (cell.state, [str(change) for change in cell.changes]) == ("foreign", ["point.batch_size: 1 -> 2"])


def test_half_a_record_is_malformed_and_says_where_it_breaks(folder: Path, now: Provenance) -> None:
    path = folder / f"{next(iter(runs_of()))}.json"
    path.write_bytes(path.read_bytes()[:500])
    cell = explain_runs(folder, runs_of(), now)[0]
    assert cell.state == "malformed" and "is malformed" in cell.note


def test_orphans_are_told_with_what_took_them_out_of_the_study(folder: Path, now: Provenance) -> None:
    assert orphans(folder, runs_of()) == []
    (folder / "tiny/shapes/broken.json").write_text("{")
    gone = runs_of(axes={"optimization": STUDY["axes"]["optimization"]}, hardware="h100")
    reasons = {
        path.stem.rpartition("-")[0] or path.stem: why for path, why in explain_orphans(folder, gone, now)
    }
    assert reasons == {
        "broken": "no record that can be read",
        "cpu-fp32-b1-in-t1-f1": "the study has no such run",
        "cpu-fp32-b2-in-t1-f1": "hardware: nothing -> h100",
        "cpu-flash-b2-in-t1-f1": "hardware: nothing -> h100",
    }


def test_changed_folder_of_samples_is_seen_before_it_is_prepared_and_a_touched_one_is_not(
    tmp_path: Path,
) -> None:
    draw_shapes(tmp_path / "shapes")
    study = study_from_mapping({**STUDY, "results": "results"})
    folder = tmp_path / "results/datasets/shapes"
    before = prepare_dataset("shapes", study.datasets["shapes"], tmp_path, folder).content_sha256
    study = study.model_copy(update={"results": str(tmp_path / "results")})
    os.utime(folder / "manifest.json", (1, 1))
    assert changed_datasets(study, tmp_path) == {"shapes": before}
    (tmp_path / "shapes/0.png").write_bytes((tmp_path / "shapes/1.png").read_bytes())
    assert changed_datasets(study, tmp_path)["shapes"] != before
    os.utime(folder / "manifest.json")
    assert changed_datasets(study, tmp_path) == {}


def test_changed_weights_in_a_folder_are_seen_before_they_are_prepared(tmp_path: Path) -> None:
    weights, prepared = tmp_path / "weights/model.safetensors", tmp_path / "results/checkpoints/tuned.json"
    weights.parent.mkdir()
    weights.write_bytes(b"first")
    facts = file_facts(weights.parent, ("*",))
    about = {
        "name": "tuned",
        "source": "weights",
        "model_type": "llava",
        "architecture": "",
        "family": "llava",
    }
    write_manifest(prepared, CheckpointManifest(**about, content_sha256=content_sha256(facts), files=facts))
    study = study_from_mapping({**STUDY, "models": {"tuned": {"folder": "weights"}}})
    study = study.model_copy(update={"results": str(tmp_path / "results")})
    assert changed_checkpoints(study, tmp_path) == {}

    os.utime(prepared, (1, 1))
    assert changed_checkpoints(study, tmp_path) == {"tuned": content_sha256(facts)}
    weights.write_bytes(b"other")
    assert changed_checkpoints(study, tmp_path)["tuned"] != content_sha256(facts)
