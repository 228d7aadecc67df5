"""One cell of a study: a row of the runs table, and the figures that charts and pages show of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import msgspec
from scipy.special import stdtrit

from vlm_profiling.metrics.estimate import Entry, Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.tables.findings import Finding
from vlm_profiling.tables.identity import IdentifiedRow

NO_STAGES = "the protocol asks for no stages"


def _figure(kind: str) -> Callable[[Callable[[RunRow], Entry]], property]:
    """A figure that only a finished run has: any other cell answers with its status and reason.

    `kind` is what audits call it (audits/base.py); a failed one marks it.
    """

    def decorate(read: Callable[[RunRow], Entry]) -> property:
        def entry(cell: RunRow) -> Entry:
            if not cell.ok:
                return Absent(cell.reason or "no reason recorded", cell.status)
            figure = read(cell)
            return replace(figure, flags=cell.flags.get(kind, ())) if isinstance(figure, Estimate) else figure

        return property(entry, doc=read.__doc__)

    return decorate


class _Named(msgspec.Struct):
    name: str


class RunRow(IdentifiedRow, kw_only=True):
    """One run's row: the columns that charts and pages read (record/schema.py says what each means)."""

    axes: str
    state: str
    status: str
    reason: str | None
    gpus: int

    image_tokens_mean: float | None
    frames_mean: float | None
    prompt_tokens_mean: float | None
    generated_tokens_mean: float | None
    truncated_samples: int | None
    lengthened_samples: int | None
    effective_sizes: str | None
    batch_flops: float | None
    batch_flops_std: float | None
    batch_vision_flops: float | None
    batch_project_flops: float | None
    batch_prefill_flops: float | None
    batch_decode_flops: float | None
    padding_share: float | None
    flops_absent: str | None

    protocol_version: int | None
    started_at: str | None
    checkpoint_source: str | None
    checkpoint_revision: str | None
    checkpoint_family: str | None
    checkpoint_architecture: str | None
    checkpoint_parameters: int | None
    checkpoint_weight_bytes: int | None
    checkpoint_dtypes: str | None
    checkpoint_attention: str | None
    checkpoint_random_weights: bool | None
    checkpoint_processor: str | None
    dataset_samples: int | None
    dataset_source: str | None
    dataset_split: str | None
    dataset_prompt: str | None
    dataset_licence: str | None
    environment_packages: str | None
    environment_cpu: str | None
    environment_cpu_cores: int | None
    environment_threads: int | None
    environment_gpu_name: str | None
    environment_gpu_driver: str | None
    environment_gpu_sm_clock_max_mhz: float | None
    environment_further_gpus: str | None
    environment_container_digest: str | None
    environment_git_commit: str | None
    environment_git_dirty: bool | None

    generate_n: int | None
    generate_mean_s: float | None
    generate_sampling_low_s: float | None
    generate_sampling_high_s: float | None
    generate_per_sample_n: int | None
    generate_per_sample_mean_s: float | None
    generate_per_sample_sampling_low_s: float | None
    generate_per_sample_sampling_high_s: float | None
    end_to_end_n: int | None
    end_to_end_mean_s: float | None
    end_to_end_sampling_low_s: float | None
    end_to_end_sampling_high_s: float | None
    ttft_n: int | None
    ttft_mean_s: float | None
    ttft_sampling_low_s: float | None
    ttft_sampling_high_s: float | None
    tpot_n: int | None
    tpot_mean_s: float | None
    tpot_sampling_low_s: float | None
    tpot_sampling_high_s: float | None
    serving_absent: str | None
    samples_per_s: float | None
    samples_per_s_interval_low: float | None
    samples_per_s_interval_high: float | None
    output_tokens_per_s: float | None
    output_tokens_per_s_interval_low: float | None
    output_tokens_per_s_interval_high: float | None
    energy_gpu_per_sample_j: float | None
    energy_gpu_relative_uncertainty: float | None
    energy_cpu_per_sample_j: float | None
    energy_cpu_relative_uncertainty: float | None
    energy_absent: str | None
    peak_allocated_bytes: int | None
    peak_process_bytes: int | None
    kv_cache_bytes: int | None
    predicted_weight_bytes: int | None
    predicted_kv_cache_bytes: int | None
    predicted_activation_bytes: int | None
    predicted_overhead_bytes: int | None
    predicted_allocated_bytes: int | None
    predicted_peak_bytes: int | None
    predicted_per_gpu_bytes: int | None
    peaks_by_gpu: str | None
    predicted_basis: str | None
    memory_absent: str | None
    wer: float | None
    wer_normalised: float | None
    wer_normalised_interval_low: float | None
    wer_normalised_interval_high: float | None
    wer_interval_low: float | None
    wer_interval_high: float | None
    exact_match: float | None
    exact_match_interval_low: float | None
    exact_match_interval_high: float | None
    standard_metric: str | None
    standard_value: float | None
    standard_interval_low: float | None
    standard_interval_high: float | None
    bleu_4: float | None
    bleu_4_interval_low: float | None
    bleu_4_interval_high: float | None
    rouge_l: float | None
    rouge_l_interval_low: float | None
    rouge_l_interval_high: float | None
    scored: int | None
    quality_absent: str | None
    repeats_noise: float | None
    repeats_drift: float | None
    repeats_rounds: int | None
    repeats_stopped: str | None
    telemetry_sm_clock_mean_mhz: float | None
    telemetry_clock_limits: str | None
    telemetry_load_by_others_mean: float | None
    run_absent: str | None

    flags: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Failed audits with their evidence, by the kind of figure that they mark; from the table of audits."""

    def flag(self, finding: Finding) -> None:
        """Mark the figures that a failed audit is about."""
        for kind in finding.marks:
            self.flags[kind] = (*self.flags.get(kind, ()), f"{finding.audit}: {finding.evidence}")

    def section_absent(self, name: str) -> str | None:
        """Why a section of the record that was asked for is null; None where no reason is recorded."""
        return msgspec.json.decode(self.run_absent or "{}", type=dict[str, str]).get(name)

    @property
    def ok(self) -> bool:
        """Whether the run has figures."""
        return self.status == "ok"

    @property
    def gpu_names(self) -> str | None:
        """The GPUs of the run as NVML names them: 2 x NVIDIA H100 80GB HBM3, or each where they differ; None
        on the CPU.
        """
        if self.environment_gpu_name is None:
            return None
        further = msgspec.json.decode(self.environment_further_gpus or "[]", type=list[_Named])
        counts = Counter([self.environment_gpu_name, *(gpu.name for gpu in further)])
        return " and ".join(f"{count} x {name}" if count > 1 else name for name, count in counts.items())

    @_figure("latency")
    def latency(self) -> Entry:
        """generate() per full batch, s."""
        return _mean(
            self.generate_mean_s, self.generate_sampling_low_s, self.generate_sampling_high_s, self.generate_n
        )

    @_figure("latency")
    def sample_latency(self) -> Entry:
        """generate() per sample, s."""
        return _mean(
            self.generate_per_sample_mean_s,
            self.generate_per_sample_sampling_low_s,
            self.generate_per_sample_sampling_high_s,
            self.generate_per_sample_n,
        )

    @_figure("latency")
    def end_to_end(self) -> Entry:
        """Images and text in to answers out, per full batch, s."""
        return _mean(
            self.end_to_end_mean_s,
            self.end_to_end_sampling_low_s,
            self.end_to_end_sampling_high_s,
            self.end_to_end_n,
        )

    @_figure("latency")
    def sample_rate(self) -> Entry:
        """Samples per second, end to end."""
        return _mean(
            self.samples_per_s, self.samples_per_s_interval_low, self.samples_per_s_interval_high, None
        )

    @_figure("latency")
    def token_rate(self) -> Entry:
        """Generated tokens per second, end to end."""
        low, high = self.output_tokens_per_s_interval_low, self.output_tokens_per_s_interval_high
        return _mean(self.output_tokens_per_s, low, high, None)

    @_figure("stages")
    def first_token(self) -> Entry:
        """Time to first token, s."""
        if self.ttft_mean_s is None:
            return Absent(NO_STAGES)
        return _mean(self.ttft_mean_s, self.ttft_sampling_low_s, self.ttft_sampling_high_s, self.ttft_n)

    @_figure("stages")
    def further_token(self) -> Entry:
        """Time per output token after the first, s."""
        if self.ttft_mean_s is None:
            return Absent(NO_STAGES)
        if self.tpot_mean_s is None:
            return _absent(self.serving_absent, "tpot")
        return _mean(self.tpot_mean_s, self.tpot_sampling_low_s, self.tpot_sampling_high_s, self.tpot_n)

    @_figure("energy")
    def energy(self) -> Entry:
        """Energy of the run's own device per sample, J; the interval is the meter's uncertainty."""
        if self.device == "cuda":
            meter, joules, uncertainty = (
                "gpu",
                self.energy_gpu_per_sample_j,
                self.energy_gpu_relative_uncertainty,
            )
        else:
            meter, joules, uncertainty = (
                "cpu",
                self.energy_cpu_per_sample_j,
                self.energy_cpu_relative_uncertainty,
            )
        if joules is None or uncertainty is None:
            return _absent(self.energy_absent, meter)
        return Estimate(joules, (joules * (1 - uncertainty), joules * (1 + uncertainty)))

    @_figure("flops")
    def flops(self) -> Entry:
        """FLOPs per full batch, with Student's 95 % interval of the mean."""
        if self.batch_flops is None:
            return Absent(self.flops_absent or "no reason recorded")
        if self.batch_flops_std is None or self.generate_n is None:
            return Estimate(self.batch_flops, n=self.generate_n)
        half_width = float(stdtrit(self.generate_n - 1, 0.975)) * self.batch_flops_std / self.generate_n**0.5
        return Estimate(
            self.batch_flops, (self.batch_flops - half_width, self.batch_flops + half_width), self.generate_n
        )

    @_figure("memory")
    def memory(self) -> Entry:
        """Peak memory, bytes: allocated on the GPU (on several the sum of their own peaks), or resident on
        the CPU.
        """
        name = "peak_allocated_bytes" if self.device == "cuda" else "peak_process_bytes"
        peak = getattr(self, name)
        return _absent(self.memory_absent, name) if peak is None else Estimate(peak)

    @_figure("quality")
    def word_errors(self) -> Entry:
        """Word error rate against the references, raw, corpus level: a share."""
        if self.wer is None:
            return _absent(self.quality_absent, "wer")
        return Estimate(self.wer, _interval(self.wer_interval_low, self.wer_interval_high), self.scored)

    @_figure("quality")
    def normalised_word_errors(self) -> Entry:
        """Word error rate after lower-casing and removing punctuation, corpus level: a share."""
        if self.wer_normalised is None:
            return _absent(self.quality_absent, "wer_normalised")
        interval = _interval(self.wer_normalised_interval_low, self.wer_normalised_interval_high)
        return Estimate(self.wer_normalised, interval, self.scored)

    @_figure("quality")
    def exact_matches(self) -> Entry:
        """Share of answers that match a reference exactly, after normalisation."""
        if self.exact_match is None:
            return _absent(self.quality_absent, "exact_match")
        interval = _interval(self.exact_match_interval_low, self.exact_match_interval_high)
        return Estimate(self.exact_match, interval, self.scored)

    @_figure("quality")
    def vqa_accuracy(self) -> Entry:
        """The data set's standard metric where that is VQA accuracy: a share."""
        return self._standard("vqa_accuracy")

    @_figure("quality")
    def choice_accuracy(self) -> Entry:
        """The data set's standard metric where that is the share of right choices."""
        return self._standard("choice_accuracy")

    @_figure("quality")
    def cider_d(self) -> Entry:
        """The data set's standard metric where that is CIDEr-D, 0 to 10."""
        return self._standard("cider_d")

    @_figure("quality")
    def caption_bleu_4(self) -> Entry:
        """BLEU-4 of captions: a share."""
        if self.bleu_4 is None:
            return _absent(self.quality_absent, "bleu_4")
        return Estimate(
            self.bleu_4, _interval(self.bleu_4_interval_low, self.bleu_4_interval_high), self.scored
        )

    @_figure("quality")
    def caption_rouge_l(self) -> Entry:
        """ROUGE-L of captions: a share."""
        if self.rouge_l is None:
            return _absent(self.quality_absent, "rouge_l")
        return Estimate(
            self.rouge_l, _interval(self.rouge_l_interval_low, self.rouge_l_interval_high), self.scored
        )

    def _standard(self, metric: str) -> Entry:
        if self.standard_value is None:
            return _absent(self.quality_absent, "standard")
        if self.standard_metric != metric:
            return Absent(f"the data set's standard metric is {self.standard_metric}")
        return Estimate(
            self.standard_value,
            _interval(self.standard_interval_low, self.standard_interval_high),
            self.scored,
        )


def _mean(mean: float | None, low: float | None, high: float | None, n: int | None) -> Entry:
    return Absent("not in the record") if mean is None else Estimate(mean, _interval(low, high), n)


def _interval(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def _absent(reasons: str | None, name: str) -> Absent:
    """The reason that a section of the record gives for a figure that it lacks."""
    return Absent(msgspec.json.decode(reasons or "{}", type=dict[str, str]).get(name, "no reason recorded"))
