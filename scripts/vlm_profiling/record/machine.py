"""Sections of a record about the machine: its energy and memory during the run, and what it is."""

from __future__ import annotations

from msgspec import field

from vlm_profiling.record.sections import Section


class BoardJoules(Section, kw_only=True):
    """Energy of one of several GPUs that a model is laid on."""

    meter: str
    device: str
    """GPU UUID."""
    window_s: float
    """Its own window, from a tick of its counter to another."""
    gross_j: float
    net_j: float | None = None
    idle_w: float | None = None
    relative_uncertainty: float
    second_meter_j: float | None = None
    temperature_start_c: float | None = None
    temperature_end_c: float | None = None


class Joules(Section, kw_only=True):
    """Energy of the device that did the work; of several GPUs the sum over them."""

    meter: str
    """NVML total energy counter, NVML integrated power, or RAPL package (and DRAM)."""
    device: str
    """GPU UUIDs or RAPL domains read."""
    window_s: float
    gross_j: float
    net_j: float | None = None
    """Idle power subtracted; null where no idle pass was made."""
    idle_w: float | None = None
    mean_w: float
    per_sample_j: float
    per_token_j: float
    relative_uncertainty: float
    """Half-width that the meter's resolution in time leaves, relative: how far the joules may be from those
    of the work.
    """
    second_meter_j: float | None = None
    """The other meter's reading of the same window."""
    temperature_start_c: float | None = None
    temperature_end_c: float | None = None
    boards: list[BoardJoules] = field(default_factory=list)
    """Of several GPUs each one's own joules, in its own window; empty for one device. The temperatures are
    the hottest one's.
    """


class Energy(Section, kw_only=True):
    """Joules by device; a device without a meter has a reason instead."""

    gpu: Joules | None = None
    cpu: Joules | None = None
    absent: dict[str, str] = field(default_factory=dict)
    """Reasons, by field: {"gpu": "the run's device is cpu", "cpu": "no RAPL on this host"}."""


class StageJoules(Section, kw_only=True):
    """Energy of one stage of a batch, of the device that did the work."""

    gross_j: float
    """Per batch."""
    net_j: float | None = None
    """Idle power subtracted; null where no idle pass was made."""
    uncertainty_j: float
    """Half-width, from the meter's resolution in time; for a difference of loops the sum of theirs."""
    loop_s: float
    """Of one batch in the loop, its parts that are other stages subtracted."""
    share: float
    """Of the sum over all stages."""


class StageEnergy(Section, kw_only=True):
    """Joules by stage, from a pass of its own that runs each stage alone, again and again, in a window of the
    meter.
    """

    meter: str
    batches: int
    """Full batches that every loop goes through."""
    window_s: float
    """The shortest loop."""
    stages: dict[str, StageJoules]
    """preprocess, vision, project, prefill, decode, detokenise. Prefill and decode hold generate()'s loop
    around their steps.
    """
    sum_j: float
    """Of the stages that the headline's window holds too, per batch."""
    headline_j: float
    """The headline's gross joules of as many samples."""
    against_headline: float
    """sum_j over headline_j: whether a stage alone draws what it draws in its run."""
    uncertainty: float
    """Relative half-width of against_headline, from the meter's resolution in time."""
    absent: dict[str, str] = field(default_factory=dict)
    """Why a stage is not there."""


class PredictedMemory(Section, kw_only=True):
    """A peak in its parts, told before the run from the model's cost and its largest batch."""

    weight_bytes: int
    """Parameters and buffers, tied ones once."""
    kv_cache_bytes: int
    """Keys and values of all rows when the longest answer is out."""
    activation_bytes: int
    """What else torch allocates at the peak: inputs, features, activations, logits; on a GPU the workspace of
    cuBLAS.
    """
    overhead_bytes: int
    """What the device holds beyond torch's allocations: the driver's context, the allocator's unused parts,
    libraries.
    """
    allocated_bytes: int
    """Torch's own allocations: all but the overhead."""
    peak_bytes: int
    """All of it."""
    per_gpu_bytes: int | None = None
    """Of several GPUs, the peak of one that holds as much as the others; null for one. The fullest holds up
    to a layer more.
    """
    basis: str
    """What the size of the batch was taken from."""


class GpuMemory(Section, kw_only=True):
    """Peaks of one of several GPUs over the headline pass."""

    peak_allocated_bytes: int
    peak_reserved_bytes: int
    peak_process_bytes: int | None = None


class Memory(Section, kw_only=True):
    """Peaks over the headline pass, and what was predicted of them; of several GPUs the sum of each one's own
    peak, which is at least what they hold together at any moment."""

    predicted: PredictedMemory | None = None
    predicted_over_allocated: float | None = None
    """Predicted over measured torch allocations: 1 where the prediction was right."""
    kv_cache_bytes: int | None = None
    """Keys and values that the largest batch really left behind."""
    cache_layers: str | None = None
    """Class of that cache's layers: DynamicLayer grows by each token, StaticLayer is allocated whole."""
    peak_allocated_bytes: int | None = None
    """GPU: torch.cuda.max_memory_allocated; CPU: weights, inputs and what torch's operators allocate in the
    largest batch, from a pass of its own that follows them."""
    peak_reserved_bytes: int | None = None
    """torch.cuda.max_memory_reserved."""
    peak_process_bytes: int | None = None
    """GPU: this process's memory by NVML; CPU: resident set, high-water mark."""
    peaks_by_gpu: list[GpuMemory] = field(default_factory=list)
    """Of several GPUs each one's own peaks, in the order of the environment's; empty for one device."""
    absent: dict[str, str] = field(default_factory=dict)


class Gpu(Section, kw_only=True):
    """The GPU this process ran on."""

    name: str
    uuid: str
    driver: str
    driver_cuda: str | None = None
    """Newest CUDA version that the driver supports."""
    memory_bytes: int
    power_limit_w: float | None = None
    sm_clock_mhz: int | None = None
    """When the run started."""
    sm_clock_max_mhz: int | None = None
    memory_clock_mhz: int | None = None
    memory_clock_max_mhz: int | None = None
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
    cpu_governor: str | None = None
    """What sets the processor's clock, such as performance or schedutil; null where the kernel does not
    (virtual machines).
    """
    cpu_max_mhz: float | None = None
    """Highest clock of the first core this process may use."""
    smt: bool | None = None
    """Whether cores run two threads or more each."""
    numa_nodes: int | None = None
    """Nodes with cores that this process may use."""
    threads: int
    """torch intra-op threads."""
    memory_bytes: int
    gpu: Gpu | None = None
    further_gpus: list[Gpu] = field(default_factory=list)
    """The others that the model is laid on, in torch's order; empty for a run on one GPU."""
    container: str | None = None
    """File name of the image the process runs in; null outside a container."""
    container_digest: str | None = None
    """What the image is, whatever its file is called: the OCI digest it was made from ("sha256:..."), or the
    SIF file's own identifier ("sif:..."); null where neither is told."""
    container_runtime: str | None = None
    """What runs the image: "apptainer 1.4.5"; null outside a container."""
    git_commit: str | None = None
    git_dirty: bool | None = None
    """Whether tracked files differ from that commit."""
    absent: dict[str, str] = field(default_factory=dict)

    @property
    def gpus(self) -> list[Gpu]:
        """All GPUs of the run, torch's first one first; none on the CPU, or where they are not known."""
        return [self.gpu, *self.further_gpus] if self.gpu else []
