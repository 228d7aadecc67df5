"""Runs are found by their place in the grid, and give a figure or the reason for its absence."""

import pytest
from factories import identity_of, make_failed_record, make_record

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import BYTES, SECONDS, Estimate, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.files import read_record


def test_a_finished_cell_answers_with_figures_and_their_intervals(make_study):
    study = make_study()
    cell = study.run_rows().baseline("trained")[0]
    record = read_record(study.record_path(study.runs[0]))
    generate = record.headline.generate
    assert cell.estimate("generate_s") == Estimate(
        generate.mean_s, (generate.sampling.low, generate.sampling.high), 4
    )
    interval = record.quality.exact_match_interval
    assert cell.estimate("exact_match") == Estimate(
        record.quality.exact_match, (interval.low, interval.high), 8
    )
    assert cell.estimate("peak_memory_bytes") == Estimate(2**30)


def test_an_absent_figure_answers_with_its_reason(make_study):
    cells = make_study().run_rows()
    assert cells.baseline("trained")[0].estimate("energy_per_sample_j") == Absent("no RAPL on this host")
    assert cells.baseline("random")[0].estimate("wer") == Absent("not applicable: random weights")


def test_a_failed_cell_has_no_figure_at_all_even_where_its_record_does(make_study):
    failed = make_failed_record("error", "scoring broke")

    def answer(run):
        return make_record(status="error", failure=failed.failure, **identity_of(run))

    cell = make_study(answer).run_rows().baseline("trained")[0]
    for metric in METRICS.values():
        if metric.table == "runs":
            assert cell.estimate(metric.id) == Absent("scoring broke", "error")


def test_energy_is_that_of_the_runs_own_device_with_the_meters_uncertainty(make_study):
    device = {"device": "cuda", "optimization": "fp32", "batch_size": 2}
    study = make_study(baseline=device)
    joules = read_record(study.record_path(study.runs[0])).energy.gpu.per_sample_j
    assert study.run_rows().baseline("trained")[0].estimate("energy_per_sample_j") == Estimate(
        joules, (joules * 0.98, joules * 1.02)
    )


def test_flops_have_students_interval_over_the_batches(make_study):
    cell = make_study().run_rows().baseline("trained")[0]
    low, high = cell.estimate("batch_flops").interval
    assert (low + high) / 2 == pytest.approx(cell.values["batch_flops"])
    assert high - low == pytest.approx(2 * 3.182446 * cell.values["batch_flops_std"] / 2), (
        "4 batches: 3.18 standard errors each way"
    )


def test_an_axis_holds_its_values_in_order_one_line_a_data_set(make_study):
    datasets = {"vqa": {"package": "easy-vqa"}, "more": {"package": "easy-vqa", "samples": 8}}
    cells = make_study(datasets=datasets).run_rows()
    lines = cells.axis("trained", "batch_size")
    assert [line[0].dataset for line in lines] == ["vqa", "more"]
    assert [cell.batch_size for cell in lines[0]] == [1, 2, 4]
    assert cells.axis("random", "image_size") == [
        [cells.baseline("random")[0]],
        [cells.baseline("random")[1]],
    ]


def test_a_product_is_read_along_each_axis_through_the_baseline(make_study):
    axes = {"batch_size": {"values": [1, 4]}, "image_size": {"values": [64, 32]}}
    cells = make_study(grid="product", axes=axes).run_rows()
    assert [(cell.batch_size, cell.image_size) for cell in cells.axis("trained", "batch_size")[0]] == [
        (1, 64),
        (4, 64),
    ]
    assert [(cell.batch_size, cell.image_size) for cell in cells.axis("trained", "image_size")[0]] == [
        (1, 64),
        (1, 32),
    ]
    assert [(cell.batch_size, cell.image_size) for cell in cells.others("trained")] == [(2, None), (4, 32)]


def test_cells_off_the_axes_are_the_others(make_study):
    cells = make_study(include=[{"set": {"batch_size": 8}, "models": ["random"]}]).run_rows()
    assert [cell.batch_size for cell in cells.others("random")] == [8]
    assert cells.others("trained") == []


def test_the_unit_is_the_largest_in_which_the_largest_figure_is_at_least_one():
    assert best_unit(SECONDS, [Estimate(0.5), Estimate(0.002), Absent("none")]).name == "ms"
    assert best_unit(SECONDS, [Estimate(1.5), Estimate(0.002)]).name == "s"
    assert best_unit(BYTES, [Estimate(2**30)]).name == "GiB"
    assert best_unit(BYTES, [Absent("none")]).name == "B"
