"""A start ends with the message of each failed step, and with the number of runs of each status."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import identity_of, make_failed_record, make_record
from small_project import PROJECT, STUDY, new_project

from vlm_profiling.record.files import write_record
from vlm_profiling.recovery import count_outcomes, failure_lines
from vlm_profiling.study import expand_runs, study_from_mapping
from vlm_profiling.workflow import StudyWorkflow


def test_an_expected_error_is_given_in_full_and_a_fault_by_its_last_line(tmp_path: Path) -> None:
    texts = {
        "a.log": "loading\nvlm-profiling: shapes: 2 problems\n  samples = 9\n    4 usable\n",
        "b.log": 'Traceback (most recent call last):\n  File "x.py"\nKeyError: 3\n\n',
        "c.log": "",
        "d.log": "vlm-profiling: \x1b[2J\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    logs = [str(tmp_path / name) for name in (*texts, "absent.log")]
    assert list(failure_lines(logs)) == [
        f"{logs[0]}:\n  shapes: 2 problems\n    samples = 9\n      4 usable",
        f"{logs[1]}:\n  KeyError: 3",
        f"{logs[2]}:\n  ended without a word",
        f"{logs[3]}:\n  \ufffd[2J",
    ]


def test_runs_are_counted_by_their_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = study_from_mapping({**STUDY, "axes": {"batch_size": {"values": [1, 2, 4, 8, 16]}}})
    runs = {run.name: run for run in expand_runs(study, "packages")}
    workflow = StudyWorkflow(study, "packages", PROJECT, runs)
    first, second, third, broken, _ = runs.values()
    for run in (first, second):
        write_record(Path(study.results, "runs", f"{run.name}.json"), make_record(**identity_of(run)))
    failed = make_failed_record("oom", "no memory", **identity_of(third))
    write_record(Path(study.results, "runs", f"{third.name}.json"), failed)
    Path(study.results, "runs", f"{broken.name}.json").write_text("{")
    assert count_outcomes(workflow) == "5 runs: 2 ok, 1 oom, 1 malformed, 1 missing"


def test_a_step_that_fails_says_its_own_sentence_on_the_terminal(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project")
    project.configure(datasets={"shapes": {"folder": "shapes", "samples": 9}})
    failed = project.run("--until", "prepare_dataset", check=False)
    assert failed.returncode != 0
    lines = failed.stderr.splitlines()
    begin = lines.index("results/logs/prepare_dataset/shapes.log:")
    assert lines[begin + 1].startswith("  shapes: samples: 9 asked, 4 usable")
    assert "3 runs: 3 missing" in lines[begin:]
