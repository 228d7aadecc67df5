"""The metric dictionary: what each published figure is, where it is measured, and what other tools call it.

Names of others: vLLM, keys of `vllm bench serve --save-result` and `vllm bench throughput` (docs.vllm.ai,
benchmarks/serve); AIPerf, tags of its metrics reference (docs.nvidia.com/aiperf); MLPerf, lines and keys of
LoadGen's summary and detail logs (mlcommons/inference, loadgen/results.cc) and the power rules
(mlcommons/inference_policies, power_measurement.adoc).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from vlm_profiling.report.markdown import table
from vlm_profiling.tables.column_docs import table_columns


class Metric(NamedTuple):
    """A published figure."""

    name: str
    column: str
    """Of tables/runs, or TABLE.COLUMN; the figures of a distribution or interval share its beginning, ended
    by an asterisk.
    """
    unit: str
    definition: str
    measured: str
    """Pass of a run, or step of the study."""
    vllm: str = ""
    aiperf: str = ""
    mlperf: str = ""


METRICS = (
    Metric(
        "Latency per batch",
        "generate_*",
        "s",
        "generate() of a full batch: tensors on the device to token ids",
        "headline",
        vllm="`avg_latency` (bench latency; with its own engine)",
    ),
    Metric(
        "Latency per sample", "generate_per_sample_*", "s", "the same divided by the batch's rows", "headline"
    ),
    Metric(
        "End-to-end time",
        "end_to_end_*",
        "s",
        "preprocess + transfer + generate() + detokenise of a full batch; of videos from their files, with decoding and sampling",
        "headline",
        vllm="`mean_e2el_ms` (of one request)",
        aiperf="`request_latency` (of one request)",
        mlperf="`Mean latency (ns)`, `result_mean_latency_ns` (of one sample)",
    ),
    Metric(
        "Time to first token",
        "ttft_*",
        "s",
        "from images (or videos' files) and text on the host to the id of the batch's first token",
        "stages",
        vllm="`mean_ttft_ms`",
        aiperf="`time_to_first_token`",
        mlperf="`Mean First Token latency (ns)`, TTFT",
    ),
    Metric(
        "Time per further token",
        "tpot_*",
        "s",
        "(end to end - time to first token) / (tokens of the longest answer - 1)",
        "stages",
        vllm="`mean_tpot_ms`",
        aiperf="`inter_token_latency`",
        mlperf="`Mean Time to Output Token (ns)`, TPOT",
    ),
    Metric(
        "Samples per second",
        "samples_per_s",
        "1/s",
        "all samples divided by all end-to-end time; with one image a sample also images per second",
        "headline",
        vllm="`request_throughput`",
        aiperf="`request_throughput`; `image_throughput` (of one request)",
        mlperf="`Samples per second`, `result_samples_per_second`",
    ),
    Metric(
        "Output tokens per second",
        "output_tokens_per_s",
        "1/s",
        "all generated tokens, end-of-sequence included, divided by all end-to-end time",
        "headline",
        vllm="`output_throughput`",
        aiperf="`output_token_throughput`",
        mlperf="`Tokens per second`",
    ),
    Metric(
        "Prompt tokens",
        "prompt_tokens_mean",
        "tokens",
        "what the language model reads of a sample, unpadded, image included",
        "headline",
        vllm="`total_input_tokens` (sum; text as sent)",
        aiperf="`input_sequence_length` (text alone)",
    ),
    Metric(
        "Generated tokens",
        "generated_tokens_mean",
        "tokens",
        "up to and including end-of-sequence",
        "headline",
        vllm="`total_output_tokens` (sum)",
        aiperf="`output_sequence_length`",
    ),
    Metric(
        "Energy per sample",
        "energy_gpu_per_sample_j, energy_cpu_per_sample_j",
        "J",
        "joules of the device that did the work, idle power included, divided by the samples served in the window",
        "headline, in a window of its own meter",
        aiperf="`Energy Consumption (MJ)` of the GPU",
        mlperf="energy per stream or query, of the whole system at the wall",
    ),
    Metric(
        "Mean power",
        "energy_gpu_mean_w, energy_cpu_mean_w",
        "W",
        "joules of the window divided by its length",
        "headline",
        aiperf="`GPU Power Usage (W)`",
        mlperf="average system power (W), at the wall",
    ),
    Metric(
        "Peak memory",
        "peak_allocated_bytes, peak_process_bytes",
        "B",
        "GPU: most bytes that torch held allocated; CPU: high-water mark of the resident set",
        "headline",
        aiperf="`GPU Memory Used (GB)` (of the whole GPU)",
    ),
    Metric(
        "FLOPs per batch",
        "batch_flops",
        "FLOP",
        "the model's cost functions at the batch's own tokens, padding included; 1 multiply-add = 2 FLOPs",
        "counted without a device",
    ),
    Metric(
        "Padding share",
        "padding_share",
        "1",
        "share of the FLOPs spent on padding and on rows that had ended",
        "counted",
    ),
    Metric(
        "Repeat noise",
        "repeats_noise",
        "1",
        "standard deviation of the means of repeated rounds of the same batches, relative: how far latency moves by itself",
        "repeats, between the stages",
    ),
    Metric(
        "Model FLOPs utilisation (MFU)",
        "roofline.mfu",
        "1",
        "time that the stage's FLOPs need at the ceiling's matrix rate over its measured time",
        "from stages, FLOPs and ceilings",
    ),
    Metric(
        "Model bandwidth utilisation (MBU)",
        "roofline.mbu",
        "1",
        "time that weights and cache need at the ceiling's bandwidth over the stage's measured time",
        "from stages, bytes and ceilings",
    ),
    Metric("Time of a stage", "stages.time_*", "s", "exclusive time of one stage of a full batch", "stages"),
    Metric(
        "Share of a stage",
        "stages.share",
        "1",
        "time of the stage over the end-to-end time of the same pass",
        "stages",
    ),
    Metric(
        "Share of a layer",
        "layers.share",
        "1",
        "exclusive time of a kind of layer over generate() of the same pass",
        "layers",
    ),
    Metric(
        "Word error rate",
        "wer",
        "1",
        "word edits to the first reference over its words, all samples together, text as it is",
        "quality",
    ),
    Metric(
        "Exact match",
        "exact_match",
        "1",
        "share of answers equal to a reference after lower-casing and removing punctuation",
        "quality",
    ),
    Metric(
        "The data set's own metric",
        "standard_value",
        "1",
        "VQA accuracy over ten answers, multiple-choice accuracy, or CIDEr-D, whichever the data set's benchmark publishes",
        "quality",
        mlperf="accuracy (each task has its own)",
    ),
)

HEAD = """\
# Metric dictionary

