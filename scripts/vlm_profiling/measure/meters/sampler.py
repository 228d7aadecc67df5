"""A thread that reads things ten times a second while work is measured, and its overhead.

It sleeps between its readings and never spins.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

SAMPLE_S = 0.1
"""Mean time between two samples: 10 Hz. Boards refresh power every 20 to 100 ms (arXiv 2312.02741)."""
GOLDEN = 0.6180339887498949
"""Fractional part of the golden ratio: its multiples fill the unit interval most evenly (Knuth, TAOCP 3,
6.4).
"""


@dataclass
class SamplerOverhead:
    """The overhead of sampling; filled when it ends."""

    cpu_s: float = 0.0
    """Processor time of the thread."""
    missed: int = 0
    """Samples left out because the ones before them came too late."""


def due_times_s() -> Iterator[float]:
    """When each sample is due, in seconds from the start: one in each tenth of a second, at another place in
    each.

    Strictly regular samples of work that repeats itself in step with them would always see the same part of
    it.
    """
    for number in count(1):
        yield SAMPLE_S * (number + number * GOLDEN % 1 - 0.5)


@contextmanager
def sampled(readers: Sequence[Callable[[], None]]) -> Iterator[SamplerOverhead]:
    """Call all readers at each due time in a thread of its own, until the block ends; no thread where there
    are none.
    """
    overhead = SamplerOverhead()
    if not readers:
        yield overhead
        return
    done = threading.Event()

    def run() -> None:
        started = time.perf_counter()
        for due_s in due_times_s():
            wait_s = started + due_s - time.perf_counter()
            if wait_s < -SAMPLE_S:
                overhead.missed += 1
            elif done.wait(max(0.0, wait_s)):
                break
            else:
                for read in readers:
                    read()
        overhead.cpu_s = time.thread_time()

    thread = threading.Thread(target=run, name="sampler", daemon=True)
    thread.start()
    try:
        yield overhead
    finally:
        done.set()
        thread.join()
