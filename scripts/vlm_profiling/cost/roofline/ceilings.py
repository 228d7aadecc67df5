"""What a device was seen to reach: the schema of results/ceilings/DEVICE.json, and which of them hold for a
run.

A datasheet says what no kernel passes; these say what the libraries in use reach on the very machine: the
rate of a large matrix product, of copying and reading a large buffer, and the time that one operation costs
before it does anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
from msgspec import field

from vlm_profiling.record.files import RecordError, write_bytes
from vlm_profiling.record.machine import Environment
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Section
from vlm_profiling.study.point import Device

BUSY = 0.05
"""Share of the processor taken by others from which ceilings are too low to judge a run by."""


class Best(Section, kw_only=True):
    """The best of several repeats, which is the ceiling, and how far the others stayed below it."""

    best_per_s: float
    """FLOP/s, bytes/s or operations/s."""
    median_per_s: float
    repeats: int

    @property
    def spread(self) -> float:
        """How far the median stays below the best, relative."""
        return 1 - self.median_per_s / self.best_per_s


class MatrixRate(Section, kw_only=True):
    """FLOP/s of the product of two square matrices of random numbers, 1 multiply-add = 2 FLOPs."""

    rate: Best
    size: int
    """Rows and columns at which the best was reached, of those tried."""


class Ceilings(Section, kw_only=True):
    """What one device reaches."""

    device: str
    """cuda or cpu."""
    matrix: dict[str, MatrixRate]
    """By dtype, named as torch does."""
    copy: Best
    """Bytes read plus bytes written per second, copying a buffer far larger than the caches."""
    read: Best
    """Bytes read per second, adding up the same buffer."""
    buffer_bytes: int
    launch: Best
    """Operations per second of a network so small that its arithmetic is nothing: Python, dispatch and kernel
    launch.
    """
    seconds: float
    """What measuring took."""
    load_by_others: float | None = None
    """Share of the usable cores' time, 0 to 1, that went to other processes meanwhile, which makes ceilings
    low.
    """
    environment: Environment
    absent: dict[str, str] = field(default_factory=dict)
    """Why a dtype has no rate, or the load is not known."""

    @property
    def bytes_per_s(self) -> float:
        """The memory roof: copying or reading, whichever is faster (processors may read a line before they
        write it).
        """
        return max(self.copy.best_per_s, self.read.best_per_s)

    @property
    def launch_s(self) -> float:
        """Least time that an operation takes before it does anything."""
        return 1 / self.launch.best_per_s

    @property
    def source(self) -> str:
        """What measured them, and whether something else was running."""
        words = f"calibrated with torch {self.environment.packages.get('torch', 'unknown')}"
        return (
            f"{words} while other processes took {self.load_by_others:.0%} of the processor"
            if self.disturbed
            else words
        )

    @property
    def disturbed(self) -> bool:
        """Whether others had so much of the processor meanwhile that a run may well be faster."""
        return self.load_by_others is not None and self.load_by_others > BUSY

    def mismatch(self, record: RunRecord) -> str | None:
        """Why these are not the ceilings of a run's device; None where they are."""
        if record.point.device != self.device:
            return f"the ceilings are of device {self.device}"
        own, other = _identity(self.device, self.environment), _identity(self.device, record.environment)
        if own is None or other is None:
            return "the GPU of the ceilings or of the run is not known"
        return None if own == other else f"the ceilings are of {own}, the run is of {other}"


def _identity(device: str, environment: Environment) -> str | None:
    """What decides how fast a device can be: the processor and its threads, or the GPU and its power limit.

    Several GPUs of one kind work one at a time, and are as fast as one of them.
    """
    if device == "cpu":
        return f"{environment.cpu} with {environment.threads} threads"
    return (
        " and ".join(dict.fromkeys(f"{gpu.name} at {gpu.power_limit_w} W" for gpu in environment.gpus))
        or None
    )


def write_ceilings(target: Path, ceilings: Ceilings) -> None:
    """Write a file of ceilings as indented JSON, atomically."""
    write_bytes(target, msgspec.json.format(msgspec.json.encode(ceilings), indent=1) + b"\n")


def read_ceilings(folder: Path) -> dict[str, Ceilings]:
    """The ceilings in a folder, by device; none where a device has no file. Raises RecordError for a
    malformed one.
    """
    found = {}
    for path in (folder / f"{device}.json" for device in get_args(Device)):
        if path.is_file():
            try:
                found[path.stem] = msgspec.json.decode(path.read_bytes(), type=Ceilings)
            except msgspec.MsgspecError as error:
                raise RecordError(f"{path}: {error}") from None
    return found


def ceilings_table(ceilings: Ceilings) -> str:
    """Ceilings as a text that a person reads."""
    gpu = ceilings.environment.gpu
    device = f"{gpu.name if gpu else ceilings.environment.cpu}, {ceilings.environment.threads} threads"
    lines = [f"{ceilings.device}: {device}, {ceilings.source}"]
    rates = {
        f"{name} ({rate.size} x {rate.size})": (rate.rate, "FLOP/s") for name, rate in ceilings.matrix.items()
    }
    rates |= {"copy, read + written": (ceilings.copy, "B/s"), "read": (ceilings.read, "B/s")}
    lines += [
        f"  {name:28}{best.best_per_s / 1e9:12.1f} G{unit:8}"
        f"median {best.spread:.1%} below, {best.repeats} repeats"
        for name, (best, unit) in rates.items()
    ]
    lines += [f"  {name:28}not known: {reason}" for name, reason in ceilings.absent.items()]
    above = ceilings.launch.best_per_s / ceilings.launch.median_per_s - 1
    lines.append(f"  {'launch':28}{ceilings.launch_s * 1e6:12.2f} µs an op    median {above:.1%} above")
    return "\n".join(lines)
