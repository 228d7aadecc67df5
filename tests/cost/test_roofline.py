"""A stage's floor, utilisation and bound, by hand: whatever the device, whatever is missing."""

from __future__ import annotations

import pytest
from factories import make_ceilings, make_cost, make_record, make_stages
from msgspec.structs import replace

from vlm_profiling.cost.functions import ModelCost, VisionFlops
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.cost.roofline.roofline import StageRoofline, run_roofline
from vlm_profiling.cost.roofline.stage_work import stage_works
from vlm_profiling.record.schema import Optimization, RunRecord
from vlm_profiling.study.point import Point

CUDA = Point(device="cuda", optimization="fp32", batch_size=2)


def measured_rows(
    record: RunRecord, ceilings: Ceilings | None = None, cost: ModelCost | None = None
) -> dict[str, StageRoofline]:
    rows = run_roofline(record, cost or make_cost(), ceilings or make_ceilings())
    return {row.stage: row for row in rows if row.ceiling == "measured"}


def two_batches() -> RunRecord:
    """Rows of 264 prompt tokens at most, 2 generated: one decode step; every stage took a millisecond a
    batch.
    """
    record = make_record(samples=4)
    stages = make_stages({stage: [1e-3, 1e-3] for stage in ("vision", "project", "prefill", "decode")})
    return replace(record, stages=stages)


def test_the_bytes_are_the_weights_once_a_pass_and_the_cache_once_a_step() -> None:
    record = two_batches()
    (batch, _), prompts = record.batches, [batch.prompt_tokens for batch in record.batches]
    works = stage_works(record, make_cost())
    mean_prompt = sum(prompts) / 2
    assert batch.rows == 2 and batch.generated_tokens == 2
    assert works["vision"].bytes == 4 * 1000 and works["project"].bytes == 4 * 100
    assert works["prefill"].bytes == pytest.approx(4 * 500 + 2 * 4 * 10 * mean_prompt)
    assert works["decode"].bytes == pytest.approx(4 * 250 + 2 * 4 * 10 * (mean_prompt + 1))
    assert works["decode"].flops == 2 * 20 and works["vision"].flops == 2 * 1000
    assert [works[stage].ops for stage in works] == [20, 2, 20, 20]


def test_decode_reads_a_cache_that_grows_with_every_step() -> None:
    record = two_batches()
    batches = [replace(batch, generated_tokens=5, prompt_tokens=100) for batch in record.batches]
    samples = [replace(sample, generated_tokens=5, prompt_tokens=100) for sample in record.samples]
    work = stage_works(replace(record, batches=batches, samples=samples), make_cost())["decode"]
    assert work.bytes == 4 * 4 * 250 + 2 * 4 * 10 * (101 + 102 + 103 + 104)
    assert work.ops == 4 * 20


def test_a_partial_batch_is_not_among_the_means() -> None:
    record = make_record(samples=3)
    whole = stage_works(replace(record, batches=record.batches[:1], samples=record.samples[:2]), make_cost())
    assert stage_works(record, make_cost()) == whole


def test_the_floor_is_the_longer_of_the_two_and_utilisation_its_share_of_the_time() -> None:
    vision = measured_rows(two_batches(), make_ceilings(flops_per_s=4e6, bytes_per_s=1e9))["vision"]
    assert vision.compute_floor_s == pytest.approx(2000 / 4e6) and vision.memory_floor_s == pytest.approx(
        4000 / 1e9
    )
    assert vision.floor_s == vision.compute_floor_s and vision.roof == "compute"
    assert vision.mfu == pytest.approx(0.5) and vision.mbu == pytest.approx(0.004)
    assert vision.distance == pytest.approx(2.0) and vision.intensity_flops_per_byte == 0.5
    assert vision.bound == "compute" and vision.unattributed_share == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("ceilings", "bound"),
    [
        (make_ceilings(flops_per_s=3e6, bytes_per_s=1e9, launch_s=1e-6), "compute"),
        (make_ceilings(flops_per_s=1e9, bytes_per_s=5e6, launch_s=1e-6), "memory"),
        (make_ceilings(flops_per_s=1e9, bytes_per_s=1e9, launch_s=40e-6), "launch"),
        (make_ceilings(flops_per_s=1e9, bytes_per_s=1e9, launch_s=20e-6), "unattributed"),
    ],
)
def test_the_bound_is_the_longest_floor_that_explains_half_of_the_time(
    ceilings: Ceilings, bound: str
) -> None:
    assert measured_rows(two_batches(), ceilings)["vision"].bound == bound


def test_ceilings_that_others_kept_low_are_none_for_a_run_that_passed_them() -> None:
    ceilings = make_ceilings(flops_per_s=1e6)
    assert measured_rows(two_batches(), ceilings)["vision"].mfu == pytest.approx(2.0), (
        "an undisturbed one is the audit's to judge"
    )
    ceilings.load_by_others = 0.2
    for row in measured_rows(two_batches(), ceilings).values():
        assert row.absent["floor_s"] == f"the machine's own are too low: {ceilings.source}"
        assert (row.floor_s, row.mfu, row.mbu, row.bound, row.peak_flops_per_s) == (None,) * 5 and row.flops
    kept = make_ceilings(flops_per_s=1e9)
    kept.load_by_others = 0.2
    assert measured_rows(two_batches(), kept)["vision"].mfu == pytest.approx(0.002), (
        "none passed: they may be the machine's"
    )


