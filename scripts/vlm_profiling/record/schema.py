"""The schema of a run record. A quantity's name ends with its unit; one that could not be measured is null and has its
reason in `absent`, never a zero.

`SCHEMA_VERSION` is raised when old records can no longer be read; a new optional field raises nothing.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

SCHEMA_VERSION = 1

Status = Literal["ok", "oom", "unsupported", "timeout", "error"]
STAGES = ("preprocess", "transfer", "vision", "project", "prefill", "decode", "loop", "detokenise")
"""Stages of a batch, in the order of the work; loop is the part of generate() outside the model, between and after its steps."""
Block = Literal["attention", "mlp", "norm", "convolution", "embedding", "other"]


class Section(Struct, kw_only=True, omit_defaults=True):
    """A part of a record. Fields at their default are left out of the JSON."""


class Failure(Section, kw_only=True):
    """Why a run has no numbers."""

    reason: str
    """One line a person can act on."""
    exception: str
    """Class of the exception, with its module."""
    stage: str
    """Where it happened: load, prepare, warm-up, headline, stages, layers, trace or quality."""


class Point(Section, kw_only=True):
    """The grid point measured."""

    device: str
    optimization: str
    batch_size: int
    image_size: int | None = None
    max_input_len: int | None = None
    frames: int = 1


class Optimization(Section, kw_only=True):
    """What the optimization's name asked for."""

    dtype: str
    attention: str
    compile: bool = False


class Checkpoint(Section, kw_only=True):
    """The model that ran: what was loaded, not what was asked."""

    source: str
    """Where it came from: hub id, project folder, tiny:ARCHITECTURE or architecture:NAME."""
    revision: str | None = None
    content_sha256: str | None = None
    """Hash over the names and hashes of its files."""
    family: str
    """The family file that served it, such as llava or generic."""
    architecture: str
    """Class name of the model."""
    parameters: int
    weight_bytes: int
    """Bytes of parameters and buffers as loaded."""
    dtypes: dict[str, int]
    """Parameters by dtype really loaded: {"float16": 3744761856}."""
    attention: str
    """Attention implementation that the loaded model reports."""
    random_weights: bool = False
    compiled_frames: int | None = None
    """Graphs that torch.compile really compiled; null when compile was not asked."""
    compile_s: float | None = None
    """Time of the calls that compiled, kept out of every latency."""
    processor: str = ""
    """Class of the image processor, which tells its backend."""


class Dataset(Section, kw_only=True):
    """The samples asked about."""

    source: str
    revision: str | None = None
    content_sha256: str
    """Hash over the prepared samples and their pictures."""
    samples: int


class Interval(Section, kw_only=True):
    """A figure with its 95 % confidence interval."""

    mean: float
    low: float
    high: float


class Distribution(Section, kw_only=True):
    """A latency over its samples. Percentiles only where n allows them (2, 29, 59 and 299)."""

    n: int
    mean_s: float
    median_s: float
    std_s: float | None = None
    """Sample standard deviation; null for n = 1."""
    min_s: float
    max_s: float
    sampling: Interval | None = None
    """95 % bootstrap interval of the mean over samples (seeded); null for n = 1."""
    p90_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    outliers: int = 0
    """Samples outside 3 interquartile ranges (Tukey), flagged and kept."""


class Warmup(Section, kw_only=True):
    """The discarded batches before the headline pass."""

    batches: int
    seconds: float
    cv: float | None = None
    """Coefficient of variation over the last window; null when fewer batches ran."""
    stopped: Literal["steady", "batch cap", "time cap"]


class Batch(Section, kw_only=True):
    """One batch of the headline pass. Times in seconds, the device synchronised at both ends."""

    rows: int
    full: bool
    """False for a last partial batch, which figures per batch leave out."""
    prompt_tokens: int
    """Length of the padded prompt the language model reads, image tokens included."""
    generated_tokens: int
    """Tokens generated for each row, the longest row's count (shorter rows are padded)."""
    qformer_tokens: int = 0
    """Length of the padded question read by a Q-Former, where the architecture has one that reads it."""
    preprocess_s: float
    transfer_s: float
    generate_s: float
    detokenise_s: float
    end_to_end_s: float
    """preprocess + transfer + generate + detokenise of this batch."""


class Sample(Section, kw_only=True):
    """One sample's question, answer and work."""

    id: str
    batch: int
    """Index of its batch in the headline pass."""
    request: str
    prompt: str
    """Text given to the processor, after the family's template and any truncation."""
    references: list[str]
    answer: str
    prompt_tokens: int
    """Unpadded, image tokens included."""
    image_tokens: int
    generated_tokens: int
    """Up to and including end-of-sequence."""
    truncated_tokens: int = 0
    """User-text tokens cut by max_input_len."""
    image_size: tuple[int, int]
    """Width, height of the picture in pixels, as it came."""
    vision_grid: tuple[int, int] | None = None
    """Rows, columns of patches the vision encoder (Fuyu: the patch projection) really saw, before any merging."""
    effective_size: tuple[int, int] | None = None
    """Width, height in pixels the model really saw after its processor."""
    wer: float | None = None
    """Against the first reference, raw; null for an empty reference or random weights."""
    exact_match: bool | None = None


