"""The schema of a run record. A quantity's name ends with its unit; one that could not be measured is null
and has its reason in `absent`, never a zero.

`SCHEMA_VERSION` is raised when old records can no longer be read; a new optional field raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

from msgspec import field

from vlm_profiling.record.breakdown import Layers, Repeats, Serving, Stages
from vlm_profiling.record.machine import Energy, Environment, Memory, StageEnergy
from vlm_profiling.record.sections import Distribution, Interval, Section
from vlm_profiling.record.telemetry import Telemetry
from vlm_profiling.study.point import Point

SCHEMA_VERSION = 2

Status = Literal["ok", "oom", "unsupported", "timeout", "error"]


class Failure(Section, kw_only=True):
    """Why a run has no numbers."""

    reason: str
    """One line a person can act on."""
    exception: str
    """Class of the exception, with its module."""
    stage: str
    """Where it happened: load, prepare, warm-up, headline, stages, repeats, memory, layers, kernels, trace or
    quality.
    """


class Optimization(Section, kw_only=True):
    """What the optimization's name asked for."""

    dtype: str
    attention: str
    compile: bool = False
    quantisation: str | None = None
    cache: str | None = None
    engine: str | None = None
    """The engine that loaded and ran the model; null: transformers."""


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
    weight_bytes_by_gpu: list[int] = field(default_factory=list)
    """The same on each of several GPUs, in the order of the environment's; empty for one device."""
    dtypes: dict[str, int]
    """Parameters by dtype really loaded: {"float16": 3744761856}; quantised ones as they are stored: int8,
    int4 or nf4.
    """
    quantised_modules: int = 0
    """Linear layers whose weights are stored as integers."""
    linear_layers: int | None = None
    """Linear layers but the output head, which could be quantised; null where that was not asked."""
    unquantised_layers: dict[str, int] | None = None
    """Of those, how many were left as they are, by the reason; null where it was not asked."""
    unquantised_bytes: int | None = None
    """Bytes of parameters and buffers before weights were quantised; null where it was not asked."""
    quantisation_backend: str | None = None
    """Package that quantised them, with its version."""
    quantisation_operators: dict[str, int] | None = None
    """Calls of the operators that read weights stored as integers, in a prefill and a decode step; null where
    none was asked.
    """
    attention: str
    """Attention implementation that the loaded model reports."""
    attention_kernels: dict[str, int] | None = None
    """Calls of each fused attention kernel in a prefill and a decode step: {"sdpa-flash": 10}; none of them
    with eager.
    """
    random_weights: bool = False
    compiled_frames: int | None = None
    """Graphs that torch.compile really compiled; null when compile was not asked."""
    graph_breaks: int | None = None
    """Places where torch.compile had to leave a graph and go on in Python."""
    compile_s: float | None = None
    """Time of the calls that compiled, kept out of every latency."""
    processor: str = ""
    """Class of the image processor, which tells its backend."""
    image_sizing: Literal["native", "interpolated", "fixed"] | None = None
    """What image_size can move: native (images of any size are encoded), interpolated (squares of image_size,
    the positions of the encoder interpolated), fixed (the processor brings all images to one size); null
    where a family does not know."""
    frames_as: Literal["images", "video"] | None = None
    """How frames of a video are given: images (several images in one prompt) or video (the family's own input
    of videos); null where samples are images."""
    absent: dict[str, str] = field(default_factory=dict)
    """Why a field is null though it was asked for, such as attention_kernels."""


class Dataset(Section, kw_only=True):
    """The samples asked about."""

    source: str
    revision: str | None = None
    content_sha256: str
    """Hash over the prepared samples and their images."""
    samples: int
    split: str | None = None
    """Split of the data set."""
    prompt: str | None = None
    """How its questions are worded, where there is a choice: lmms-eval or raw."""
    licence: str | None = None
    """As its source states it."""


class Warmup(Section, kw_only=True):
    """The discarded batches before the headline pass."""

    batches: int
    seconds: float
    cv: float | None = None
    """Coefficient of variation over the last window; null when fewer batches ran."""
    stopped: Literal["steady", "batch cap", "time cap"]
    shapes: int | None = None
    """Different shapes of the batches' inputs; null on a CPU, where they are not warmed one by one."""
    shapes_run: int | None = None
    """Of these, how many were run once before."""


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
    decode_frames_s: float | None = None
    """Videos' files to decoded frames, s; null where samples are images."""
    sample_frames_s: float | None = None
    """The frames chosen to images (RGB, upright), s; null where samples are images."""
    preprocess_s: float
    transfer_s: float
    generate_s: float
    detokenise_s: float
    end_to_end_s: float
    """decode frames + sample frames (where samples are videos) + preprocess + transfer + generate +
    detokenise of this batch.
    """

    @property
    def before_generate_s(self) -> float:
        """All that comes before generate()."""
        return (
            (self.decode_frames_s or 0.0)
            + (self.sample_frames_s or 0.0)
            + self.preprocess_s
            + self.transfer_s
        )


