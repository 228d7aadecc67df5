"""Runs are compared on the same samples, batch by batch."""

import pytest
from factories import identity_of, make_record
from rendering import tables_of

from vlm_profiling.metrics.estimate import Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.comparison.pairs import (
    estimate_ratios,
    flagged_latency_ratios,
    latency_ratio,
)
from vlm_profiling.statistics.compare import Times

SECONDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
SAMPLES = tuple((f"a{number}", f"b{number}") for number in range(6))


def test_a_ratio_bears_its_interval_its_n_and_its_verdict():
    doubled = Times(tuple(2 * seconds for seconds in SECONDS), SAMPLES, drift=0.01)
    ratio = latency_ratio(doubled, Times(SECONDS, SAMPLES, drift=0.01))
    assert ratio.value == pytest.approx(2)
    assert ratio.interval == (pytest.approx(2), pytest.approx(2))
    assert (ratio.n, ratio.verdict) == (6, "worse")


def test_one_batch_has_a_ratio_and_neither_interval_nor_verdict():
    single, other = Times((0.3,), SAMPLES[:1], 0.01), Times((0.2,), SAMPLES[:1], 0.01)
    assert latency_ratio(single, other) == Estimate(pytest.approx(1.5), None, 1)


def test_cells_are_compared_with_the_first_through_the_samples_table(make_study):
    optimizations = {
        "fp32": {"dtype": "float32"},
        "flash": {"dtype": "float16"},
        "bf16": {"dtype": "bfloat16"},
    }
    axes = {"optimization": {"values": ["fp32", "bf16"]}}

    def answer(run):
        slower = 1.5 if run.point.optimization == "bf16" else 1.0
        return make_record(samples=7, generate_s=0.02 * slower, **identity_of(run))

    tables = tables_of(make_study(answer, optimizations=optimizations, axes=axes))
    line, times = tables.runs.axis("trained", "optimization")[0], tables.batch_times
    assert [len(times[cell.place].seconds) for cell in line] == [3, 3], "the partial batch stays out"
    assert [times[cell.place].drift for cell in line] == pytest.approx([0.00158, 0.00158], rel=0.01)
    original, slower = flagged_latency_ratios(line, times)
    assert original == Estimate(1.0)
    assert slower.value == pytest.approx(
        line[1].estimate("generate_s").value / line[0].estimate("generate_s").value
    )
    assert slower.interval == (pytest.approx(1.5), pytest.approx(1.5))
    assert (original.verdict, slower.verdict) == (None, "worse")


def test_what_has_no_figure_has_no_ratio(make_study):
    tables = tables_of(make_study())
    line, times = tables.runs.axis("trained", "optimization")[0], tables.batch_times
    assert flagged_latency_ratios(line, times)[1] == Absent("flash-attn is not installed", "unsupported")
    assert flagged_latency_ratios(line[::-1], times)[1] == Absent(
        "nothing to compare with: the first value is unsupported"
    )


def test_ratios_of_figures_keep_the_widest_interval():
    first, second = Estimate(10, (9, 12)), Estimate(5, (4, 6))
    assert estimate_ratios([first, second, Absent("no meter")]) == [
        Estimate(1.0),
        Estimate(0.5, (4 / 12, 6 / 9)),
        Absent("no meter"),
    ]
    assert estimate_ratios([Estimate(10), second])[1] == Estimate(0.5)
    assert isinstance(estimate_ratios([Absent("no meter"), second])[1], Absent)
