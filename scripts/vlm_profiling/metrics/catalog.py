"""The metric catalogue: each published figure once. Rows, pages, charts, exports and the dictionary read it.

Names of others: vLLM, keys of `vllm bench serve --save-result` and `vllm bench throughput` (docs.vllm.ai,
benchmarks/serve); AIPerf, tags of its metrics reference (docs.nvidia.com/aiperf); MLPerf, lines and keys of
LoadGen's summary and detail logs (mlcommons/inference, loadgen/results.cc) and the power rules
(mlcommons/inference_policies, power_measurement.adoc).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from vlm_profiling.metrics.estimate import (
    BYTES,
    FLOPS,
    JOULES,
    PER_SECOND,
    PERCENT,
    RATIO,
    SECONDS,
    TIMES_HUNDRED,
    TOKENS,
    WATTS,
    WORDS,
    Unit,
)
from vlm_profiling.metrics.stages import COUNTED_STAGES, STAGES

Kind: TypeAlias = Literal["latency", "energy", "flops", "memory", "quality", "stages"]
"""The kinds of figures that audits mark."""
KINDS: tuple[Kind, ...] = ("latency", "energy", "flops", "memory", "quality", "stages")

NO_STAGES = "the protocol asks for no stages"

UNITS: dict[str, tuple[Unit, ...]] = {
    "s": SECONDS,
    "1/s": (PER_SECOND,),
    "J": JOULES,
    "W": (WATTS,),
    "B": BYTES,
    "FLOP": FLOPS,
    "1": (PERCENT,),
    "tokens": (TOKENS,),
    "words": (WORDS,),
    "ratio": (RATIO,),
}
"""The units that figures of a base unit are shown in, largest first."""


@dataclass(frozen=True)
class Columns:
    """The columns of a figure in its table: its value, its interval, its n, and the reason of its absence."""

    value: str
    low: str = ""
    high: str = ""
    relative_uncertainty: str = ""
    """Half of a 95 % interval as a share of the value."""
    std: str = ""
    """Sample standard deviation of the `n` values of which `value` is the mean: Student's 95 % interval."""
    n: str = ""
    absent: str = ""
    """Column with the reason for a null: JSON by `absent_key`, or plain text where that is empty."""
    absent_key: str = ""
    unasked: str = "no reason recorded"
    """The reason where the column of reasons is null, too."""
    only: tuple[str, str] | None = None
    """A column and the value it must have for the figure to be this metric."""

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that the figure is read from."""
        own = (self.value, self.low, self.high, self.relative_uncertainty, self.std, self.n, self.absent)
        return tuple(filter(None, (*own, *(self.only or ())[:1])))


@dataclass(frozen=True)
class Metric:
    """A published figure."""

    id: str
    title: str
    unit: str
    """Base unit, that of the column."""
    columns: Columns
    definition: str
    """What it is, as a phrase that can follow the title and a colon."""
    measured_in: str
    """Pass of a run, or step of the study."""
    cpu_columns: Columns | None = None
    """Of a run on the CPU, where these differ."""
    table: str = "runs"
    kind: Kind | None = None
    """What audits call it."""
    better: Literal["lower", "higher"] | None = None
    shown_in: tuple[Unit, ...] = field(default=(), repr=False)
    """Units to show it in, where these are not those of the base unit."""
    vllm: str = ""
    aiperf: str = ""
    mlperf: str = ""

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units to show it in, largest first."""
        return self.shown_in or UNITS[self.unit]

    @property
    def short_title(self) -> str:
        """The title without "per batch" or "per sample"."""
        return self.title.removesuffix(" per batch").removesuffix(" per sample")

    def columns_on(self, device: str) -> Columns:
        """The columns of a run on a device."""
        return self.cpu_columns if self.cpu_columns and device == "cpu" else self.columns

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns that it is read from, on any device."""
        own = (self.columns, self.cpu_columns) if self.cpu_columns else (self.columns,)
        return tuple(dict.fromkeys(name for columns in own for name in columns.names))


def _distribution(stem: str) -> Columns:
    ends = (f"{stem}_sampling_low_s", f"{stem}_sampling_high_s")
    return Columns(f"{stem}_mean_s", *ends, n=f"{stem}_n")


def _serving(stem: str) -> Columns:
    """Of a distribution of the section that needs the pass of the stages."""
    return replace(_distribution(stem), absent="serving_absent", absent_key=stem, unasked=NO_STAGES)


def _rate(column: str) -> Columns:
    return Columns(column, low=f"{column}_interval_low", high=f"{column}_interval_high")


def _score(column: str) -> Columns:
    return replace(_rate(column), n="scored", absent="quality_absent", absent_key=column)


def _standard(metric: str) -> Columns:
    """The data set's standard metric where that is this one."""
    return Columns(
        "standard_value",
        low="standard_interval_low",
        high="standard_interval_high",
        n="scored",
        absent="quality_absent",
        absent_key="standard",
        only=("standard_metric", metric),
    )