def test_all_of_generate_has_the_floors_of_its_stages_and_the_headlines_time() -> None:
    record = two_batches()
    rows = measured_rows(record)
    assert record.headline and rows["generate"].time_s == record.headline.generate.mean_s
    parts = [rows[stage] for stage in ("vision", "project", "prefill", "decode")]
    assert rows["generate"].floor_s == pytest.approx(sum(row.floor_s or 0 for row in parts))
    assert rows["generate"].flops == sum(row.flops or 0 for row in parts)


def test_without_stages_all_of_generate_is_still_compared() -> None:
    rows = measured_rows(make_record(stages=None, serving=None))
    assert list(rows) == ["generate"] and rows["generate"].floor_s


def test_a_cpu_has_no_datasheet_and_says_so() -> None:
    rows = [
        row for row in run_roofline(two_batches(), make_cost(), make_ceilings()) if row.ceiling == "datasheet"
    ]
    assert {row.mfu for row in rows} == {None} and all(
        "no datasheet" in row.absent["floor_s"] for row in rows
    )


def test_a_gpu_is_compared_with_its_datasheet_where_no_ceilings_were_measured() -> None:
    rows = run_roofline(make_record(point=CUDA), make_cost(), None)
    sheet = {row.stage: row for row in rows if row.ceiling == "datasheet"}
    assert sheet["decode"].peak_flops_per_s == 67e12 and sheet["decode"].peak_bytes_per_s == 3350e9
    assert sheet["decode"].source == "NVIDIA H100 Tensor Core GPU datasheet"
    assert sheet["decode"].bound == "unattributed" and sheet["decode"].launch_floor_s is None
    assert sheet["decode"].absent["launch_floor_s"] == "no ceilings of device cuda were measured"
    assert all(row.floor_s is None and row.absent["floor_s"] for row in rows if row.ceiling == "measured")


def test_a_gpu_that_is_in_no_table_has_a_reason() -> None:
    record = make_record(point=CUDA)
    assert record.environment.gpu
    record.environment.gpu.name = "NVIDIA X1"
    row = run_roofline(record, make_cost(), None)[0]
    assert (row.mfu, row.absent["floor_s"]) == (None, "no peaks known of NVIDIA X1")


def test_a_dtype_without_a_rate_has_a_reason_and_still_a_bandwidth() -> None:
    record = two_batches()
    assert record.checkpoint
    half = replace(
        record,
        checkpoint=replace(record.checkpoint, dtypes={"float16": 261_000}),
        optimization=Optimization(dtype="float16", attention="sdpa"),
    )
    row = measured_rows(half)["decode"]
    assert (
        row.mfu is None and row.mbu is not None and row.absent["floor_s"] == "no rate of float16: no kernel"
    )


def test_compiled_models_have_no_launch_floor() -> None:
    record = replace(
        two_batches(), optimization=Optimization(dtype="float32", attention="sdpa", compile=True)
    )
    row = measured_rows(record)["decode"]
    assert row.launch_floor_s is None and "fuses" in row.absent["launch_floor_s"]


def test_ceilings_of_another_machine_are_not_used() -> None:
    record = two_batches()
    record.environment.threads = 7
    row = measured_rows(record)["decode"]
    assert row.floor_s is None and "the run is of AMD EPYC 9654 with 7 threads" in row.absent["floor_s"]


def test_a_model_without_cost_keeps_its_times_and_says_why() -> None:
    rows = run_roofline(two_batches(), None, make_ceilings())
    assert {row.absent["flops"] for row in rows} == {"the model's cost was not counted"}
    assert all(row.flops is None and row.bound is None and row.time_s > 0 for row in rows)


def test_a_stage_that_ran_inside_another_one_leaves_no_stage_to_compare() -> None:
    stages = make_stages({stage: [1e-3, 1e-3] for stage in ("project", "prefill", "decode")})
    rows = measured_rows(replace(two_batches(), stages=stages))
    assert rows["prefill"].flops is None and rows["prefill"].absent["flops"].startswith(
        "vision ran inside another stage"
    )
    assert rows["generate"].mfu is not None


def test_windows_add_launches_to_the_encoder() -> None:
    cost = make_cost()
    assert cost.flops and cost.ops
    windowed = replace(
        cost,
        flops=replace(cost.flops, vision=VisionFlops(per_patch=1, window=8)),
        ops=replace(cost.ops, vision_per_window=3),
    )
    # 224 / 14 = 16 patches a side: 4 windows an image, 8 a batch of 2
    assert stage_works(two_batches(), windowed)["vision"].ops == 20 + 3 * 7
