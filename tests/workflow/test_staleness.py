"""A changed thing reruns exactly its cells, and nothing else: each row of docs/staleness.md, on real
Snakemake.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

import pytest
from small_project import PROJECT, STUDY, Project

REPORT = {"merge_runs": 1, "compute_roofline": 1, "audit_runs": 1, "draw_charts": 1, "write_report": 1}


def test_a_finished_study_has_nothing_to_do(finished: Project) -> None:
    assert finished.planned() == {}


def test_a_change_of_measuring_code_reruns_every_run(project: Project) -> None:
    project.change("scripts/vlm_profiling/engines/transformers/model.py", '"num_beams": 1', '"num_beams": 2')
    assert project.planned() == {"profile_run": 3, **REPORT}


def test_changed_calibration_measures_ceilings_and_no_run(project: Project) -> None:
    project.change("scripts/vlm_profiling/measure/calibrate.py", "LEAST_REPEATS = 3", "LEAST_REPEATS = 4")
    assert project.planned() == {
        "calibrate_device": 1,
        **{rule: 1 for rule in REPORT if rule != "merge_runs"},
    }


def test_comments_docstrings_and_formatting_of_measuring_code_rerun_nothing(project: Project) -> None:
    project.change(
        "scripts/vlm_profiling/measure/passes/headline.py",
        '"""The passes of one run',
        '# a comment\n"""Other words',
    )
    project.change(
        "scripts/profile_run.py",
        "    require_options(options)",
        "    require_options(\n        options,\n    )",
    )
    assert project.planned() == {}


def test_measuring_code_of_another_content_under_an_older_time_is_seen(project: Project) -> None:
    file = project.folder / "scripts/vlm_profiling/engines/transformers/model.py"
    facts = file.stat()
    project.change("scripts/vlm_profiling/engines/transformers/model.py", '"num_beams": 1', '"num_beams": 2')
    os.utime(file, (facts.st_atime, facts.st_mtime - 1000))
    assert project.planned() == {"profile_run": 3, **REPORT}


def test_comments_and_logs_of_a_rule_rerun_nothing_and_its_command_reruns_its_jobs(project: Project) -> None:
    project.change("rules/profile.smk", "rule profile_run:", "# a comment\nrule profile_run:")
    project.change("rules/profile.smk", "<results>/logs/profile_run/", "<results>/logs/elsewhere/")
    assert project.planned() == {}
    project.change("rules/report.smk", '"draw_charts.py --study', '"draw_charts.py  --study')
    assert project.planned() == {"draw_charts": 1, "write_report": 1}


def test_touched_code_settings_and_prepared_files_rerun_nothing(project: Project) -> None:
    touched = [
        "scripts/profile_run.py",
        "scripts/vlm_profiling/measure/run.py",
        "config.yaml",
        "envs/measure.lock",
        "Snakefile",
    ]
    touched += [
        "results/datasets/shapes/manifest.json",
        "results/checkpoints/tiny.json",
        "shapes/samples.json",
        "shapes/0.png",
    ]
    for name in touched:
        os.utime(project.folder / name)
    assert project.planned() == {}


def test_own_folders_touched_or_checked_out_anew_rerun_nothing_even_without_snakemakes_memory(
    project: Project,
) -> None:
    """Snakemake itself would go by their times: with its memory for files above 1 MB, such as weights,
    without it for all.
    """
    shutil.copytree(project.folder / "shapes", project.folder / "copy", copy_function=shutil.copyfile)
    shutil.rmtree(project.folder / "shapes")
    (project.folder / "copy").rename(project.folder / "shapes")
    shutil.rmtree(project.folder / ".snakemake")
    assert project.planned() == {}


def test_restyled_charts_rerun_no_measurement(project: Project) -> None:
    append(project, "scripts/draw_charts.py", "\nRESTYLED = True\n")
    assert project.planned() == {"draw_charts": 1, "write_report": 1}


def test_a_changed_page_rewrites_only_the_pages(project: Project) -> None:
    append(project, "scripts/vlm_profiling/report/site/html.py", "\nCHANGED = True\n")
    assert project.planned() == {"write_report": 1}


def test_changed_cost_code_counts_again_and_measures_nothing(project: Project) -> None:
    append(project, "scripts/vlm_profiling/cost/counting/count.py", "\nCHANGED = True\n")
    assert project.planned() == {"count_cost": 1, **REPORT}


def test_a_changed_cost_or_table_by_hand_makes_what_comes_of_it_anew_and_measures_nothing(
    project: Project,
) -> None:
    append(project, "results/tables/runs.csv", "\n")
    assert project.planned() == {rule: 1 for rule in REPORT if rule != "merge_runs"}
    append(project, "results/costs/tiny.json", " ")
    assert project.planned() == REPORT


def test_a_changed_manifest_reruns_the_runs_of_its_data_set(project: Project) -> None:
    append(project, "results/datasets/shapes/manifest.json", " ")
    assert project.planned() == {"profile_run": 3, **REPORT}


