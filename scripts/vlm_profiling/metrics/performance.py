"""Metrics of times, energy, FLOPs, memory and tokens."""

from __future__ import annotations

from dataclasses import replace

from vlm_profiling.metrics.metric import Columns, Metric, distribution_columns, interval_columns
from vlm_profiling.metrics.stages import COUNTED_STAGES, STAGES

NO_STAGES = "the protocol asks for no stages"


def _serving(stem: str) -> Columns:
    """Of a distribution of the section that needs the pass of the stages."""
    return replace(distribution_columns(stem), absent="serving_absent", absent_key=stem, unasked=NO_STAGES)


def _joules(meter: str, name: str = "per_sample_j") -> Columns:
    return Columns(
        f"energy_{meter}_{name}",
        relative_uncertainty=f"energy_{meter}_relative_uncertainty",
        absent="energy_absent",
        absent_key=meter,
    )


def _power(meter: str) -> Columns:
    return Columns(f"energy_{meter}_mean_w", absent="energy_absent", absent_key=meter)


def _stage_flops(stage: str) -> Metric:
    """FLOPs of one of the counted stages."""
    title = STAGES[stage].title
    return Metric(
        f"batch_{stage}_flops",
        f"FLOPs of the {title} per batch",
        "FLOP",
        Columns(f"batch_{stage}_flops", n="generate_n", absent="flops_absent"),
        f"the part of the FLOPs per batch that the {title} needs",
        "counted without a device",
        kind="flops",
        better="lower",
    )


def _peak(name: str) -> Columns:
    return Columns(name, absent="memory_absent", absent_key=name)