class Headline(Section, kw_only=True):
    """The uninstrumented pass: every published figure comes from here."""

    passes: int
    """How often all batches were run; more than once only to fill an energy window."""
    generate: Distribution
    """Latency of generate() per full batch: tokens on the device in, token ids out."""
    end_to_end: Distribution
    """Per full batch: pictures and text on the host in, answers out."""
    generate_per_sample: Distribution
    """generate() time of each full batch divided by its rows; the batch stays the unit of the interval."""
    output_tokens_per_s: float
    """All generated tokens divided by all end-to-end time."""
    samples_per_s: float
    partial_batch: Batch | None = None


class StageTime(Section, kw_only=True):
    """A stage over the full batches of the stages pass."""

    time: Distribution
    """Exclusive time per batch: what runs inside another stage's module counts for the inner one alone."""
    share: float
    """Of the end-to-end time of the same batches."""


class Stages(Section, kw_only=True):
    """Where the time of a batch goes, from a pass of its own whose modules' borders are marked."""

    times: dict[str, StageTime]
    """By name of STAGES, in their order. Prefill ends with the first token's logits."""
    end_to_end: Distribution
    """Of the same full batches, marks included."""
    unattributed_share: float
    """Of the end-to-end time: in no stage."""
    against_headline: float
    """generate() of this pass over that of the headline pass, all batches: 1 where the marks cost nothing."""
    against_headline_interval: Interval | None = None
    """95 % bootstrap interval over pairs of the same batch; null for a single batch."""
    seconds: dict[str, list[float]]
    """The time of each stage batch by batch, partial batch included, to the nanosecond."""
    absent: dict[str, str] = field(default_factory=dict)
    """Why a stage is not there."""


class Serving(Section, kw_only=True):
    """What a user of a server waits for, as vLLM defines it, per full batch; from the stages pass."""

    ttft: Distribution
    """Time to first token: from the pictures and text on the host to the id of the first token."""
    tpot: Distribution | None = None
    """Time per output token after the first: (end to end - ttft) / (tokens of the longest answer - 1)."""
    absent: dict[str, str] = field(default_factory=dict)


class LayerTime(Section, kw_only=True):
    """Modules of one class, in one block of the model, during one stage."""

    stage: str
    """vision, project, prefill, decode, or loop where no stage's module was running."""
    module: str
    """Class: Linear, LayerNorm, CLIPAttention..."""
    block: Block
    total_s: float
    """Exclusive time over all full batches."""
    share: float
    """Of the generate() time of the same batches."""


class Layers(Section, kw_only=True):
    """Time inside generate() by layer, from a pass of its own whose leaf and attention modules are marked."""

    batches: int
    """Full batches, over which the times are sums."""
    generate_s: float
    """generate() of these batches, marks included."""
    stages_s: dict[str, float]
    """Exclusive time of each stage over these batches, in its layers and between them."""
    layers: list[LayerTime]
    coverage: float
    """Share of the generate() time inside marked layers; the rest runs between them."""
    against_headline: float
    """generate() of this pass over that of the headline pass, all batches: what marking every layer costs."""
    against_headline_interval: Interval | None = None


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


class Quality(Section, kw_only=True):
    """Answers against references, over the samples that have one."""

    wer: float | None = None
    """Corpus level, raw: all edits divided by all reference words, as the reference study."""
    wer_normalised: float | None = None
    """Corpus level after lower-casing and removing punctuation."""
    wer_sample_mean: float | None = None
    """Mean over samples of the raw WER."""
    wer_interval: Interval | None = None
    """95 % bootstrap interval over samples of the corpus-level raw WER."""
    substitutions: int | None = None
    insertions: int | None = None
    deletions: int | None = None
    exact_match: float | None = None
    """Share of samples whose normalised answer equals a normalised reference."""
    exact_match_interval: Interval | None = None
    scored: int = 0
    empty_references: int = 0
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


class Record(Section, kw_only=True):
    """One run."""

    schema_version: int
    """SCHEMA_VERSION of the code that wrote it."""
    protocol_version: int
    key: str
    model: str
    dataset_name: str
    point: Point
    optimization: Optimization
    status: Status
    failure: Failure | None = None
    spec: str
    """Canonical JSON of the run's identity, of which `key` is the hash."""
    code_sha256: str
    """Digest of the measuring code (comments and formatting do not count)."""
    started_at: str
    """UTC, ISO 8601."""
    duration_s: float
    """Whole process, from the start of the script to the writing of this record."""
    load_s: float | None = None
    checkpoint: Checkpoint | None = None
    dataset: Dataset | None = None
    environment: Environment
    warmup: Warmup | None = None
    headline: Headline | None = None
    batches: list[Batch] = field(default_factory=list)
    """The first headline pass, batch by batch."""
    samples: list[Sample] = field(default_factory=list)
    energy: Energy | None = None
    memory: Memory | None = None
    quality: Quality | None = None
    serving: Serving | None = None
    stages: Stages | None = None
    """Null where the protocol does not ask for it."""
    layers: Layers | None = None
    layers_absent: str | None = None
    """Why layers were asked for and could not be told."""
