"""How far a pass is: a bar on a terminal, a plain line every few seconds otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from huggingface_hub.utils import disable_progress_bars
from tqdm import tqdm

Item = TypeVar("Item")

LOG_EVERY_S = 10.0


def progress(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """The items, one by one, telling how many are done. Writes between items, never while one is measured."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=label, unit="batch", leave=False)
        return
    started = told = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - told >= LOG_EVERY_S and done < total:
            told = now
            print(f"{label}: {done} of {total} batches, {now - started:.0f} s", file=sys.stderr, flush=True)
    print(f"{label}: {done} batches, {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def quiet_libraries() -> None:
    """Where there is no terminal, keep the hub's progress bars out of the log, and those of transformers,
    imported afterwards.
    """
    if not sys.stderr.isatty():
        disable_progress_bars()
