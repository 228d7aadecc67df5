"""Sections of a record about the machine: its energy, memory and condition during the run, and what it is."""

from __future__ import annotations

from msgspec import field

from vlm_profiling.record.sections import Section


class Joules(Section, kw_only=True):
    """Energy of the device that did the work."""

    meter: str
    """NVML total energy counter, NVML integrated power, or RAPL package (and DRAM)."""
    device: str
    """GPU UUID or RAPL domains read."""
    window_s: float
    gross_j: float
    net_j: float | None = None
    """Idle power subtracted; null where no idle pass was made."""
    idle_w: float | None = None
    mean_w: float
    per_sample_j: float
    per_token_j: float
    relative_uncertainty: float
    """Half-width of the window's uncertainty (counter tick over window), relative."""
    second_meter_j: float | None = None
    """The other meter's reading of the same window."""
    temperature_start_c: float | None = None
    temperature_end_c: float | None = None


class Energy(Section, kw_only=True):
    """Joules by device; a device without a meter has a reason instead."""

    gpu: Joules | None = None
    cpu: Joules | None = None
    absent: dict[str, str] = field(default_factory=dict)
    """Reasons, by field: {"gpu": "the run's device is cpu", "cpu": "no RAPL on this host"}."""


class Memory(Section, kw_only=True):
    """Peaks over the headline pass."""

    peak_allocated_bytes: int | None = None
    """torch.cuda.max_memory_allocated."""
    peak_reserved_bytes: int | None = None
    """torch.cuda.max_memory_reserved."""
    peak_process_bytes: int | None = None
    """GPU: this process's memory by NVML; CPU: resident set, high-water mark."""
    absent: dict[str, str] = field(default_factory=dict)


class Gpu(Section, kw_only=True):
    """The GPU this process ran on."""

    name: str
    uuid: str
    driver: str
    memory_bytes: int
    power_limit_w: float | None = None
    compute_capability: str | None = None
    cuda: str | None = None
    """CUDA version torch was built with."""
    ecc: bool | None = None
    persistence: bool | None = None
    mig: bool | None = None


class Environment(Section, kw_only=True):
    """Where the run happened. Never a host name, a user, a path or a secret."""

    python: str
    platform: str
    packages: dict[str, str]
    """Versions of the packages that can move a number: torch, transformers, tokenizers..."""
    lock_sha256: str | None = None
    """Hash of the environment's lock file."""
    lock_differences: list[str] = field(default_factory=list)
    """Installed packages that differ from the lock: "torch 2.11.0, lock 2.13.0"."""
    cpu: str
    cpu_cores: int
    """Cores this process may use."""
    threads: int
    """torch intra-op threads."""
    memory_bytes: int
    gpu: Gpu | None = None
    container: str | None = None
    """Digest or URI of the image the process runs in; null outside a container."""
    git_commit: str | None = None
    git_dirty: bool | None = None
    """Whether tracked files differ from that commit."""
    absent: dict[str, str] = field(default_factory=dict)
