"""A study's records become a table of findings, and lines on a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from auditing import STUDY
from factories import identity_of, make_failed_record, make_record
from msgspec.structs import replace

from vlm_profiling.audits.registry import AUDITS
from vlm_profiling.record.files import write_record
from vlm_profiling.report.description import read_description
from vlm_profiling.workflow import open_workflow

PROJECT = Path(__file__).parents[2]


def run_script(name: str, *options: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROJECT / "scripts" / name), *map(str, options)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    """A folder with config.yaml, and the records of three batch sizes: one failed, one of another measuring
    code.
    """
    settings = STUDY | {"axes": {"batch_size": {"values": [1, 2, 4]}}}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))
    workflow = open_workflow([tmp_path / "config.yaml"], PROJECT)
    results = tmp_path / workflow.study.results
    results.mkdir()
    (results / "study.json").write_text(json.dumps({"study": settings, "environment": workflow.environment}))
    for run in workflow.runs.values():
        record = make_record(**identity_of(run))
        if run.point.batch_size == 2:
            record = replace(record, code_sha256="0" * 64)
        if run.point.batch_size == 4:
            record = make_failed_record(**identity_of(run))
        write_record(results / "runs" / f"{run.name}.json", record)
    return tmp_path


def test_every_finished_run_has_a_finding_of_every_audit(audited: Path) -> None:
    results = audited / "results"
    folders = ["--runs", results / "runs", "--costs", results / "costs"]
    folders += ["--ceilings", results / "ceilings", "--output", results / "tables"]
    done = run_script("audit_runs.py", "--study", results / "study.json", *folders, folder=audited)
    assert done.returncode == 0 and done.stdout.startswith("28 findings: ")
    table = pl.read_parquet(results / "tables" / "audits.parquet")
    assert table.equals(pl.read_csv(results / "tables" / "audits.csv", schema=table.schema))
    assert table["batch_size"].unique().sort().to_list() == [1, 2]
    assert table["audit"].unique(maintain_order=True).to_list() == [audit.name for audit in AUDITS]
    failed = table.filter(pl.col("verdict") == "fail")
    assert (
        set(failed["audit"]) == {"provenance"}
        and failed["figures"][0] == "latency,energy,flops,memory,quality,stages"
    )
    runs = list(read_description(results / "study.json")[1])
    assert table["key"].unique(maintain_order=True).to_list() == [
        run.key for run in runs if run.point.batch_size < 4
    ]


def test_what_is_not_a_pass_is_printed(audited: Path) -> None:
    done = run_script("vlm.py", "audit", folder=audited)
    lines = done.stdout.splitlines()
    assert (
        done.returncode == 0 and [line.split("  ")[:2] for line in lines[:-1]] == [["fail", "provenance"]] * 2
    )
    assert (
        "tiny-llava on shapes, cpu, fp32, batch size 2" in lines[1]
        and "measuring code 0000000000" in lines[1]
    )
    assert lines[-1].startswith("28 findings: ") and "2 fail" in lines[-1]


@pytest.mark.parametrize(
    ("name", "options"), [("vlm.py", ["audit", "absent.yaml"]), ("audit_runs.py", ["--study", "absent.json"])]
)
def test_what_cannot_be_read_is_named_without_a_traceback(
    name: str, options: list[str], tmp_path: Path
) -> None:
    needed = ["--runs", "runs", "--costs", "costs", "--ceilings", "ceilings", "--output", "tables"]
    folders = needed if name == "audit_runs.py" else []
    done = run_script(name, *options, *folders, folder=tmp_path)
    assert done.returncode == 1 and "absent." in done.stderr and "Traceback" not in done.stderr
