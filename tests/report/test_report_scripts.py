"""The three scripts work alone, from files to files, and fail with one message on what must be changed."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from vlm_profiling.audits.registry import AUDITS
from vlm_profiling.record.files import RecordError
from vlm_profiling.tables.table_files import reading_table

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run_script(name: str, *options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / name), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_records_become_tables_and_pages(make_study):
    study = make_study(models={"trained": {"folder": "checkpoints/trained"}}, axes={})
    folder = study.folder
    about = ["--study", study.description]
    tables = ["--tables", folder / "tables"]
    records = ["--runs", folder / "runs", "--costs", folder / "costs", "--output", folder / "tables"]
    ceilings = ["--ceilings", folder / "ceilings"]
    assert run_script("merge_runs.py", *about, *records).stdout == "1 runs: 1 ok\n"
    assert run_script("audit_runs.py", *about, *records, *ceilings).stdout.startswith(
        f"{len(AUDITS)} findings: "
    )
    assert run_script("compute_roofline.py", *about, *records, *ceilings).stdout == "10 rows\n"
    drawn = run_script("draw_charts.py", *about, *tables, "--output", folder / "plots")
    assert drawn.stdout == "6 charts\n"
    written = run_script(
        "write_report.py", *about, *tables, "--plots", folder / "plots", "--output", folder / "reports"
    )
    assert written.stdout == "2 pages\n"
    for linked in (
        "../plots/index/memory.svg",
        "trained.md",
        "../tables/runs.csv",
        "../tables/audits.csv",
        "../tables/README.md",
    ):
        assert f"]({linked})" in (folder / "reports" / "index.md").read_text()
        assert (folder / "reports" / linked).is_file()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("merge_runs.py", ["--runs", "runs", "--costs", "costs", "--output", "tables"]),
        ("draw_charts.py", ["--tables", "tables", "--output", "plots"]),
        ("write_report.py", ["--tables", "tables", "--plots", "plots", "--output", "reports"]),
    ],
)
def test_a_study_that_cannot_be_read_is_named_without_a_traceback(tmp_path, name, options):
    study = tmp_path / "study.json"
    study.write_text("{}")
    done = run_script(name, "--study", study, *options)
    assert done.returncode == 1
    assert str(study) in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["draw_charts.py", "write_report.py"])
def test_missing_tables_are_named_without_a_traceback(make_study, name):
    study = make_study()
    plots = ["--plots", study.folder] if name == "write_report.py" else []
    done = run_script(
        name, "--study", study.description, "--tables", study.folder, *plots, "--output", study.folder / "out"
    )
    assert done.returncode == 1
    assert "runs.parquet" in done.stderr and "Traceback" not in done.stderr


def test_a_table_of_other_code_is_named_in_one_line_with_the_cure(tmp_path):
    table = tmp_path / "runs.parquet"
    pl.DataFrame({"model": ["m"]}).write_parquet(table)
    with pytest.raises(RecordError) as told, reading_table(table):
        pl.read_parquet(table, columns=["model", "wer"])
    assert str(told.value) == (
        f'{table}: unable to find column "wer": the table was written by other code; merge the records again'
    )
