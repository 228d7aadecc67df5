"""One cell of a study: a row of the runs table, and the figures that charts and pages show of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
import polars as pl
from scipy.special import stdtrit

from vlm_profiling.metrics.catalog import METRICS, run_columns
from vlm_profiling.metrics.estimate import Entry, Estimate
from vlm_profiling.metrics.metric import Columns
from vlm_profiling.record.absent import Absent
from vlm_profiling.tables.identity import IdentifiedRow
from vlm_profiling.tables.part_rows import FindingRow

NO_REASON = "no reason recorded"


class _Named(msgspec.Struct):
    name: str


class RunRow(IdentifiedRow, frozen=True, kw_only=True):
    """One run's row: facts that charts and pages name, and the columns of its figures (docs/metrics.md)."""

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
    batch_vision_flops: float | None
    batch_project_flops: float | None
    batch_prefill_flops: float | None
    batch_decode_flops: float | None
    padding_share: float | None

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
    environment_threads: int | None
    environment_gpu_name: str | None
    environment_gpu_driver: str | None
    environment_gpu_sm_clock_max_mhz: float | None
    environment_further_gpus: str | None
    environment_container_digest: str | None
    environment_git_commit: str | None
    environment_git_dirty: bool | None

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
    repeats_noise: float | None
    repeats_drift: float | None
    repeats_rounds: int | None
    repeats_stopped: str | None
    telemetry_sm_clock_mean_mhz: float | None
    telemetry_clock_limits: str | None
    telemetry_load_by_others_mean: float | None
    run_absent: str | None

    values: dict[str, float | str | None]
    """The columns of its figures (metrics.catalog.run_columns)."""

    flags: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Failed audits with their evidence, by the kind of figure that they mark; from the table of audits."""

    def flag(self, finding: FindingRow) -> None:
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

    def estimate(self, metric_id: str) -> Entry:
        """A figure of the catalogue with its interval, n and flags; of a run without figures its status and
        reason. Raises KeyError for an unknown id.
        """
        if not self.ok:
            return Absent(self.reason or NO_REASON, self.status)
        metric = METRICS[metric_id]
        flags = self.flags.get(metric.kind, ()) if metric.kind else ()
        return read_estimate(metric.columns_on(self.device), self.values, flags)


def read_estimate(columns: Columns, values: Mapping[str, object], flags: tuple[str, ...] = ()) -> Entry:
    """A figure from a row of its table.

    Args:
        columns: where the figure's parts are.
        values: the row, by column.
        flags: the failed audits that flag it.
    """

    def number(column: str) -> float | None:
        value = values[column] if column else None
        return value if isinstance(value, float | int) else None

    value = number(columns.value)
    if value is None:
        return Absent(_absence(columns, values))
    if columns.only and values[columns.only[0]] != columns.only[1]:
        return Absent(f"the data set's standard metric is {values[columns.only[0]]}")
    interval = half_width = None
    low, high, n = number(columns.low), number(columns.high), number(columns.n)
    if (uncertainty := number(columns.relative_uncertainty)) is not None:
        half_width = value * uncertainty
    elif (std := number(columns.std)) is not None and n is not None:
        half_width = float(stdtrit(n - 1, 0.975)) * std / n**0.5
    if low is not None and high is not None:
        interval = low, high
    elif half_width is not None:
        interval = value - half_width, value + half_width
    return Estimate(value, interval, None if n is None else int(n), flags)


def _absence(columns: Columns, values: Mapping[str, object]) -> str:
    """The reason that a section of the record gives for a figure that it lacks."""
    reasons = values[columns.absent] if columns.absent else None
    if not isinstance(reasons, str):
        return columns.unasked
    if not columns.absent_key:
        return reasons
    return msgspec.json.decode(reasons, type=dict[str, str]).get(columns.absent_key, NO_REASON)


def run_rows(table: pl.DataFrame) -> list[RunRow]:
    """The rows of a table of runs. Raises ColumnNotFoundError for one that lacks a column."""
    facts = [name for name in RunRow.__struct_fields__ if name not in ("values", "flags")]
    rows = table.select(*facts, pl.struct(run_columns()).alias("values")).to_dicts()
    return msgspec.convert(rows, list[RunRow])
