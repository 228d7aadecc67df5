"""Expected outcomes of a run that has no numbers: which status, and one line a person can act on."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.engines.base import CheckpointError, Unsupported
from vlm_profiling.errors import VlmError
from vlm_profiling.measure.environment.requirements_lock import LockError
from vlm_profiling.record.schema import Failure, Status

MAX_REASON = 300
"""Characters of a reason; the log holds the whole traceback."""


class MachineError(VlmError):
    """This machine cannot do the run at all (no such device, say): the job fails, nothing is recorded."""


class RunTimeoutError(VlmError):
    """The run's wall-clock limit passed."""


BROKEN = (MachineError, CheckpointError, DatasetError, LockError)
"""Errors that a person has to mend before the run can be measured: the job fails instead of recording them.
"""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise RunTimeoutError in the main thread when the block takes longer than `seconds`."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise RunTimeoutError(f"the run took longer than protocol.timeout_s = {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def classify(error: Exception, stage: str) -> tuple[Status, Failure]:
    """The status and the reason of a run that ended with `error` in `stage`."""
    kind, status = type(error), _status(error)
    reason = _one_line(error, kind.__name__ if status == "error" else "")
    return status, Failure(reason=reason, exception=f"{kind.__module__}.{kind.__qualname__}", stage=stage)


def _status(error: Exception) -> Status:
    if isinstance(error, RunTimeoutError):
        return "timeout"
    if isinstance(error, Unsupported):
        return "unsupported"
    if isinstance(error, MemoryError) or _is_torch_oom(error):
        return "oom"
    return "error"


def _is_torch_oom(error: Exception) -> bool:
    """torch raises its own class on CUDA, and a plain RuntimeError when the CPU allocator fails."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    return (
        isinstance(error, RuntimeError)
        and re.search(r"can't allocate memory|out of memory", str(error)) is not None
    )


def _one_line(error: Exception, kind: str) -> str:
    """An unexpected error begins with its kind: of a KeyError the rest is a bare name."""
    text = ": ".join(part for part in (kind, " ".join(str(error).split())) if part) or type(error).__name__
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 3]}..."
