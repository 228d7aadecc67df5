"""What this machine's device reaches, measured: matrix products, a large buffer copied and read, and empty
operations.

Every rate is the best of its repeats, because a ceiling is what was once reached; the record holds the median
beside it. Random numbers, because zeros let some processors clock higher.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from vlm_profiling.cost.roofline.ceilings import Best, Ceilings, MatrixRate
from vlm_profiling.measure.environment.describe import describe_environment
from vlm_profiling.measure.environment.devices import require_device
from vlm_profiling.measure.environment.processors import BusyTime, busy_time, load_by_others
from vlm_profiling.measure.meters.base import MeterError

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "float16", "bfloat16")
LEAST_REPEATS = 3
REPEAT_S = 0.02
"""Shortest repeat: calls are batched up to it, so that neither clock nor synchronising shows."""
TILE = 2**18
"""Random numbers drawn for the buffer, which repeats them: drawing all of them would take longer than
measuring.
"""
BLOCKS = 4
"""Of the small network whose operations are launched for nothing."""


@dataclass(frozen=True)
class Effort:
    """How large and how long to measure on one kind of device."""

    sizes: tuple[int, ...]
    """Of the matrices, ascending."""
    buffer_bytes: int
    budget_s: float
    """For one dtype's matrices in each of two layouts, for copying, for reading and for launching, each."""


EFFORTS = {
    "cpu": Effort(sizes=(512, 1024, 2048), buffer_bytes=512 * 2**20, budget_s=0.6),
    "cuda": Effort(sizes=(2048, 4096, 8192), buffer_bytes=2**30, budget_s=1.5),
}


def calibrate(device: str, lock: Path | None, effort: Effort | None = None) -> Ceilings:
    """Measure the ceilings of `cuda` (this process's first GPU) or `cpu` with torch's own number of threads.

    Raises MachineError when there is no such device, LockError or OSError for a lock that cannot be read.
    """
    import torch

    require_device(device)
    effort = effort or EFFORTS[device]
    started, busy_before = time.perf_counter(), _busy_time()
    matrix: dict[str, MatrixRate] = {}
    absent: dict[str, str] = {}
    with torch.no_grad():
        for dtype in DTYPES:
            try:
                matrix[dtype] = _matrix_rate(device, getattr(torch, dtype), effort)
            except RuntimeError as error:  # a dtype without a kernel here, or matrices that do not fit
                absent[dtype] = str(error).partition("\n")[0]
        copy, read = _memory_rates(device, effort)
        launch = _launch_rate(device, effort)
    busy_after, load = _busy_time(), None
    if isinstance(busy_before, BusyTime) and isinstance(busy_after, BusyTime):
        load = load_by_others(busy_before, busy_after)
    else:
        absent["load_by_others"] = str(busy_before)
    return Ceilings(
        device=device,
        matrix=matrix,
        copy=copy,
        read=read,
        buffer_bytes=effort.buffer_bytes,
        launch=launch,
        seconds=time.perf_counter() - started,
        load_by_others=load,
        environment=describe_environment(device, lock, torch.get_num_threads()),
        absent=absent,
    )


def _busy_time() -> BusyTime | str:
    """How busy the processor has been, or why that is not known."""
    try:
        return busy_time()
    except MeterError as error:
        return str(error)


def _matrix_rate(device: str, dtype: torch.dtype, effort: Effort) -> MatrixRate:
    """The best of the sizes that the budget allows; a size takes eight times as long as one half of it.

    The right matrix lies as attention's values do, and turned as a linear layer's weights do: a processor
    without units for a dtype can take twenty times as long for one as for the other.
    """
    import torch

    best: MatrixRate | None = None
    began, call_s = time.perf_counter(), 0.0
    for size in effort.sizes:
        left_s = 2 * effort.budget_s - (time.perf_counter() - began)
        if best and 8 * call_s * (LEAST_REPEATS + 1) > left_s:
            break
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        product = torch.empty_like(left)
        flops = 2 * size**3
        rates = [
            _best(partial(torch.mm, left, side, out=product), flops, device, left_s / 6)
            for side in (right, right.t())
        ]
        call_s = sum(flops / rate.best_per_s for rate in rates)
        rate = max(rates, key=attrgetter("best_per_s"))
        if best is None or rate.best_per_s > best.rate.best_per_s:
            best = MatrixRate(rate=rate, size=size)
    assert best is not None
    return best


def _memory_rates(device: str, effort: Effort) -> tuple[Best, Best]:
    """Bytes per second of copying (read and written) and of reading the buffer."""
    import torch

    source = torch.randn(TILE, device=device).repeat(effort.buffer_bytes // (4 * TILE))
    target = torch.empty_like(source)
    copy = _best(lambda: target.copy_(source), 2 * effort.buffer_bytes, device, effort.budget_s)
    read = _best(source.sum, effort.buffer_bytes, device, effort.budget_s)
    return copy, read


def _launch_rate(device: str, effort: Effort) -> Best:
    """Least time per operation of a small transformer, launched again and again without waiting for the
    device.

    In one thread: a process launches from one, and sharing out nothing among threads is no launch.
    """
    import torch

    from vlm_profiling.cost.counting.op_counter import count_ops

    network, token = _small_network(device)
    ops = count_ops(lambda: network(token))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _best(lambda: network(token), ops, device, effort.budget_s)
    finally:
        torch.set_num_threads(threads)


def _small_network(device: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """Blocks as in any language model, a few numbers wide, with the one token they read."""
    import torch
    from torch import nn

    width = 8

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
            self.query, self.key, self.value, self.output, self.up, self.down = (
                nn.Linear(width, width) for _ in range(6)
            )
            self.activation = nn.GELU()

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            normed = self.norms[0](hidden)
            heads = (projection(normed).unsqueeze(1) for projection in (self.query, self.key, self.value))
            attended = nn.functional.scaled_dot_product_attention(*heads).squeeze(1)
            hidden = hidden + self.output(attended)
            return hidden + self.down(self.activation(self.up(self.norms[1](hidden))))

    return nn.Sequential(*(Block() for _ in range(BLOCKS))).to(device), torch.randn(
        1, 1, width, device=device
    )


def _best(call: Callable[[], object], amount: float, device: str, budget_s: float) -> Best:
    """The rates of a call that does `amount` of something: repeated until the budget is spent, at least
    LEAST_REPEATS times.
    """
    import torch

    def seconds(calls: int) -> float:
        started = time.perf_counter()
        for _ in range(calls):
            call()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    began = time.perf_counter()
    seconds(1)  # warm-up: libraries choose their kernels, memory is touched for the first time
    calls = max(1, round(REPEAT_S / seconds(1)))
    rates: list[float] = []
    while len(rates) < LEAST_REPEATS or time.perf_counter() - began < budget_s:
        rates.append(calls * amount / seconds(calls))
    return Best(best_per_s=max(rates), median_per_s=statistics.median(rates), repeats=len(rates))
