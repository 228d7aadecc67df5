"""What the machine's condition while it measured says: a hint about its clock, a caution about who shared it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from vlm_profiling.report.advice.base import MIN_SHARE, Hint, Subject, at_most, percent

HARMLESS = {"gpu_idle", "application_clocks", "display_clocks"}
"""Reasons for a lower clock that no cure is needed for: nothing to do, or a clock that was asked for."""


def held_back_clock(subject: Subject) -> Iterator[Hint]:
    """A GPU whose clock was held down by power or heat while it worked: at most its full clock is to be
    gained.
    """
    cell, generate = subject.cell, subject.generate_share
    mean, full = cell.telemetry_sm_clock_mean_mhz, cell.environment_gpu_sm_clock_max_mhz
    if mean is None or full is None or generate is None:
        return
    limits = msgspec.json.decode(cell.telemetry_clock_limits or "{}", type=dict[str, float])
    reasons = {name: share for name, share in limits.items() if name not in HARMLESS and share >= MIN_SHARE}
    lost = 1 - mean / full
    if reasons and lost * generate >= MIN_SHARE:
        named = ", ".join(f"{name} in {percent(share)} of the samples" for name, share in reasons.items())
        evidence = f"mean SM clock {mean:.0f} of {full:.0f} MHz: {named}"
        yield Hint(
            "Let the GPU keep its clock: cool it better, or raise its power limit",
            at_most(lost * generate),
            evidence,
        )


def shared_processor(subject: Subject) -> str:
    """A caution for a CPU run that others took processor time from: no cure of the model, but of its figures.
    Else empty.
    """
    share = subject.cell.telemetry_load_by_others_mean
    if subject.cell.device != "cpu" or share is None or share < MIN_SHARE:
        return ""
    return (
        f"Others kept {percent(share)} of the run's cores busy. Alone it would have {at_most(share):.3g} times the processor "
        "time, and gain more than that where its threads wait for one another."
    )
