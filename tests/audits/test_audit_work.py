"""Whose joules, whose FLOPs, and can the hardware do it: right device, work parity, physical floor."""

from __future__ import annotations

import msgspec
import pytest
from auditing import context_of
from factories import make_ceilings, make_cost, make_environment, make_record
from msgspec.structs import replace

from vlm_profiling.audits import physical_floor, right_device, work_parity
from vlm_profiling.cost.functions import CacheElements, WeightReads
from vlm_profiling.record.machine import Energy
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.point import Point

CUDA = Point(device="cuda", optimization="fp32", batch_size=2)


def record_on_gpu(**settings: object) -> RunRecord:
    return make_record(point=CUDA, **settings)


def test_joules_of_an_idle_gpu_are_not_the_energy_of_a_cpu_run() -> None:
    stray = record_on_gpu().energy
    finding = right_device.judge(context_of(make_record(energy=stray)))
    assert (finding.verdict, finding.figures) == ("fail", ("energy",))
    assert "a CPU run reports 4200 J of GPU GPU-0" in finding.evidence


def test_joules_of_another_gpu_are_found() -> None:
    record = record_on_gpu()
    assert record.energy and record.energy.gpu
    other = replace(record.energy, gpu=replace(record.energy.gpu, device="GPU-1"))
    assert right_device.judge(context_of(record)).verdict == "pass"
    finding = right_device.judge(context_of(record_on_gpu(energy=other)))
    assert finding.verdict == "fail" and finding.evidence == "energy of GPU-1, but the run used GPU-0"


def test_weights_that_never_lay_on_the_gpu_are_found() -> None:
    record = record_on_gpu()
    assert record.memory
    finding = right_device.judge(
        context_of(record_on_gpu(memory=replace(record.memory, peak_allocated_bytes=512)))
    )
    assert finding.verdict == "fail" and finding.figures == ("latency", "memory")


def test_a_run_without_joules_has_no_device_to_check() -> None:
    assert right_device.judge(context_of(make_record())).verdict == "not applicable"


def test_a_record_that_agrees_with_itself_passes_and_tells_its_flops() -> None:
    finding = work_parity.judge(context_of(make_record(samples=7), cost=make_cost()))
    assert finding.verdict == "pass"
    assert (
        "3 full batches and 7 samples" in finding.evidence and "FLOPs for the same tokens" in finding.evidence
    )


def test_flops_of_a_partial_batch_are_not_those_of_a_full_one() -> None:
    record = make_record(samples=7)
    batches = [*record.batches[:-1], replace(record.batches[-1], full=True)]
    finding = work_parity.judge(context_of(replace(record, batches=batches), cost=make_cost()))
    assert finding.verdict == "fail" and finding.figures == ("latency", "flops")
    assert "batch 3 of 1 rows is counted as full; the batch size is 2" in finding.evidence


def test_flops_of_fewer_tokens_than_were_timed_are_found() -> None:
    record = make_record()
    batches = [replace(batch, generated_tokens=1) for batch in record.batches]
    finding = work_parity.judge(context_of(replace(record, batches=batches), cost=make_cost()))
    assert finding.verdict == "fail" and "generated 1 tokens, its longest row 2" in finding.evidence


def test_an_answer_beyond_the_protocols_limit_is_found() -> None:
    spec = msgspec.json.encode({"protocol": {"max_new_tokens": 1}}).decode()
    finding = work_parity.judge(context_of(make_record(spec=spec)))
    assert finding.verdict == "fail" and "max_new_tokens is 1" in finding.evidence


def test_a_latency_that_is_not_that_of_its_batches_is_found() -> None:
    record = make_record()
    assert record.headline
    generate = replace(record.headline.generate, mean_s=record.headline.generate.mean_s / 2)
    finding = work_parity.judge(
        context_of(replace(record, headline=replace(record.headline, generate=generate)))
    )
    assert finding.verdict == "fail" and finding.evidence.startswith("latency per batch is ")


def test_joules_of_other_tokens_than_the_answers_are_found() -> None:
    record = record_on_gpu()
    assert record.energy and record.energy.gpu
    energy = Energy(gpu=replace(record.energy.gpu, per_token_j=record.energy.gpu.per_sample_j / 50))
    finding = work_parity.judge(context_of(replace(record, energy=energy)))
    assert (
        finding.verdict == "fail"
        and finding.evidence == "the energy implies 50 tokens per sample, the answers have 2"
    )