PERFORMANCE = (
    Metric(
        "generate_s",
        "Latency per batch",
        "s",
        distribution_columns("generate"),
        "generate() of a full batch: tensors on the device to token ids",
        "headline",
        kind="latency",
        better="lower",
        vllm="`avg_latency` (bench latency; with its own engine)",
    ),
    Metric(
        "generate_per_sample_s",
        "Latency per sample",
        "s",
        distribution_columns("generate_per_sample"),
        "generate() of a full batch divided by the batch's rows",
        "headline",
        kind="latency",
        better="lower",
    ),
    Metric(
        "end_to_end_s",
        "End-to-end latency per batch",
        "s",
        distribution_columns("end_to_end"),
        "preprocess + transfer + generate() + detokenise of a full batch; of videos from their files, "
        "with decoding and sampling",
        "headline",
        kind="latency",
        better="lower",
        vllm="`mean_e2el_ms` (of one request)",
        aiperf="`request_latency` (of one request)",
        mlperf="`Mean latency (ns)`, `result_mean_latency_ns` (of one sample)",
    ),
    Metric(
        "samples_per_s",
        "Samples per second",
        "1/s",
        interval_columns("samples_per_s"),
        "all samples divided by all end-to-end time; with one image a sample also images per second",
        "headline",
        kind="latency",
        better="higher",
        vllm="`request_throughput`",
        aiperf="`request_throughput`; `image_throughput` (of one request)",
        mlperf="`Samples per second`, `result_samples_per_second`",
    ),
    Metric(
        "output_tokens_per_s",
        "Output tokens per second",
        "1/s",
        interval_columns("output_tokens_per_s"),
        "all generated tokens, end-of-sequence included, divided by all end-to-end time",
        "headline",
        kind="latency",
        better="higher",
        vllm="`output_throughput`",
        aiperf="`output_token_throughput`",
        mlperf="`Tokens per second`",
    ),
    Metric(
        "ttft_s",
        "Time to first token",
        "s",
        _serving("ttft"),
        "from images (or videos' files) and text on the host to the id of the batch's first token",
        "stages",
        kind="stages",
        better="lower",
        vllm="`mean_ttft_ms`",
        aiperf="`time_to_first_token`",
        mlperf="`Mean First Token latency (ns)`, TTFT",
    ),
    Metric(
        "tpot_s",
        "Time per output token",
        "s",
        _serving("tpot"),
        "(end-to-end latency - time to first token) / (tokens of the longest answer - 1)",
        "stages",
        kind="stages",
        better="lower",
        vllm="`mean_tpot_ms`",
        aiperf="`inter_token_latency`",
        mlperf="`Mean Time to Output Token (ns)`, TPOT",
    ),
    Metric(
        "energy_per_sample_j",
        "Energy per sample",
        "J",
        _joules("gpu"),
        "joules of the device that did the work, idle power included, divided by the samples served in "
        "the window; the interval is the meter's uncertainty",
        "headline, in a window of its own meter",
        cpu_columns=_joules("cpu"),
        kind="energy",
        better="lower",
        aiperf="`Energy Consumption (MJ)` of the GPU",
        mlperf="energy per stream or query, of the whole system at the wall",
    ),
    Metric(
        "energy_per_token_j",
        "Energy per output token",
        "J",
        _joules("gpu", "per_token_j"),
        "joules of the device that did the work, idle power included, divided by the tokens generated in the "
        "window; the interval is the meter's uncertainty",
        "headline, in a window of its own meter",
        cpu_columns=_joules("cpu", "per_token_j"),
        kind="energy",
        better="lower",
    ),
    Metric(
        "energy_window_j",
        "Energy of the window",
        "J",
        _joules("gpu", "gross_j"),
        "joules of the device that did the work over the whole window, idle power included; the interval is "
        "the meter's uncertainty",
        "headline, in a window of its own meter",
        cpu_columns=_joules("cpu", "gross_j"),
        kind="energy",
        better="lower",
    ),
    Metric(
        "mean_power_w",
        "Mean power",
        "W",
        _power("gpu"),
        "joules of the window divided by its length",
        "headline",
        cpu_columns=_power("cpu"),
        kind="energy",
        aiperf="`GPU Power Usage (W)`",
        mlperf="average system power (W), at the wall",
    ),
    Metric(
        "batch_flops",
        "FLOPs per batch",
        "FLOP",
        Columns("batch_flops", std="batch_flops_std", n="generate_n", absent="flops_absent"),
        "the model's cost functions at the batch's own tokens, padding included; 1 multiply-add = 2 FLOPs",
        "counted without a device",
        kind="flops",
        better="lower",
    ),
    *map(_stage_flops, COUNTED_STAGES),
    Metric(
        "peak_memory_bytes",
        "Peak memory",
        "B",
        _peak("peak_allocated_bytes"),
        "GPU: most bytes that torch held allocated, summed over several GPUs; CPU: high-water mark of the "
        "resident set",
        "headline",
        cpu_columns=_peak("peak_process_bytes"),
        kind="memory",
        better="lower",
        aiperf="`GPU Memory Used (GB)` (of the whole GPU)",
    ),
    Metric(
        "prompt_tokens",
        "Prompt tokens",
        "tokens",
        Columns("prompt_tokens_mean"),
        "what the language model reads of a sample, unpadded, image included; mean",
        "headline",
        vllm="`total_input_tokens` (sum; text as sent)",
        aiperf="`input_sequence_length` (text alone)",
    ),
    Metric(
        "image_tokens",
        "Image tokens",
        "tokens",
        Columns("image_tokens_mean"),
        "tokens that represent a sample's image or frames; mean",
        "headline",
    ),
    Metric(
        "generated_tokens",
        "Generated tokens",
        "tokens",
        Columns("generated_tokens_mean"),
        "tokens written for a sample, up to and including end-of-sequence; mean",
        "headline",
        vllm="`total_output_tokens` (sum)",
        aiperf="`output_sequence_length`",
    ),
    Metric(
        "padding_share",
        "Padding share",
        "1",
        Columns("padding_share", absent="flops_absent"),
        "share of the FLOPs spent on padding and on rows that had ended",
        "counted",
        kind="flops",
        better="lower",
    ),
    Metric(
        "repeats_noise",
        "Noise between repetitions",
        "1",
        Columns("repeats_noise", absent="run_absent", absent_key="repeats"),
        "standard deviation of the means of repeated rounds of the same batches, relative: "
        "how far latency moves with nothing changed",
        "repeats, between the stages",
        better="lower",
    ),
    Metric(
        "mfu",
        "Model FLOPs utilisation (MFU)",
        "1",
        Columns("mfu", absent="absent", absent_key="floor_s"),
        "time that the stage's FLOPs need at the ceiling's matrix rate over its measured time",
        "from stages, FLOPs and ceilings",
        table="roofline",
        kind="stages",
        better="higher",
    ),
    Metric(
        "mbu",
        "Model bandwidth utilisation (MBU)",
        "1",
        Columns("mbu", absent="absent", absent_key="floor_s"),
        "time that weights and cache need at the ceiling's bandwidth over the stage's measured time",
        "from stages, bytes and ceilings",
        table="roofline",
        kind="stages",
        better="higher",
    ),
    Metric(
        "distance",
        "Time over floor",
        "ratio",
        Columns("distance", absent="absent", absent_key="floor_s"),
        "measured time of the stage over its floor, the longer of FLOPs over the ceiling's matrix rate and "
        "bytes over its bandwidth",
        "from stages, FLOPs, bytes and ceilings",
        table="roofline",
        kind="stages",
        better="lower",
    ),
    Metric(
        "stage_time_s",
        "Time of a stage",
        "s",
        distribution_columns("time"),
        "exclusive time of one stage of a full batch",
        "stages",
        table="stages",
        kind="stages",
        better="lower",
    ),
    Metric(
        "stage_share",
        "Share of a stage",
        "1",
        Columns("share"),
        "time of the stage over the end-to-end time of the same pass",
        "stages",
        table="stages",
        kind="stages",
    ),
    Metric(
        "layer_share",
        "Share of a layer",
        "1",
        Columns("share"),
        "exclusive time of a kind of layer over generate() of the same pass",
        "layers",
        table="layers",
        kind="stages",
    ),
)
