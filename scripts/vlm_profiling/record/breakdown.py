"""Sections of a record that tell what happens inside a batch: repeats, stages, first tokens, layers, joules
by stage.
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from vlm_profiling.record.sections import Distribution, Interval, Section

DECODE_FRAMES, SAMPLE_FRAMES = "decode frames", "sample frames"
"""Stages of videos alone: files to decoded frames, and those chosen to images."""
IMAGE_STAGES = ("preprocess", "transfer", "vision", "project", "prefill", "decode", "loop", "detokenise")
STAGES = (DECODE_FRAMES, SAMPLE_FRAMES, *IMAGE_STAGES)
"""Stages of a batch, in the order of the work; loop is the part of generate() outside the model, between and
after its steps.
"""
Block = Literal["attention", "mlp", "norm", "convolution", "embedding", "other"]


class Repeats(Section, kw_only=True):
    """A few full batches of the headline measured again and again: how far a figure moves with nothing
    changed.

    Never to be mixed with the sampling intervals, which say how far it would move with other samples.
    """

    batches: list[int]
    """Which batches, spread over the headline."""
    seconds: list[list[float]]
    """generate() uninstrumented, by round and batch. The first round lies inside the headline pass."""
    instrumented_seconds: list[list[float]] = field(default_factory=list)
    """The same with the stages instrumented, for each round but the first, right before or after it; empty
    without stages.
    """
    noise: float
    """Standard deviation of the rounds' means, relative to their mean."""
    drift: float
    """The part of it that the batches of a round share, which more batches would not average out."""
    half_width: float
    """Of the 95 % interval (Student) of the rounds' mean, relative."""
    rounds: int
    stopped: Literal["half width", "noise steady", "time budget"]


class StageTime(Section, kw_only=True):
    """A stage over the full batches of the stages pass."""

    time: Distribution
    """Exclusive time per batch: what runs inside another stage's module counts for the inner one alone."""
    share: float
    """Of the end-to-end time of the same batches."""


class Stages(Section, kw_only=True):
    """Where the time of a batch goes, from a pass of its own whose modules are instrumented."""

    times: dict[str, StageTime]
    """By name of STAGES, in their order. Prefill ends with the first token's logits."""
    end_to_end: Distribution
    """Of the same full batches, instrumentation included."""
    unattributed_share: float
    """Of the end-to-end time: in no stage."""
    against_headline: float
    """generate() of this pass over that of the headline pass, all batches: the instrumentation, and
    what changed between the passes.
    """
    against_headline_interval: Interval | None = None
    """95 % bootstrap interval over pairs of the same batch; null for a single batch."""
    instrumentation_overhead: Interval | None = None
    """generate() instrumented over uninstrumented, from the rounds of the repeats, which measure both right
    after one another, whatever else changed between the two passes. Null without repeats, or with a single
    pair."""
    seconds: dict[str, list[float]]
    """The time of each stage batch by batch, partial batch included, to the nanosecond."""
    absent: dict[str, str] = field(default_factory=dict)
    """Why a stage is not there."""


class Serving(Section, kw_only=True):
    """What a user of a server waits for, as vLLM defines it, per full batch; from the stages pass."""

    ttft: Distribution
    """Time to first token: from the images (or the videos' files) and text on the host to the id of the first
    token.
    """
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
    """Time inside generate() by layer, from a pass of its own that instruments leaf and attention modules."""

    batches: int
    """Full batches, over which the times are sums."""
    generate_s: float
    """generate() of these batches, instrumentation included."""
    stages_s: dict[str, float]
    """Exclusive time of each stage over these batches, in its layers and between them."""
    layers: list[LayerTime]
    coverage: float
    """Share of the generate() time inside instrumented layers; the rest runs between them."""
    against_headline: float
    """generate() of this pass over that of the headline pass, all batches: the overhead of instrumenting
    every layer.
    """
    against_headline_interval: Interval | None = None