def _joules(meter: str) -> Columns:
    return Columns(
        f"energy_{meter}_per_sample_j",
        relative_uncertainty=f"energy_{meter}_relative_uncertainty",
        absent="energy_absent",
        absent_key=meter,
    )


def _power(meter: str) -> Columns:
    return Columns(f"energy_{meter}_mean_w", absent="energy_absent", absent_key=meter)


def _change(stem: str, unasked: str = "no reason recorded") -> Columns:
    """Of the table of drift."""
    ends = (f"{stem}_low", f"{stem}_high")
    return Columns(f"{stem}_mean", *ends, n="common", absent="drift_absent", absent_key=stem, unasked=unasked)


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


_ALL = (
    Metric(
        "generate_s",
        "Latency per batch",
        "s",
        _distribution("generate"),
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
        _distribution("generate_per_sample"),
        "generate() of a full batch divided by the batch's rows",
        "headline",
        kind="latency",
        better="lower",
    ),
    Metric(
        "end_to_end_s",
        "End-to-end latency per batch",
        "s",
        _distribution("end_to_end"),
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
        _rate("samples_per_s"),
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
        _rate("output_tokens_per_s"),
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
        "wer",
        "Word error rate",
        "1",
        _score("wer"),
        "word edits to the first reference over its words, all samples together, text as it is",
        "quality",
        kind="quality",
        better="lower",
    ),
    Metric(
        "wer_normalised",
        "Word error rate, normalised",
        "1",
        _score("wer_normalised"),
        "word error rate after lower-casing and removing punctuation",
        "quality",
        kind="quality",
        better="lower",
    ),
    Metric(
        "exact_match",
        "Exact match",
        "1",
        _score("exact_match"),
        "share of answers equal to a reference after lower-casing and removing punctuation",
        "quality",
        kind="quality",
        better="higher",
    ),
    Metric(
        "vqa_accuracy",
        "VQA accuracy",
        "1",
        _standard("vqa_accuracy"),
        "agreement with ten people's answers, min(people who said so / 3, 1), after VQA's normalisation; "
        "mean",
        "quality",
        kind="quality",
        better="higher",
        mlperf="accuracy (each task has its own)",
    ),
    Metric(
        "choice_accuracy",
        "Multiple-choice accuracy",
        "1",
        _standard("choice_accuracy"),
        "share of answers that name the right choice",
        "quality",
        kind="quality",
        better="higher",
        mlperf="accuracy (each task has its own)",
    ),
    Metric(
        "cider_d",
        "CIDEr-D",
        "1",
        _standard("cider_d"),
        "similarity to the references by TF-IDF weighted n-grams, 0 to 10, shown times 100",
        "quality",
        kind="quality",
        better="higher",
        shown_in=(TIMES_HUNDRED,),
        mlperf="accuracy (each task has its own)",
    ),
    Metric(
        "bleu_4",
        "BLEU-4",
        "1",
        _score("bleu_4"),
        "precision of n-grams up to four words against the references, with brevity penalty",
        "quality",
        kind="quality",
        better="higher",
    ),
    Metric(
        "rouge_l",
        "ROUGE-L",
        "1",
        _score("rouge_l"),
        "longest common subsequence with the best reference, F-measure; mean",
        "quality",
        kind="quality",
        better="higher",
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
        _distribution("time"),
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
    Metric(
        "answers_changed",
        "Answers changed",
        "1",
        _change("changed_share"),
        "share of the answers whose text differs from that of the reference optimization to the same sample",
        "drift",
        table="drift",
        kind="quality",
        better="lower",
    ),
    Metric(
        "words_in_common",
        "Words in common",
        "words",
        Columns("words_in_common", unasked="no answer changed"),
        "words before the first difference: median over the answers that changed",
        "drift",
        table="drift",
        kind="quality",
        better="higher",
    ),
    Metric(
        "wer_change",
        "Word error rate, change",
        "1",
        _change("wer_change"),
        "word error rate minus that of the reference optimization, sample by sample",
        "drift",
        table="drift",
        kind="quality",
        better="lower",
    ),
    Metric(
        "exact_match_change",
        "Exact match, change",
        "1",
        _change("exact_match_change"),
        "share of exact matches minus that of the reference optimization, sample by sample",
        "drift",
        table="drift",
        kind="quality",
        better="higher",
    ),
    Metric(
        "standard_change",
        "The data set's own metric, change",
        "1",
        _change("standard_change"),
        "the data set's own metric minus that of the reference optimization, sample by sample",
        "drift",
        table="drift",
        kind="quality",
        better="higher",
    ),
)
METRICS: dict[str, Metric] = {metric.id: metric for metric in _ALL}
STANDARD_METRICS = ("vqa_accuracy", "choice_accuracy", "cider_d")
"""The metrics that data sets publish as their own."""


def run_columns() -> list[str]:
    """The columns of the table of runs that figures are read from."""
    of_runs = (metric for metric in METRICS.values() if metric.table == "runs")
    return list(dict.fromkeys(name for metric in of_runs for name in metric.column_names))
