"""The rows of the tables about parts of a run: stages, layers, samples, drift and findings."""

from __future__ import annotations

import msgspec

from vlm_profiling.metrics.estimate import Entry, Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.schema import Metric
from vlm_profiling.record.sections import Interval
from vlm_profiling.tables.identity import IdentifiedRow


class StageRow(IdentifiedRow, frozen=True, kw_only=True):
    """A stage of a run, with what holds for all its stages (docs/metrics.md)."""

    stage: str
    time_n: int
    time_mean_s: float
    time_std_s: float | None
    time_min_s: float
    time_median_s: float
    time_max_s: float
    time_sampling_low_s: float | None
    time_sampling_high_s: float | None
    share: float
    stages_end_to_end_n: int
    stages_end_to_end_mean_s: float
    stages_end_to_end_sampling_low_s: float | None
    stages_end_to_end_sampling_high_s: float | None
    stages_unattributed_share: float
    stages_against_headline: float
    stages_against_headline_interval_low: float | None
    stages_against_headline_interval_high: float | None
    stages_instrumentation_overhead_mean: float | None
    stages_instrumentation_overhead_low: float | None
    stages_instrumentation_overhead_high: float | None
    stages_absent: str | None

    @property
    def time(self) -> Estimate:
        """Exclusive time per full batch, s."""
        return _mean(self.time_mean_s, self.time_sampling_low_s, self.time_sampling_high_s, self.time_n)

    @property
    def end_to_end(self) -> Estimate:
        """End-to-end latency of the same batches, all stages and the rest, s."""
        return _mean(
            self.stages_end_to_end_mean_s,
            self.stages_end_to_end_sampling_low_s,
            self.stages_end_to_end_sampling_high_s,
            self.stages_end_to_end_n,
        )

    @property
    def pass_cost(self) -> Estimate:
        """generate() of the stages pass over that of the headline pass: a ratio."""
        return _mean(
            self.stages_against_headline,
            self.stages_against_headline_interval_low,
            self.stages_against_headline_interval_high,
            None,
        )

    @property
    def instrumentation_overhead(self) -> Entry:
        """generate() instrumented over uninstrumented, rounds in pairs: a ratio."""
        if self.stages_instrumentation_overhead_mean is None:
            return Absent("too few repeats")
        return _mean(
            self.stages_instrumentation_overhead_mean,
            self.stages_instrumentation_overhead_low,
            self.stages_instrumentation_overhead_high,
            None,
        )

    @property
    def absent(self) -> dict[str, str]:
        """Why stages of this run are not there."""
        return msgspec.json.decode(self.stages_absent or "{}", type=dict[str, str])


class LayerRow(IdentifiedRow, frozen=True, kw_only=True):
    """A kind of layer in a stage of a run."""

    stage: str
    module: str
    block: str
    share: float
    layers_coverage: float
    layers_batches: int
    layers_against_headline: float
    layers_stages_s: str
    """JSON: seconds by stage."""
    layers_generate_s: float

    @property
    def stage_shares(self) -> dict[str, float]:
        """Share of generate() by stage, in its layers and between them."""
        return {
            stage: seconds / self.layers_generate_s
            for stage, seconds in msgspec.json.decode(self.layers_stages_s, type=dict[str, float]).items()
        }


class FindingRow(IdentifiedRow, frozen=True, kw_only=True):
    """One audit of one run: the columns of audits.parquet."""

    audit: str
    asks: str
    verdict: str
    """not applicable, pass, warn or fail."""
    figures: str | None
    """Kinds of figures that it marks, comma-separated."""
    evidence: str
    """One line, untrusted text."""

    @property
    def marks(self) -> list[str]:
        """The kinds of figures that it marks."""
        return self.figures.split(",") if self.figures else []


class DriftRow(IdentifiedRow, frozen=True, kw_only=True):
    """A run compared with the run of the reference optimization: the columns of drift.parquet."""

    reference: str
    reference_key: str
    common: int
    changed: int
    changed_share_mean: float
    changed_share_low: float
    changed_share_high: float
    words_in_common: float | None
    wer_change_mean: float | None
    wer_change_low: float | None
    wer_change_high: float | None
    exact_match_change_mean: float | None
    exact_match_change_low: float | None
    exact_match_change_high: float | None
    standard_metric: Metric | None
    standard_change_mean: float | None
    standard_change_low: float | None
    standard_change_high: float | None
    drift_absent: str | None

    def interval(self, name: str) -> Interval | None:
        """One of its intervals: changed_share, or the change of a measure; null where it has none."""
        mean, low, high = (getattr(self, f"{name}_{end}") for end in ("mean", "low", "high"))
        return None if mean is None else Interval(mean=mean, low=low, high=high)

    def absent(self, name: str) -> str:
        """Why an interval is null."""
        return msgspec.json.decode(self.drift_absent or "{}", type=dict[str, str]).get(
            name, "no reason recorded"
        )


class SampleRow(msgspec.Struct, kw_only=True):
    """A sample of a run, with the batch it was in: the columns that pages read. All text is untrusted."""

    id: str
    request: str
    references: str | None
    """JSON: a list of texts."""
    answer: str
    exact_match: bool | None
    standard: float | None
    batch: int
    batch_rows: int
    batch_full: bool
    batch_generate_s: float
    batch_end_to_end_s: float


def _mean(mean: float, low: float | None, high: float | None, n: int | None) -> Estimate:
    return Estimate(mean, None if low is None or high is None else (low, high), n)