class _HasFull(Protocol):
    @property
    def full(self) -> bool: ...


AnyBatch = TypeVar("AnyBatch", bound=_HasFull)


def timed_batches(batches: Sequence[AnyBatch]) -> dict[int, AnyBatch]:
    """The batches that values per batch are of, by their position: the full ones, or the only partial one."""
    numbered = dict(enumerate(batches))
    return {number: batch for number, batch in numbered.items() if batch.full} or numbered


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
    """User-text tokens cut by max_input_len or prompt_len."""
    added_tokens: int = 0
    """User-text tokens added by prompt_len."""
    image_size: tuple[int, int]
    """Width, height of the image, or of a video's frames, in pixels, as it came."""
    given_frames: int = 1
    """Images given to the model: frames of a video, else 1."""
    video_frames: int | None = None
    """Frames that the video's file holds; null for an image."""
    encoded_images: int = 1
    """Images that the vision encoder encoded; of a native video fewer than its frames, where it takes several
    as one.
    """
    vision_grid: tuple[int, int] | None = None
    """Rows, columns of patches the vision encoder (Fuyu: the patch projection) really saw of each, before any
    merging.
    """
    effective_size: tuple[int, int] | None = None
    """Width, height in pixels the model really saw after its processor."""
    wer: float | None = None
    """Against the first reference, raw; null for an empty reference or random weights."""
    exact_match: bool | None = None
    standard: float | None = None
    """By the data set's standard metric; null where it has none, and where `wer` is."""


class Headline(Section, kw_only=True):
    """The uninstrumented pass: every published figure comes from here."""

    passes: int
    """How often all batches were run; more than once only to fill an energy window."""
    generate: Distribution
    """Latency of generate() per full batch: tokens on the device in, token ids out."""
    end_to_end: Distribution
    """Per full batch: images and text on the host in, answers out."""
    generate_per_sample: Distribution
    """generate() time of each full batch divided by its rows; the batch stays the unit of the interval."""
    output_tokens_per_s: float
    """All generated tokens divided by all end-to-end time."""
    output_tokens_per_s_interval: Interval | None = None
    """95 % bootstrap interval over batches; null for a single one, as is the next."""
    samples_per_s: float
    samples_per_s_interval: Interval | None = None
    partial_batch: Batch | None = None


Metric = Literal["vqa_accuracy", "choice_accuracy", "cider_d"]
"""Standard metrics of data sets."""


class Standard(Section, kw_only=True):
    """The figure that the data set's own benchmark publishes."""

    metric: Metric
    """vqa_accuracy, choice_accuracy or cider_d."""
    value: float
    """Mean over samples: a share of 1; CIDEr-D 0 to 10, which papers print x 100."""
    interval: Interval | None = None
    """95 % bootstrap interval over samples; CIDEr-D's document frequencies stay those of all samples."""


class Quality(Section, kw_only=True):
    """Answers against references, over the samples that have one."""

    wer: float | None = None
    """Corpus level, raw: all edits divided by all reference words, as the reference study."""
    wer_normalised: float | None = None
    """Corpus level after lower-casing and removing punctuation."""
    wer_normalised_interval: Interval | None = None
    """95 % bootstrap interval over samples of the corpus-level normalised WER."""
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
    standard: Standard | None = None
    bleu_4: float | None = None
    """Of captions, corpus level: a share of 1."""
    bleu_4_interval: Interval | None = None
    """95 % bootstrap interval over samples of the corpus-level BLEU-4."""
    rouge_l: float | None = None
    """Of captions, mean over samples: a share of 1."""
    rouge_l_interval: Interval | None = None
    """95 % bootstrap interval over samples of the mean ROUGE-L."""
    scored: int = 0
    empty_references: int = 0
    absent: dict[str, str] = field(default_factory=dict)


class RunRecord(Section, kw_only=True):
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
    stage_energy: StageEnergy | None = None
    """Null where the protocol does not ask for it."""
    telemetry: Telemetry | None = None
    memory: Memory | None = None
    quality: Quality | None = None
    repeats: Repeats | None = None
    serving: Serving | None = None
    stages: Stages | None = None
    """Null where the protocol does not ask for it."""
    layers: Layers | None = None
    absent: dict[str, str] = field(default_factory=dict)
    """Why a section that the protocol asks for is null: {"repeats": "repeats need two full batches"}."""

    @property
    def timed_batches(self) -> dict[int, Batch]:
        """The batches behind the latency, by their position: see `timed_batches`."""
        return timed_batches(self.batches)
