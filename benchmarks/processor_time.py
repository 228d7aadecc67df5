"""The processor time that a piece of work needs, whatever else the machine does."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable


def processor_s(work: Callable[[], object], tries: int = 3) -> float:
    """Seconds of the quickest of some tries, of this process and of those that it started and awaited."""
    gc.disable()
    try:
        return min(_once_s(work) for _ in range(tries))
    finally:
        gc.enable()


def _once_s(work: Callable[[], object]) -> float:
    before_s = _used_s()
    work()
    return _used_s() - before_s


def _used_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(own.ru_utime + own.ru_stime for own in used)
