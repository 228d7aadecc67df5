"""Exports hold the records' figures under other tools' names, and nothing that was not measured."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from factories import identity_of, make_environment, make_failed_record, make_record

from vlm_profiling.report.exports.latex import escape_latex, heading, latex_table
from vlm_profiling.report.exports.mlperf import REQUIRED, fields_to_fill_in, system_description
from vlm_profiling.report.exports.vllm import serve_result, throughput_result

SCRIPT = Path(__file__).parents[2] / "scripts" / "vlm.py"


def export(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "export", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_run_in_the_shape_of_vllms_serving_benchmark():
    record = make_record(samples=8)
    result = serve_result(record)
    duration_s = sum(batch.end_to_end_s for batch in record.batches)
    assert (result["num_prompts"], result["completed"], result["failed"]) == (8, 8, 0)
    assert result["date"] == "20260301-120000"
    assert result["duration"] == pytest.approx(duration_s)
    assert result["request_throughput"] == pytest.approx(8 / duration_s)
    assert result["output_throughput"] == pytest.approx(16 / duration_s)
    assert result["total_output_tokens"] == sum(result["output_lens"]) == 16
    assert result["total_token_throughput"] == pytest.approx((result["total_input_tokens"] + 16) / duration_s)
    assert result["mean_ttft_ms"] == pytest.approx(1000 * record.serving.ttft.mean_s)
    assert result["std_e2el_ms"] == pytest.approx(1000 * record.headline.end_to_end.std_s)
    assert "p99_ttft_ms" not in result, "four batches have no 99th percentile"
    assert "itls" not in result and "mean_itl_ms" not in result, "not measured"


def test_a_run_without_stages_has_no_time_to_first_token():
    assert not [key for key in serve_result(make_record(serving=None)) if "ttft" in key or "tpot" in key]


def test_a_run_in_the_shape_of_vllms_offline_benchmark():
    record = make_record(samples=8)
    serve, offline = serve_result(record), throughput_result(record)
    assert list(offline) == [
        "elapsed_time",
        "num_requests",
        "total_num_tokens",
        "requests_per_second",
        "tokens_per_second",
    ]
    assert offline["total_num_tokens"] == serve["total_input_tokens"] + serve["total_output_tokens"]
    assert offline["tokens_per_second"] == pytest.approx(serve["total_token_throughput"])


def test_a_machine_is_described_as_far_as_the_record_tells():
    description = system_description(make_environment("cuda"))
    assert description["accelerator_model_name"] == "NVIDIA H100 80GB HBM3"
    assert description["accelerator_memory_capacity"] == "80 GiB"
    assert description["framework"] == "PyTorch 2.13.0, transformers 5.23.0"
    assert "host_storage_type" not in description and "host_storage_type" in fields_to_fill_in(description)
    assert set(description) | set(fields_to_fill_in(description)) == set(REQUIRED)
    assert system_description(make_environment("cpu"))["accelerators_per_node"] == "0"


def test_text_is_escaped_for_latex():
    assert escape_latex("50 % & $x_1$ #{~^}\\\n") == (
        r"50 \% \& \$x\_1\$ \#\{\textasciitilde{}\textasciicircum{}\}\textbackslash{}"
    )
    assert heading("generate_mean_s") == "generate mean (s)"
    assert heading("samples_per_s") == "samples (1/s)"


@pytest.fixture
def results(make_study):
    """A merged study's folder: one run out of memory, one whose latency fails an audit."""

    def answer(run):
        if run.model == "random" and run.point.batch_size == 4:
            return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))
        record = make_record(generate_s=0.02, noise=0.0, samples=16, **identity_of(run))
        if run.model == "trained" and run.point.batch_size == 4:
            record.headline.generate.mean_s *= 2
        return record

    study = make_study(answer)
    study.merge()
    return study.folder


def test_a_latex_table_of_chosen_columns(results):
    done = export(
        "latex",
        results,
        "--axis",
        "batch_size",
        "--columns",
        "model",
        "batch_size",
        "generate_mean_s",
        "exact_match",
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1:4] == [
        r"\begin{tabular}{lrrr}",
        r"\toprule",
        r"model & batch size & generate mean (s) & exact match \\",
    ]
    assert re.fullmatch(
        r"trained & 1 & 0\.02000 \[0\.02000, 0\.02000\] & 0\.\d+ \[0\.\d+, [01]\.\d+\] \\\\", lines[6]
    )
    assert r"random & 4 & oom & -- \\" in lines
    assert [line.count(r"$^{\dagger}$") for line in lines if line.startswith("trained & 4")] == [1]
    assert "an audit failed this figure (work parity" in lines[0]
    with_packages = export("latex", results, "--columns", "model", "batch_flops", "--siunitx").stdout
    assert r"\num{" in with_packages and "siunitx" in with_packages.splitlines()[0]


def test_joules_stand_with_the_uncertainty_of_their_meter():
    run = {
        "model": "m",
        "dataset": "d",
        "key": "k",
        "status": "ok",
        "energy_gpu_per_sample_j": 200.0,
        "energy_gpu_net_j": 90.0,
    }
    runs = pl.DataFrame([run | {"energy_gpu_relative_uncertainty": 0.01}])
    line = latex_table(runs, ["energy_gpu_per_sample_j", "energy_gpu_net_j"], {}).splitlines()[5]
    assert line == r"200.0 [198.0, 202.0] & 90.00 \\"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_accepts_the_table(results, tmp_path):
    table = export("latex", results, "--axis", "batch_size").stdout
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + table + r"\end{document}"
    (tmp_path / "table.tex").write_text(document)
    subprocess.run(
        ["pdflatex", "-halt-on-error", "table.tex"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL
    )


def test_the_script_writes_a_file_a_run_and_a_machine(results, tmp_path):
    assert export("vllm", results, "--output", tmp_path / "vllm").stdout == "8 runs\n"
    written = sorted((tmp_path / "vllm").rglob("*.json"))
    assert len(written) == 16
    assert json.loads(written[0].read_text())["model_id"] == "tiny:llava"
    told = export("mlperf", results, "--output", tmp_path / "systems").stdout
    assert "to be filled in by hand: division, submitter" in told
    assert [path.name for path in (tmp_path / "systems").iterdir()] == ["system-1.json"]


def test_what_a_person_must_mend_is_named(results, tmp_path):
    for arguments, words in [
        (("latex", results, "--columns", "generate_mean"), "generate_mean_s"),
        (("latex", results, "--axis", "frames"), "there are baseline, batch_size"),
        (("latex", tmp_path / "none"), "runs.parquet"),
        (("vllm", tmp_path / "none", "--output", tmp_path), "no record"),
    ]:
        done = export(*arguments)
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr
