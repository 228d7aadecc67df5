"""Records of a model on several GPUs: joules of all of them and no others, weights on each, power and clocks
of each.
"""

from __future__ import annotations

import pytest
from auditing import context_of
from factories import make_ceilings, make_cost, make_record, on_two_gpus
from msgspec.structs import replace

from vlm_profiling.audits import physical_floor, provenance, right_device, thermal
from vlm_profiling.cost.roofline.roofline import run_roofline
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.telemetry import BoardTelemetry, ClockStats, Telemetry
from vlm_profiling.study.point import Point


@pytest.fixture
def alone() -> RunRecord:
    return make_record(point=Point(device="cuda", optimization="fp32", batch_size=2))


@pytest.fixture
def record(alone: RunRecord) -> RunRecord:
    return on_two_gpus(alone)


def test_joules_of_all_gpus_and_weights_on_each_pass(record: RunRecord) -> None:
    finding = right_device.judge(context_of(record))
    assert finding.verdict == "pass" and "energy of GPU-0 + GPU-1" in finding.evidence
    assert "2 GPUs with " in finding.evidence


def test_joules_of_one_of_two_gpus_are_found(record: RunRecord, alone: RunRecord) -> None:
    finding = right_device.judge(context_of(replace(record, energy=alone.energy)))
    assert finding.verdict == "fail" and "energy of GPU-0, but the run used GPU-0 + GPU-1" in finding.evidence


@pytest.mark.parametrize("weights", [[260_000, 0], [260_000], []])
def test_a_gpu_without_weights_is_found(record: RunRecord, weights: list[int]) -> None:
    assert record.checkpoint
    empty = replace(record, checkpoint=replace(record.checkpoint, weight_bytes_by_gpu=weights))
    finding = right_device.judge(context_of(empty))
    assert finding.verdict == "fail" and "2 GPUs with " in finding.evidence


def test_mean_power_is_held_against_the_sum_of_the_boards_limits(record: RunRecord, alone: RunRecord) -> None:
    assert record.energy and record.energy.gpu
    drawn = replace(record.energy, gpu=replace(record.energy.gpu, mean_w=1300.0, idle_w=None))
    within = physical_floor.judge(context_of(replace(record, energy=drawn)))
    assert "mean power 1300 W, limit 1400 W of 2 GPUs" in within.evidence and within.verdict != "fail"
    assert physical_floor.judge(context_of(replace(alone, energy=drawn))).verdict == "fail"


def test_the_roof_is_that_of_one_gpu(record: RunRecord, alone: RunRecord) -> None:
    ceilings = make_ceilings("cuda")
    one, two = (run_roofline(run, make_cost(), ceilings) for run in (alone, record))
    assert [(row.stage, row.floor_s) for row in one] == [(row.stage, row.floor_s) for row in two]
    assert any(row.floor_s is not None for row in two)


def test_gpus_of_two_kinds_have_no_roof(record: RunRecord) -> None:
    (further,) = record.environment.further_gpus
    mixed = replace(
        record, environment=replace(record.environment, further_gpus=[replace(further, name="NVIDIA A40")])
    )
    reasons = {row.absent["floor_s"] for row in run_roofline(mixed, make_cost(), make_ceilings("cuda"))}
    assert "the model lies on GPUs of several kinds: NVIDIA A40, NVIDIA H100 80GB HBM3" in reasons
    assert len(reasons) == 2


def test_runs_on_one_and_on_two_gpus_of_a_kind_are_of_one_origin(record: RunRecord, alone: RunRecord) -> None:
    assert provenance.judge(context_of(record, [alone, alone])).verdict == "pass"


def clock(mean: float) -> ClockStats:
    return ClockStats(mean_mhz=mean, min_mhz=mean, max_mhz=1980, first_mhz=mean, last_mhz=mean)


def test_one_gpu_whose_clock_dropped_is_named_though_their_mean_did_not(record: RunRecord) -> None:
    boards = [
        BoardTelemetry(device="GPU-0", sm_clock=clock(1980), clock_limits={}),
        BoardTelemetry(device="GPU-1", sm_clock=clock(1840), clock_limits={"sw_power_cap": 0.5}),
    ]
    telemetry = Telemetry(
        n=100,
        duration_s=10,
        interval_s=0.1,
        sampler_cpu_s=0.1,
        sm_clock=clock(1910),
        clock_limits={"sw_power_cap": 0.5},
        boards=boards,
    )
    finding = thermal.judge(context_of(replace(record, telemetry=telemetry)))
    assert finding.verdict == "warn"
    assert "GPU 1: clock limited: sw_power_cap in 50% of 100 samples" in finding.evidence
    assert "GPU 1: SM clock 1840 MHz on average, 7% below its maximum" in finding.evidence