@pytest.mark.slow
def test_changed_weights_in_a_folder_rerun_the_runs_of_their_model_alone(project: Project) -> None:
    shutil.copytree(PROJECT / "checkpoints/tiny-llava-easy-vqa", project.folder / "weights")
    project.configure(axes={}, models={**STUDY["models"], "own": {"folder": "weights", "family": "llava"}})
    project.run()
    for path in (project.folder / "weights").iterdir():
        os.utime(path)
    assert project.planned() == {}
    weights = next((project.folder / "weights").glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert project.planned() == {"prepare_checkpoint": 1, "count_cost": 1, "profile_run": 1, **REPORT}


def test_a_changed_image_prepares_its_data_set_again(project: Project) -> None:
    shutil.copy(project.folder / "shapes/1.png", project.folder / "shapes/0.png")
    assert project.planned() == {"prepare_dataset": 1, "profile_run": 3, **REPORT}


def test_a_changed_protocol_setting_is_another_run(project: Project) -> None:
    project.configure(protocol={**STUDY["protocol"], "max_new_tokens": 3})
    assert project.planned() == {"profile_run": 3, **REPORT}


def test_swapped_values_of_two_settings_are_seen(project: Project) -> None:
    project.configure(axes={}, baseline={**STUDY["baseline"], "batch_size": 1, "max_input_len": 2})
    assert project.planned() == {"profile_run": 1, **REPORT}


def test_what_the_name_of_an_optimization_stands_for_is_part_of_its_runs(project: Project) -> None:
    project.configure(
        optimizations={
            **STUDY["optimizations"],
            "flash": {"dtype": "bfloat16", "attention": "flash_attention_2"},
        }
    )
    assert project.planned() == {"profile_run": 1, **REPORT}


@pytest.mark.parametrize("setting", [{"samples": 3}, {"seed": 3}])
def test_another_draw_of_samples_is_another_data_set(setting: dict[str, int], project: Project) -> None:
    project.configure(datasets={"shapes": {"folder": "shapes", **setting}})
    assert project.planned() == {"prepare_dataset": 1, "profile_run": 3, **REPORT}


@pytest.mark.parametrize(
    "changes", [{"description": "Other words."}, {"axes": dict(reversed(STUDY["axes"].items()))}]
)
def test_the_studys_words_and_the_order_of_its_axes_only_rewrite_the_tables(
    changes: dict[str, Any], project: Project
) -> None:
    project.configure(**changes)
    assert project.planned() == REPORT


def test_the_order_of_keys_in_the_settings_means_nothing(project: Project) -> None:
    baseline = dict(reversed(STUDY["baseline"].items()))
    protocol = dict(reversed(STUDY["protocol"].items()))
    project.configure(protocol=protocol, baseline=baseline)
    assert project.planned() == {}


def test_an_added_point_measures_only_itself(project: Project) -> None:
    project.configure(axes={**STUDY["axes"], "batch_size": {"values": [2, 1, 4]}})
    assert project.planned() == {"profile_run": 1, **REPORT}


def test_an_added_data_set_is_prepared_and_costs_only_its_own_runs(project: Project) -> None:
    project.configure(datasets={**STUDY["datasets"], "more": {"folder": "shapes"}})
    assert project.planned() == {"prepare_dataset": 1, "profile_run": 3, **REPORT}


def test_changed_preparing_code_of_checkpoints_costs_their_runs(project: Project) -> None:
    append(project, "scripts/prepare_checkpoint.py", "\nCHANGED = True\n")
    assert project.planned() == {"prepare_checkpoint": 1, "count_cost": 1, "profile_run": 3, **REPORT}


def test_an_added_model_costs_only_its_own_runs(project: Project) -> None:
    project.configure(models={**STUDY["models"], "other": {"tiny": "blip2-opt"}})
    assert project.planned() == {"prepare_checkpoint": 1, "count_cost": 1, "profile_run": 3, **REPORT}


def test_a_removed_point_only_rewrites_the_tables_and_leaves_its_record(project: Project) -> None:
    before = project.records
    project.configure(axes={"optimization": STUDY["axes"]["optimization"]})
    assert project.planned() == REPORT
    project.run()
    assert project.records == before
    assert project.planned() == {}


def test_a_changed_lock_is_another_environment(project: Project) -> None:
    append(project, "envs/measure.lock", "one-more-package==1.0\n")
    assert project.planned() == {"calibrate_device": 1, "profile_run": 3, **REPORT}


def test_a_deleted_record_is_measured_again_and_alone(project: Project) -> None:
    name = next(name for name in project.records if "-b1-" in name)
    (project.folder / "results/runs" / name).unlink()
    assert project.planned() == {"profile_run": 1, **REPORT}


def test_threads_resources_and_a_container_runtime_that_is_not_used_are_no_reason_to_measure(
    finished: Project,
) -> None:
    more = ["--set-threads", "profile_run=1", "--set-resources", "profile_run:mem_mb=1", "--sdm", "apptainer"]
    assert finished.planned(*more) == {}


def test_results_copied_without_snakemakes_memory_are_kept(project: Project) -> None:
    shutil.rmtree(project.folder / ".snakemake")
    assert project.planned() == {}


@pytest.mark.slow
def test_one_broken_run_blocks_no_other(project: Project) -> None:
    manifest = project.folder / "results/datasets/shapes"
    time.sleep(0.01)
    for path in (manifest / "images").iterdir():
        path.write_bytes(b"no image")
    project.configure(models={**STUDY["models"], "other": {"tiny": "blip2-opt"}})
    done = project.run("--keep-going", check=False)
    assert done.returncode != 0
    assert (project.folder / "results/checkpoints/other.json").is_file()
    log = next((project.folder / "results/logs/profile_run/other").rglob("*.log")).read_text()
    assert "Traceback" not in log
    assert "changed" in log
    assert sum(name.startswith("tiny/") for name in project.records) == 3


def append(project: Project, file: str, text: str) -> None:
    path = project.folder / file
    path.write_text(path.read_text() + text)