def test_a_cpu_without_measured_ceilings_has_no_floor_to_be_held_against() -> None:
    finding = physical_floor.judge(context_of(make_record(), cost=make_cost()))
    assert finding.verdict == "not applicable"
    assert "no datasheet fixes; no ceilings of device cpu were measured" in finding.evidence


def test_a_cpu_run_within_what_was_measured_passes() -> None:
    finding = physical_floor.judge(context_of(make_record(), cost=make_cost(), ceilings=make_ceilings()))
    assert (
        finding.verdict == "pass"
        and "TFLOP/s, limit 0.001 (calibrated with torch 2.13.0)" in finding.evidence
    )


def test_a_cpu_run_faster_than_the_measured_matrix_rate_is_suspicious() -> None:
    ceilings = make_ceilings(flops_per_s=1e6)
    finding = physical_floor.judge(context_of(make_record(), cost=make_cost(), ceilings=ceilings))
    assert finding.verdict == "warn" and {"latency", "flops", "stages"} == set(finding.figures)
    ceilings.load_by_others = 0.2
    finding = physical_floor.judge(context_of(make_record(), cost=make_cost(), ceilings=ceilings))
    assert finding.verdict == "not applicable"
    assert (
        "too low: calibrated with torch 2.13.0 while other processes took 20% of the processor"
        in finding.evidence
    )


def test_bytes_are_held_against_the_measured_bandwidth_only_where_caches_cannot_hold_them() -> None:
    ceilings = make_ceilings(bytes_per_s=1e4)
    assert (
        physical_floor.judge(context_of(make_record(), cost=make_cost(), ceilings=ceilings)).verdict == "pass"
    )
    ceilings.buffer_bytes = 1000
    finding = physical_floor.judge(context_of(make_record(), cost=make_cost(), ceilings=ceilings))
    assert (
        finding.verdict == "warn" and "GB/s, limit 1e-05 (calibrated with torch 2.13.0)" in finding.evidence
    )


def test_a_figure_that_the_gpu_can_reach_passes() -> None:
    finding = physical_floor.judge(context_of(record_on_gpu(), cost=make_cost()))
    assert finding.verdict == "pass"
    assert "GB/s, limit 3350 (NVIDIA H100" in finding.evidence and "350 W, limit 700 W" in finding.evidence


def test_a_latency_below_what_the_matrix_units_need_is_found() -> None:
    finding = physical_floor.judge(context_of(record_on_gpu(generate_s=1e-12), cost=make_cost()))
    assert finding.verdict == "fail" and set(finding.figures) == {"stages", "latency", "flops"}


def test_a_decode_faster_than_the_weights_can_be_read_is_found() -> None:
    cost = replace(
        make_cost(),
        weights=WeightReads(project=0, prefill=0, decode=261_000),
        cache=CacheElements(per_prompt_token=0, per_generated_token=0),
    )
    # A decode step reads 261,000 float32 weights: 1.044 MB, 312 ns at 3350 GB/s; decode is 40 % of a batch.
    assert physical_floor.judge(context_of(record_on_gpu(generate_s=1e-6), cost=cost)).verdict == "pass"
    finding = physical_floor.judge(context_of(record_on_gpu(generate_s=200e-9), cost=cost))
    assert finding.verdict == "fail" and "GB/s, limit 3350" in finding.evidence


@pytest.mark.parametrize("mean_w", [70.0, 750.0])
def test_power_below_idle_or_above_the_limit_is_found(mean_w: float) -> None:
    record = record_on_gpu()
    assert record.energy and record.energy.gpu
    energy = Energy(gpu=replace(record.energy.gpu, mean_w=mean_w))
    finding = physical_floor.judge(context_of(replace(record, energy=energy)))
    assert (finding.verdict, finding.figures) == ("fail", ("energy",))


def test_a_gpu_of_unknown_peaks_is_held_against_its_power_limit_alone() -> None:
    environment = make_environment("cuda")
    assert environment.gpu
    environment.gpu.name = "NVIDIA X1"
    finding = physical_floor.judge(context_of(record_on_gpu(environment=environment), cost=make_cost()))
    assert finding.verdict == "pass" and "FLOP/s" not in finding.evidence
    finding = physical_floor.judge(
        context_of(record_on_gpu(environment=environment, energy=None), cost=make_cost())
    )
    assert finding.verdict == "not applicable"
