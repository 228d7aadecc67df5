"""A whole check in the present folder: parts in their order, each told as it ends, and a summary after each."""

from __future__ import annotations

from collections.abc import Sequence

from vlm_profiling.errors import VlmError
from vlm_profiling.gpu_check.facts import PartState
from vlm_profiling.gpu_check.in_process import require_device
from vlm_profiling.gpu_check.jobs import Job, run_jobs
from vlm_profiling.gpu_check.parts import LOGS, PARTS, run_part
from vlm_profiling.gpu_check.summary import read_states, summary_page, write_summary

NEED_DEVICE = frozenset(PARTS) - {"prepare", "tables"}


class NoDeviceError(VlmError):
    """torch sees no such device; the message says which torch."""


def run_check(device: str, parts: Sequence[str], deadline_s: float) -> dict[str, PartState]:
    """Run parts until a deadline of time.monotonic; returns how each of this folder's parts ended.

    Raises NoDeviceError before the first part when the device is not there.
    """
    if NEED_DEVICE & set(parts):
        (asked,) = run_jobs([Job("require-device", require_device, (device,))], LOGS, deadline_s=deadline_s)
        if asked.status:
            raise NoDeviceError((LOGS / "require-device.log").read_text().strip())
    states = read_states()
    summary = None
    for name in parts:
        print(f"{name} ...", flush=True)
        states[name] = run_part(PARTS[name], device, deadline_s)
        states = {part: states[part] for part in PARTS if part in states}
        summary = write_summary(device, states)
        print(
            f"{name}: {states[name].state} after {states[name].seconds:.0f} s: {states[name].note}",
            flush=True,
        )
    if summary:
        print(summary_page(summary))
    return states
