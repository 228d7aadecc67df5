"""How a GPU's meters behave: every reading of them while it idles, works and idles again, and what follows
from these.
"""

from __future__ import annotations

import csv
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from vlm_profiling.gpu_check.facts import PowerFacts, Updates
from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.measure.meters.gpu import NotOfferedError, NvmlGpu
from vlm_profiling.measure.meters.nvml import integrate
from vlm_profiling.record.files import write_text

EVERY_S = 0.005
"""Between two readings: far less than the 20 to 100 ms after which boards refresh their sensors (arXiv
2312.02741).
"""
SETTLED_S = 1.0
"""Of a phase that the power needs to follow: averages over 1 s are the slowest that NVML gives."""


class Glance(NamedTuple):
    """All meters at one moment; null where the GPU does not offer one."""

    phase: str
    """before, load or after."""
    clock_s: float
    counter_j: float | None
    instant_w: float | None
    usage_w: float | None
    sm_clock_mhz: float | None


def watch_power(gpu: NvmlGpu, work: Callable[[], None], *, idle_s: float, load_s: float) -> list[Glance]:
    """Glances over `idle_s` of idling, `load_s` of calling `work` again and again, and `idle_s` of idling.

    `work` returns when what it started is finished. Raises MeterError when the GPU is lost.
    """
    glances: list[Glance] = []
    with _watched(gpu, glances) as enter:
        enter("before")
        time.sleep(idle_s)
        enter("load")
        until_s = time.perf_counter() + load_s
        while time.perf_counter() < until_s:
            work()
        enter("after")
        time.sleep(idle_s)
    return glances


@contextmanager
def _watched(gpu: NvmlGpu, glances: list[Glance]) -> Iterator[Callable[[str], None]]:
    """A thread that takes glances; gives a function that says which phase begins."""
    readers = [
        _offered(read)
        for read in (gpu.total_energy_j, gpu.instant_power_w, gpu.usage_power_w, gpu.sm_clock_mhz)
    ]
    phase, done = "before", threading.Event()
    lost: list[MeterError] = []

    def enter(name: str) -> None:
        nonlocal phase
        phase = name

    def look() -> None:
        while not done.wait(EVERY_S):
            name, clock_s = phase, time.perf_counter()
            try:
                glances.append(Glance(name, clock_s, *(read and read() for read in readers)))
            except MeterError as error:
                lost.append(error)
                return

    thread = threading.Thread(target=look, name="glances", daemon=True)
    thread.start()
    try:
        yield enter
    finally:
        done.set()
        thread.join()
    if lost:
        raise lost[0]


def _offered(read: Callable[[], float]) -> Callable[[], float] | None:
    try:
        read()
    except NotOfferedError:
        return None
    return read


def power_facts(glances: Sequence[Glance]) -> PowerFacts:
    """What the glances tell, each figure null with a reason where they do not."""
    begin_s = glances[0].clock_s
    phases = {
        name: [glance for glance in glances if glance.phase == name] for name in ("before", "load", "after")
    }
    settled = {
        name: [glance for glance in phase if glance.clock_s - phase[0].clock_s >= SETTLED_S] or phase
        for name, phase in phases.items()
        if phase
    }
    facts = PowerFacts(read_s=_read_s(glances), counter=_updates(glances, "counter_j"))
    if "load" not in settled or "after" not in settled or len(settled["load"]) < 3:
        facts.absent["load"] = f"watched for {glances[-1].clock_s - begin_s:.1f} s only"
        return facts
    facts.instant, facts.usage = (_updates(phases["load"], name) for name in ("instant_w", "usage_w"))
    facts.idle_w, facts.after_w = (_counter_w(settled[name]) for name in ("before", "after"))
    span = _on_ticks(settled["load"])
    if span:
        facts.load_counter_j = _joules(span)
        facts.load_w = _counter_w(settled["load"])
        if all(glance.instant_w is not None for glance in span):
            facts.load_integrated_j = integrate(
                [(glance.clock_s, glance.instant_w or 0.0) for glance in span]
            )[0]
        for name in ("instant", "usage"):
            setattr(facts, f"{name}_rise_s", _rise_s(phases["load"], f"{name}_w", facts.idle_w))
    for name in ("counter", "instant", "usage"):
        if getattr(facts, name) is None:
            facts.absent[name] = "not offered by this GPU or driver, or it stood still"
    return facts


def write_glances(path: Path, glances: Sequence[Glance]) -> None:
    """All of them as CSV, seconds from the first one on."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["phase", "time_s", *Glance._fields[2:]])
    writer.writerows(
        (glance.phase, round(glance.clock_s - glances[0].clock_s, 6), *glance[2:]) for glance in glances
    )
    write_text(path, text.getvalue())


def _read_s(glances: Sequence[Glance]) -> float:
    """What reading took, from how far apart the glances are beyond what they wait."""
    return max(
        0.0, statistics.median(end.clock_s - start.clock_s for start, end in pairwise(glances)) - EVERY_S
    )


def _updates(glances: Sequence[Glance], name: str) -> Updates | None:
    """Of one meter: times between changes of its value, as fine as the glances are."""
    changes = [
        end.clock_s
        for start, end in pairwise(glances)
        if getattr(end, name) is not None and getattr(start, name) != getattr(end, name)
    ]
    periods = [end - start for start, end in pairwise(changes)]
    if not periods:
        return None
    return Updates(
        n=len(periods), median_s=statistics.median(periods), min_s=min(periods), max_s=max(periods)
    )


def _on_ticks(glances: Sequence[Glance]) -> list[Glance]:
    """From the first to the last glance at which the counter had just moved."""
    ticks = [
        number
        for number in range(1, len(glances))
        if None is not glances[number].counter_j != glances[number - 1].counter_j
    ]
    return list(glances[ticks[0] : ticks[-1] + 1]) if len(ticks) > 1 else []


def _joules(span: Sequence[Glance]) -> float:
    return (span[-1].counter_j or 0.0) - (span[0].counter_j or 0.0)


def _counter_w(glances: Sequence[Glance]) -> float | None:
    span = _on_ticks(glances)
    return _joules(span) / (span[-1].clock_s - span[0].clock_s) if span else None


def _rise_s(load: Sequence[Glance], name: str, idle_w: float | None) -> float | None:
    """Until a power is nine tenths of the way from idle to what it settles at."""
    values = [(glance.clock_s - load[0].clock_s, getattr(glance, name)) for glance in load]
    settled = [watts for seconds, watts in values if seconds >= SETTLED_S and watts is not None]
    if not settled or idle_w is None:
        return None
    wanted = idle_w + 0.9 * (statistics.median(settled) - idle_w)
    return next((seconds for seconds, watts in values if watts is not None and watts >= wanted), None)
