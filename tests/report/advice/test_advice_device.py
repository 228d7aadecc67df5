"""Hints from what the device allows and from its condition: floors, the ridge, held-back clocks, a shared
processor.
"""

from __future__ import annotations

import dataclasses

import pytest
from advising import make_alternative, make_cell, make_stage_rows, make_subject
from msgspec.structs import replace

from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.metrics.estimate import Estimate
from vlm_profiling.report.advice.base import Subject
from vlm_profiling.report.advice.parts import limited_clock, shared_processor
from vlm_profiling.report.advice.roofline import distance_to_floor, ridge_batch, room_for_batches

DECODE = StageRoofline(
    stage="decode",
    ceiling="measured",
    dtype="float32",
    time_s=0.002,
    compute_floor_s=0.0001,
    memory_floor_s=0.00062,
    floor_s=0.00062,
    mfu=0.05,
    mbu=0.31,
    bound="unattributed",
)
"""At batch size 4: 0.1 ms to compute; 0.62 ms to read, of which 0.6 ms are weights and 0.02 ms the caches of
4 samples.
"""
AT_16 = replace(
    DECODE, time_s=0.0011, compute_floor_s=0.0004, memory_floor_s=0.00068, floor_s=0.00068, mbu=0.62
)


def batched(there: StageRoofline = AT_16) -> Subject:
    """The baseline at batch size 4, and its decode at 16."""
    other = make_alternative("batch_size", 16, Estimate(1.5, (1.4, 1.6)), Estimate(0.0, (-0.01, 0.01), 240))
    alternatives = [dataclasses.replace(other, roofline={"decode": there})]
    return make_subject(stages=make_stage_rows(), roofline={"decode": DECODE}, alternatives=alternatives)


def test_a_stage_far_from_its_floor_can_come_down_to_it_and_no_further() -> None:
    (hint,) = distance_to_floor(make_subject(stages=make_stage_rows(), roofline={"decode": DECODE}))
    assert hint.gain == pytest.approx(1 / (1 - 0.2 * (1 - 0.31)))
    assert hint.evidence == (
        "decode takes 20 % of the time, 3.23 times its floor (MFU 5 %, MBU 31 %, bound: unattributed, "
        "relative to the ceiling measured here)"
    )


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ("launch", "Launch fewer operations in the stage decode"),
        ("memory", "fewer bytes a weight"),
        ("compute", "dtype"),
    ],
)
def test_the_cure_follows_the_bound(bound: str, words: str) -> None:
    (hint,) = distance_to_floor(
        make_subject(stages=make_stage_rows(), roofline={"decode": replace(DECODE, bound=bound)})
    )
    assert words in hint.try_this


def test_a_stage_at_its_floor_or_without_one_has_no_hint() -> None:
    stages = make_stage_rows()
    near = replace(DECODE, floor_s=0.0019)
    without = replace(DECODE, floor_s=None)
    for row in (near, without, replace(DECODE, bound=None)):
        assert not list(distance_to_floor(make_subject(stages=stages, roofline={"decode": row})))
    assert not list(distance_to_floor(make_subject(roofline={"decode": DECODE}))), (
        "an audit failed the stages"
    )


def test_batches_can_grow_up_to_the_ridge() -> None:
    """Weights take 0.6 ms, a sample 0.005 ms of cache and 0.025 ms of arithmetic: they meet at 30 samples."""
    subject = batched()
    assert ridge_batch(4, DECODE, subject.alternatives[0]) == pytest.approx(30)
    (hint,) = room_for_batches(subject)
    assert hint.gain == pytest.approx(1 / (1 - 0.2 * (1 - 0.05)))
    assert hint.try_this.startswith("Use larger batches, up to 30 samples")
    assert hint.evidence.startswith(
        "decode reaches 31 % of the bandwidth at batch size 4 and 62 % at 16; memory bounds it"
    )


def test_batches_that_made_decode_no_cheaper_per_sample_are_not_recommended() -> None:
    assert not list(room_for_batches(batched(replace(AT_16, time_s=0.009))))


def test_no_ridge_where_the_cache_bounds_every_batch_or_only_one_batch_was_measured() -> None:
    subject = batched(replace(AT_16, memory_floor_s=0.00062 + 12 * 0.00003))
    assert ridge_batch(4, DECODE, subject.alternatives[0]) is None
    assert not list(room_for_batches(subject))
    assert not list(room_for_batches(make_subject(stages=make_stage_rows(), roofline={"decode": DECODE})))


GPU = {"device": "cuda", "environment_gpu_sm_clock_max_mhz": 1980.0, "telemetry_sm_clock_mean_mhz": 1485.0}


def test_a_clock_held_back_by_power_bounds_what_cooling_can_give() -> None:
    cell = make_cell(**GPU, telemetry_clock_limits='{"sw_power_cap": 0.8, "gpu_idle": 0.1}')
    (hint,) = limited_clock(make_subject(cell))
    assert hint.gain == pytest.approx(1 / (1 - 0.8 * 0.25)), (
        "generate() is 80 % of the time, the clock 25 % below its highest"
    )
    assert hint.evidence == "mean SM clock 1485 of 1980 MHz: sw_power_cap in 80 % of the samples"


def test_a_lower_clock_that_nothing_held_back_or_a_failed_latency_has_no_hint() -> None:
    assert not list(limited_clock(make_subject(make_cell(**GPU, telemetry_clock_limits='{"gpu_idle": 0.9}'))))
    assert not list(limited_clock(make_subject(make_cell(**GPU))))
    flags = {"latency": ("thermal: hw_thermal_slowdown",)}
    cell = make_cell(**GPU, telemetry_clock_limits='{"hw_thermal_slowdown": 0.8}', flags=flags)
    assert not list(limited_clock(make_subject(cell)))


def test_processor_time_that_others_took_is_told_on_a_cpu_alone() -> None:
    assert shared_processor(make_subject(make_cell(telemetry_load_by_others_mean=0.2))) == (
        "Other processes kept 20 % of the run's cores busy. Alone it would have 1.25 times the "
        "processor time, "
        "and gain more than that where its threads wait for one another."
    )
    assert not shared_processor(make_subject(make_cell(telemetry_load_by_others_mean=0.01)))
    assert not shared_processor(make_subject(make_cell(telemetry_load_by_others_mean=0.2, device="cuda")))
