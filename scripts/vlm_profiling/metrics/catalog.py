"""The metric catalogue: each published figure once. Rows, pages, charts, exports and the dictionary read it.

Names of others: vLLM, keys of `vllm bench serve --save-result` and `vllm bench throughput` (docs.vllm.ai,
benchmarks/serve); AIPerf, tags of its metrics reference (docs.nvidia.com/aiperf); MLPerf, lines and keys of
LoadGen's summary and detail logs (mlcommons/inference, loadgen/results.cc) and the power rules
(mlcommons/inference_policies, power_measurement.adoc).
"""

from __future__ import annotations

from vlm_profiling.metrics.answers import ANSWERS
from vlm_profiling.metrics.metric import Kind, Metric
from vlm_profiling.metrics.performance import PERFORMANCE

METRICS: dict[str, Metric] = {metric.id: metric for metric in (*PERFORMANCE, *ANSWERS)}
"""By id, in the order of the dictionary."""
STANDARD_METRICS = ("vqa_accuracy", "choice_accuracy", "cider_d")
"""The metrics that data sets publish as their own."""
_OTHER_KINDS: dict[str, Kind] = {"energy_": "energy", "peak_": "memory", "stages_": "stages"}
"""Kinds of the columns that no metric is read from, by the beginning of their names."""


def run_columns() -> list[str]:
    """The columns of the table of runs that figures are read from."""
    of_runs = (metric for metric in METRICS.values() if metric.table == "runs")
    return list(dict.fromkeys(name for metric in of_runs for name in metric.column_names))


def metric_of(column: str) -> Metric | None:
    """The metric whose value a column of the table of runs is; None for another column."""
    for metric in METRICS.values():
        own = (metric.columns, metric.cpu_columns or metric.columns)
        if metric.table == "runs" and column in (columns.value for columns in own):
            return metric
    return None


def kind_of(column: str) -> Kind | None:
    """What audits call the figure that a column of the table of runs is; None for one that is no figure."""
    metric = metric_of(column)
    if metric:
        return metric.kind
    for metric in METRICS.values():
        stem = metric.columns.value.removesuffix("_mean_s").removesuffix("_value")
        if metric.table == "runs" and metric.kind and column.startswith(f"{stem}_"):
            return metric.kind
    return next((kind for start, kind in _OTHER_KINDS.items() if column.startswith(start)), None)
