"""Throttled clocks, clocks that drop, cores that others use."""

from __future__ import annotations

import pytest
from auditing import context_of
from factories import make_record
from msgspec.structs import replace

from vlm_profiling.audits import meters, right_device, thermal
from vlm_profiling.record.machine import Energy, Joules, Memory, StageEnergy, StageJoules
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.telemetry import ClockStats, ShareStats, Telemetry, TemperatureStats
from vlm_profiling.study.point import Point


def on_gpu(**telemetry: object) -> RunRecord:
    record = make_record(point=Point(device="cuda", optimization="fp32", batch_size=2))
    return replace(
        record, telemetry=Telemetry(n=100, duration_s=10.0, interval_s=0.1, sampler_cpu_s=0.02, **telemetry)
    )  # type: ignore[arg-type]


def on_cpu(**telemetry: object) -> RunRecord:
    return replace(
        make_record(),
        telemetry=Telemetry(n=100, duration_s=10.0, interval_s=0.1, sampler_cpu_s=0.02, **telemetry),
    )  # type: ignore[arg-type]


def clock(mean_mhz: float, max_mhz: float = 2000.0) -> ClockStats:
    return ClockStats(
        mean_mhz=mean_mhz, min_mhz=mean_mhz, max_mhz=max_mhz, first_mhz=max_mhz, last_mhz=mean_mhz
    )


def load(mean: float) -> ShareStats:
    return ShareStats(mean=mean, min=0.0, max=mean, first=0.0, last=mean)


@pytest.mark.parametrize(
    ("limits", "verdict", "evidence"),
    [
        ({}, "pass", "clock never limited"),
        ({"gpu_idle": 0.5, "application_clocks": 1.0}, "pass", "clock never limited"),
        ({"sw_power_cap": 0.25}, "warn", "clock limited: sw_power_cap in 25% of 100 samples"),
        ({"hw_thermal_slowdown": 0.01}, "fail", "clock limited: hw_thermal_slowdown in 1% of 100 samples"),
        (
            {"sw_power_cap": 0.5, "hw_slowdown": 0.1},
            "fail",
            "sw_power_cap in 50% of 100 samples, hw_slowdown in 10%",
        ),
    ],
)
def test_a_throttled_gpu_is_found_with_its_reasons(
    limits: dict[str, float], verdict: str, evidence: str
) -> None:
    finding = thermal.judge(context_of(on_gpu(clock_limits=limits)))
    assert finding.verdict == verdict and evidence in finding.evidence
    assert finding.figures == (() if verdict == "pass" else ("latency", "energy", "stages"))


@pytest.mark.parametrize(("mean_mhz", "verdict"), [(1990.0, "pass"), (1850.0, "warn"), (1200.0, "fail")])
def test_a_gpu_clock_that_drops_is_found(mean_mhz: float, verdict: str) -> None:
    finding = thermal.judge(context_of(on_gpu(sm_clock=clock(mean_mhz), clock_limits={})))
    assert finding.verdict == verdict
    assert verdict == "pass" or f"SM clock {mean_mhz:.0f} MHz on average" in finding.evidence


@pytest.mark.parametrize(("share", "verdict"), [(0.02, "pass"), (0.2, "warn"), (0.4, "fail")])
def test_cores_that_others_use_are_found_on_a_cpu_run_alone(share: float, verdict: str) -> None:
    finding = thermal.judge(context_of(on_cpu(load_by_others=load(share))))
    assert (
        finding.verdict == verdict
        and f"other processes used {share:.0%} of the cores' time" in finding.evidence
    )
    assert thermal.judge(context_of(on_gpu(load_by_others=load(share)))).verdict == "not applicable"


@pytest.mark.parametrize(("mean_mhz", "verdict"), [(1900.0, "pass"), (1500.0, "warn")])
def test_a_cpu_clock_that_drops_is_found(mean_mhz: float, verdict: str) -> None:
    assert thermal.judge(context_of(on_cpu(cpu_clock=clock(mean_mhz)))).verdict == verdict


def test_the_start_temperature_comes_from_telemetry_where_no_meter_tells_it() -> None:
    def starting(first_c: float, key: str) -> RunRecord:
        course = TemperatureStats(mean_c=60.0, min_c=40.0, max_c=70.0, first_c=first_c, last_c=70.0)
        return replace(on_gpu(temperature=course), key=key, energy=Energy(absent={"gpu": "MIG is on"}))

    others = [starting(41.0, "one"), starting(40.0, "two")]
    finding = thermal.judge(context_of(starting(65.0, "warm"), others))
    assert (
        finding.verdict == "fail"
        and "started at 65 °C, the median of 3 compared runs at 41 °C, ended at 70 °C" in finding.evidence
    )


def test_memory_that_torch_reserved_on_a_gpu_is_not_that_of_a_cpu_run() -> None:
    clean = replace(make_record(), memory=Memory(peak_allocated_bytes=10**6))
    assert right_device.judge(context_of(clean)).verdict == "not applicable"
    finding = right_device.judge(context_of(replace(clean, memory=Memory(peak_reserved_bytes=2 * 10**6))))
    assert (
        finding.verdict == "fail"
        and finding.evidence == "a CPU run reports a peak of 2,000,000 bytes of GPU memory"
    )


def test_joules_by_stage_must_be_those_of_the_runs_meter_and_near_its_headline() -> None:
    rapl = Joules(
        meter="RAPL package",
        device="package-0",
        window_s=10.0,
        gross_j=500.0,
        mean_w=50.0,
        per_sample_j=5.0,
        per_token_j=1.0,
        relative_uncertainty=0.001,
    )
    stages = StageEnergy(
        meter="RAPL package",
        batches=4,
        window_s=5.0,
        stages={"prefill": StageJoules(gross_j=10.2, uncertainty_j=0.1, loop_s=0.2, share=1.0)},
        sum_j=10.2,
        headline_j=10.0,
        against_headline=1.02,
        uncertainty=0.01,
    )
    clean = replace(make_record(), energy=Energy(cpu=rapl), stage_energy=stages)
    assert right_device.judge(context_of(clean)).verdict == meters.judge(context_of(clean)).verdict == "pass"

    foreign = replace(clean, stage_energy=replace(stages, meter="NVML total energy counter"))
    assert right_device.judge(context_of(foreign)).verdict == "fail"
    far = replace(clean, stage_energy=replace(stages, sum_j=15.0, against_headline=1.5))
    finding = meters.judge(context_of(far))
    assert (
        finding.verdict == "warn"
        and "sum of the stages run alone 15 J per batch, headline 10 J: +50.0% ± 1.0%" in finding.evidence
    )
