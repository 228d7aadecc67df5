"""Section of a record about the machine's condition while it worked: clocks, temperature, power, load."""

from __future__ import annotations

from msgspec import field

from vlm_profiling.record.sections import Section


class ClockStats(Section, kw_only=True):
    """A clock over the samples of a run."""

    mean_mhz: float
    min_mhz: float
    max_mhz: float
    first_mhz: float
    last_mhz: float


class TemperatureStats(Section, kw_only=True):
    """A temperature over the samples of a run."""

    mean_c: float
    min_c: float
    max_c: float
    first_c: float
    last_c: float


class PowerStats(Section, kw_only=True):
    """A power over the samples of a run."""

    mean_w: float
    min_w: float
    max_w: float
    first_w: float
    last_w: float


class ShareStats(Section, kw_only=True):
    """A share, 0 to 1, over the samples of a run."""

    mean: float
    min: float
    max: float
    first: float
    last: float


class MemoryStats(Section, kw_only=True):
    """An amount of memory over the samples of a run."""

    mean_bytes: float
    min_bytes: float
    max_bytes: float
    first_bytes: float
    last_bytes: float


class BoardTelemetry(Section, kw_only=True):
    """What one of several GPUs told of itself; null where the whole has its reason."""

    device: str
    """GPU UUID."""
    sm_clock: ClockStats | None = None
    memory_clock: ClockStats | None = None
    temperature: TemperatureStats | None = None
    power: PowerStats | None = None
    utilisation: ShareStats | None = None
    clock_limits: dict[str, float] | None = None


class Telemetry(Section, kw_only=True):
    """The machine's condition ten times a second: over the headline with its energy window, the stages and
    the repeats.

    Of several GPUs clocks and utilisation are the mean at each moment, power is the sum, temperature the
    hottest one's, and a clock counts as limited where one of them is.
    """

    n: int
    """Samples, one at either end included."""
    duration_s: float
    interval_s: float
    """Mean time between two samples."""
    missed: int = 0
    """Samples left out because the ones before them came too late."""
    sampler_cpu_s: float
    """Processor time of the sampling thread, the energy meters' included."""
    sm_clock: ClockStats | None = None
    memory_clock: ClockStats | None = None
    temperature: TemperatureStats | None = None
    """Of the GPU's core."""
    power: PowerStats | None = None
    utilisation: ShareStats | None = None
    """Time in which some kernel ran on the GPU, as NVML tells it."""
    clock_limits: dict[str, float] | None = None
    """Why the GPU's clocks were not at their highest: share of the samples by reason, such as sw_power_cap.
    """
    cpu_clock: ClockStats | None = None
    """Of the core that runs the process's main thread."""
    load_by_others: ShareStats | None = None
    """Of the cores this process may use: time busy with other processes, or taken by the hypervisor."""
    memory_available: MemoryStats | None = None
    """Of the machine, as the kernel estimates it (MemAvailable)."""
    boards: list[BoardTelemetry] = field(default_factory=list)
    """Each of several GPUs, in the order of the environment's; empty for one device."""
    absent: dict[str, str] = field(default_factory=dict)
    """Reasons, by field; under gpu for all that the GPU tells."""
