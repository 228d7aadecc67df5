"""The processor time that a piece of work needs, whatever else the machine does."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def processor_s(work: Callable[[], object], tries: int = 3) -> float:
    """Seconds of the quickest of some tries: what shares the processor with the work can only add to them.

    The garbage collector rests meanwhile: it would walk through all that the tests before have left in
    memory, and charge the work for it.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return min(_once_s(work) for _ in range(tries))
    finally:
        if collects:
            gc.enable()


def _once_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
