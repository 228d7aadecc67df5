"""A throttled board and a busy machine, built for real, are seen by the audit of the machine's condition."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec
from auditing import context_of
from factories import make_record
from fakes.nvml import RunWithNvml
from msgspec.structs import replace

from vlm_profiling.audits import thermal
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.record.telemetry import Telemetry
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig
from vlm_profiling.study.point import Point

WATCHED = """
import json, sys, time
import msgspec
from vlm_profiling.measure.meters.telemetry import open_telemetry
sampler = open_telemetry("cuda", None)
sampler.sample()
with sampler.sampling():
    time.sleep(0.5)
json.dump(msgspec.to_builtins(sampler.telemetry()), sys.stdout)
"""


def test_a_throttled_board_is_found_from_what_nvml_says(run_with_nvml: RunWithNvml) -> None:
    record = make_record(point=Point(device="cuda", optimization="fp32", batch_size=2))

    def judged(**settings: str) -> tuple[str, str]:
        telemetry = msgspec.convert(run_with_nvml(WATCHED, {}, **settings), Telemetry)
        finding = thermal.judge(context_of(replace(record, telemetry=telemetry)))
        return finding.verdict, finding.evidence

    assert judged()[0] == "pass"
    verdict, evidence = judged(throttled="0:1980:4")
    assert verdict == "warn" and "sw_power_cap in 100%" in evidence
    verdict, evidence = judged(throttled="0.2:900:64")
    assert (
        verdict == "fail" and "hw_thermal_slowdown" in evidence and "below its maximum (1980 MHz)" in evidence
    )


def test_a_busy_process_beside_a_run_is_found(request_for: Callable[..., RunRequest]) -> None:
    protocol = ProtocolConfig(
        max_new_tokens=150,
        stages=False,
        repeats=RepeatsConfig(max_s=0.1),
        warmup=WarmupConfig(window=2, max_batches=2),
    )
    request = request_for(protocol=protocol)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        record = profile(request)
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, cores)

    assert record.telemetry and record.telemetry.load_by_others and record.telemetry.load_by_others.mean > 0.3
    finding = thermal.judge(context_of(record))
    assert finding.verdict == "fail" and "other processes used" in finding.evidence
    assert finding.figures == ("latency", "energy", "stages")
