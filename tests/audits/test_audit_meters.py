"""Two meters, their window, and the temperature at which runs start."""

from __future__ import annotations

import pytest
from auditing import context_of
from factories import make_record
from msgspec.structs import replace

from vlm_profiling.audits import meters, noise_band, thermal
from vlm_profiling.record.machine import Energy
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.point import Point


def measured(**changes: float) -> RunRecord:
    record = make_record(point=Point(device="cuda", optimization="fp32", batch_size=2))
    assert record.energy and record.energy.gpu
    return replace(record, energy=Energy(gpu=replace(record.energy.gpu, **changes)))


@pytest.mark.parametrize(
    ("second_meter_j", "verdict", "evidence"),
    [(4242.0, "pass", "+1.0%"), (4368.0, "warn", "+4.0%"), (3150.0, "fail", "-25.0%")],
)
def test_two_meters_agree_within_two_per_cent(second_meter_j: float, verdict: str, evidence: str) -> None:
    finding = meters.judge(context_of(measured(second_meter_j=second_meter_j)))
    assert finding.verdict == verdict and evidence in finding.evidence


def test_a_window_too_short_for_the_counter_is_found() -> None:
    finding = meters.judge(context_of(measured(window_s=4.0)))
    assert finding.verdict == "warn" and finding.evidence == "measurement window of 4.0 s, shorter than 10 s"
    finding = meters.judge(context_of(measured(window_s=0.5, relative_uncertainty=0.2)))
    assert finding.verdict == "fail" and finding.evidence == "uncertainty of 20.0%"


def test_a_run_without_joules_has_no_meters() -> None:
    assert meters.judge(context_of(make_record())).verdict == "not applicable"


@pytest.mark.parametrize(("start_c", "verdict"), [(45.0, "pass"), (55.0, "warn"), (75.0, "fail")])
def test_a_run_that_starts_warmer_than_the_others_is_found(start_c: float, verdict: str) -> None:
    others = [
        replace(measured(temperature_start_c=start), key=f"cold at {start}") for start in (40.0, 41.0, 42.0)
    ]
    record = measured(temperature_start_c=start_c, temperature_end_c=80.0)
    finding = thermal.judge(context_of(record, others))
    assert finding.verdict == verdict and finding.evidence.endswith("ended at 80 °C")


def test_what_no_record_holds_is_not_judged() -> None:
    assert thermal.judge(context_of(measured())).verdict == "not applicable"
    unrepeated = replace(measured(), repeats=None)
    assert noise_band.judge(context_of(unrepeated)).evidence == "the batches were not repeated"
