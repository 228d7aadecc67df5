"""The catalogue names every figure that is shown, and each of its entries reads from a real record."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from factories import identity_of, make_layers, make_record
from small_study import SETTINGS
from study_folder import write_study

from vlm_profiling.metrics.catalog import METRICS, STANDARD_METRICS, Metric
from vlm_profiling.metrics.estimate import Estimate, best_unit
from vlm_profiling.record.schema import RunRecord, Standard
from vlm_profiling.study import Run
from vlm_profiling.tables.column_docs import table_columns
from vlm_profiling.tables.row import read_estimate
from vlm_profiling.tables.table_files import read_table

DATASETS = {name: {"package": "easy-vqa"} for name in STANDARD_METRICS}
OPTIMIZATIONS = {"fp32": {"dtype": "float32"}, "bf16": {"dtype": "bfloat16"}}


def answer(run: Run) -> RunRecord:
    """A run on a GPU with every section; some answers of the second optimization are other ones."""
    other = run.point.optimization != "fp32"
    record = make_record(
        accuracy=0.25 if other else 0.75, seed=int(other), layers=make_layers(), **identity_of(run)
    )
    assert record.quality is not None
    quality = msgspec.structs.replace(
        record.quality,
        standard=Standard(metric=run.dataset, value=0.5),  # type: ignore[arg-type]
        bleu_4=0.25,
        rouge_l=0.5,
    )
    samples = [
        msgspec.structs.replace(sample, standard=float(bool(sample.exact_match))) for sample in record.samples
    ]
    return msgspec.structs.replace(record, quality=quality, samples=samples)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = SETTINGS | {
        "models": {"trained": {"folder": "checkpoints/trained"}},
        "datasets": DATASETS,
        "optimizations": OPTIMIZATIONS,
        "baseline": {"device": "cuda", "optimization": "fp32", "batch_size": 2},
        "axes": {"optimization": {"values": list(OPTIMIZATIONS)}},
    }
    return write_study(tmp_path_factory.mktemp("study"), settings, answer).merge()


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_every_metric_reads_from_a_real_record(metric: Metric, tables: Path) -> None:
    rows = read_table(tables, metric.table).to_dicts()
    entries = [read_estimate(metric.columns_on(row["device"]), row) for row in rows]
    assert any(isinstance(entry, Estimate) for entry in entries), {str(entry) for entry in entries}


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_every_metric_names_columns_of_its_table_and_a_unit(metric: Metric) -> None:
    assert set(metric.column_names) <= {column.name for column in table_columns()[metric.table]}
    assert best_unit(metric.units, []) in metric.units
    assert metric.title and metric.definition and not metric.definition.endswith(".")


def test_every_score_and_time_of_a_record_is_in_the_catalogue() -> None:
    """A figure with an interval is a figure that is shown: none may be missing."""
    ends = ("_sampling_low_s", "_interval_low")
    named = {name for metric in METRICS.values() for name in metric.column_names}
    columns = [column.name for column in table_columns()["runs"] if column.name.endswith(ends)]
    about_passes = ("stages_", "layers_")
    assert [name for name in columns if name not in named and not name.startswith(about_passes)] == []


def test_names_of_other_tools_are_those_of_their_documentation() -> None:
    named = {metric.id: (metric.vllm, metric.aiperf, metric.mlperf) for metric in METRICS.values()}
    assert named["ttft_s"] == (
        "`mean_ttft_ms`",
        "`time_to_first_token`",
        "`Mean First Token latency (ns)`, TTFT",
    )
    assert named["tpot_s"][:2] == ("`mean_tpot_ms`", "`inter_token_latency`")
    assert named["batch_flops"] == ("", "", "")