What each figure is, where it is measured, and what other tools call it. Made by `make metric-docs` from `report/metrics.py` and
from the docstrings of the record's schema, which the tables follow column by column.

A name in another tool's column is the nearest figure, not the same measurement: vLLM and AIPerf measure requests sent to a
server, with its queue and network; MLPerf measures samples that its load generator issues. Here a batch is given to the model
in one process, so times are of a batch unless the name says per sample. A dash: that tool has no such figure.
"""
TABLES = {
    "runs": "One row a run: where it stands in the grid, its outcome, and every figure of its record.",
    "samples": "One row a sample of every finished run, with the batch it was in.",
    "stages": "One row a stage of every run that measured stages.",
    "layers": "One row a kind of layer in a stage of every run that measured layers.",
    "roofline": "One row a stage of every finished run and ceiling: the datasheet's, and that measured on the machine.",
    "audits": "One row an audit of a finished run.",
    "drift": "One row a finished run of another optimization than the reference's: its answers beside the reference's.",
}


def metrics_page() -> bytes:
    """The dictionary as a Markdown page: the published figures with their names elsewhere, then every column
    of every table.
    """
    heading = ["Figure", "Column", "Unit", "What it is", "Measured in", "vLLM", "AIPerf", "MLPerf"]
    rows = [[*metric[:1], f"`{metric.column}`", *(cell or "–" for cell in metric[2:])] for metric in METRICS]
    parts = [HEAD, "## Published figures\n", table(heading, rows, text_columns=len(heading)), ""]
    for name, columns in table_columns().items():
        parts += [f"## tables/{name}\n", f"{TABLES[name]}\n"]
        for section, own in groupby(columns, key=lambda column: column.section):
            described = [[f"`{column.name}`", _cell(column.definition)] for column in own]
            parts += [f"**{_cell(section)}**\n"] if section else []
            parts += [table(["Column", "What it is"], described, text_columns=2), ""]
    return "\n".join(parts).encode()


def columns_of(metric: Metric, names: Iterable[str]) -> list[str]:
    """Those of a table's columns that hold a metric: by its full name, or by the beginning before an
    asterisk.
    """
    wanted = [name.strip().rpartition(".")[2] for name in metric.column.split(",")]
    return [
        column
        for column in names
        if any(column.startswith(name[:-1]) if name.endswith("*") else column == name for name in wanted)
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
