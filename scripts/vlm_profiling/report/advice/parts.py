"""Hints from the parts of the time: stages, layers, padding, and a GPU whose clock is limited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.report.advice.base import MIN_SHARE, Hint, Subject, at_most, is_sure, percent, seconds
from vlm_profiling.tables.part_rows import StageRow

REMEDIES = {
    "decode frames": (
        "Decode videos in parallel with the model's work, on more threads, in hardware, or from smaller files"
    ),
    "sample frames": "Convert fewer or smaller frames to images, or do it in parallel with the model's work",
    "transfer": "Copy less to the device, or from pinned memory while the device works",
    "vision": "Give the vision encoder fewer pixels, or use a faster encoder",
    "project": "Merge image tokens before the projector",
    "prefill": "Shorten the prompt: fewer image tokens, less text, or a prefix kept in the cache",
    "decode": "Read the weights for more answers at once: a larger batch, fewer bytes a weight, or several "
    "tokens a step",
    "loop": "Take Python out of the host loop: compile it, or replay CUDA graphs",
    "detokenise": "Turn tokens into text while the next batch runs",
}
"""What usually makes a stage shorter, by its id."""
MAX_OVERHEAD = 1.25
"""generate() with instrumented layers over generate() without, up to which shares of layers are used."""
BLOCK_REMEDIES = {
    "attention": "Use a faster attention kernel",
    "mlp": "Quantise the feed-forward blocks, or give them fewer tokens",
    "norm": "Fuse the norms with adjacent operations: compile",
    "convolution": "Make the convolutions faster: channels last, or fewer pixels",
    "embedding": "Make the embedding cheaper",
}
BETWEEN = "Fuse what runs between the layers (residuals, masks, reshapes, Python): compile"
HARMLESS = {"gpu_idle", "application_clocks", "display_clocks"}
"""Reasons of a lower clock that need no remedy: no work, or a clock that was asked for."""


def stage_limits(subject: Subject) -> Iterator[Hint]:
    """A stage of at least MIN_SHARE of the time, with the gain if it vanished."""
    for stage, row in subject.stages.items():
        if stage in REMEDIES and row.share >= MIN_SHARE:
            yield Hint(REMEDIES[stage], at_most(row.share), _evidence(row))


def preparation(subject: Subject) -> Iterator[Hint]:
    """Preparing images and text on the host, while the device waits."""
    row = subject.stages.get("preprocess")
    if row and row.share >= MIN_SHARE:
        slow = subject.row.checkpoint_processor or ""
        backend = (
            f"the image processor's torchvision backend instead of {slow}, " if slow.endswith("Pil") else ""
        )
        remedy = (
            f"Prepare inputs faster or beforehand: {backend}prepared images kept, the next batch while this "
            f"one runs"
        )
        yield Hint(remedy, at_most(row.share), _evidence(row))


def small_stages(subject: Subject) -> str:
    """The stages that are not worth an effort, with the gain of all of them together; empty without any."""
    small = [row for row in subject.stages.values() if row.share < MIN_SHARE]
    if not small:
        return ""
    names = ", ".join(f"{STAGES[row.stage].title} ({percent(row.share)})" for row in small)
    bound = at_most(_sum(small))
    return (
        f"Not worth an effort on their own: {names}; without all of them it would be at most {bound:.3g} "
        f"times as fast."
    )


def layer_limits(subject: Subject) -> Iterator[Hint]:
    """A block of layers of at least MIN_SHARE of the end-to-end time, and the time between the layers."""
    rows, generate = subject.layers, subject.generate_share
    if not rows or generate is None or rows[0].layers_against_headline > MAX_OVERHEAD:
        return
    overhead = percent(rows[0].layers_against_headline)
    measured = f"with every layer instrumented, when it takes {overhead} of its time in the headline pass"
    for block, remedy in BLOCK_REMEDIES.items():
        share = sum(row.share for row in rows if row.block == block)
        if share * generate >= MIN_SHARE:
            evidence = f"{block} layers take {percent(share)} of generate() {measured}"
            yield Hint(remedy, at_most(share * generate), evidence)
    between = 1 - rows[0].layers_coverage
    if between * generate >= MIN_SHARE:
        evidence = f"{percent(between)} of generate() is between layers {measured}"
        yield Hint(BETWEEN, at_most(between * generate), evidence)


def padding(subject: Subject) -> Iterator[Hint]:
    """FLOPs spent on padding and on rows that had already ended, as far as time follows FLOPs."""
    share, generate = subject.row.padding_share, subject.generate_share
    if share is None or generate is None or share * generate < MIN_SHARE:
        return
    if is_sure(subject.row.estimate("batch_flops")):
        yield Hint(
            "Sort samples by length before batching",
            at_most(share * generate),
            f"{percent(share)} of the FLOPs are padding, and the time of generate(), {percent(generate)} of "
            "the end-to-end time, may be proportional to them",
        )


def limited_clock(subject: Subject) -> Iterator[Hint]:
    """A GPU whose clock was limited by power or heat while it worked: the gain at its full clock."""
    row, generate = subject.row, subject.generate_share
    mean, full = row.telemetry_sm_clock_mean_mhz, row.environment_gpu_sm_clock_max_mhz
    if mean is None or full is None or generate is None:
        return
    limits = msgspec.json.decode(row.telemetry_clock_limits or "{}", type=dict[str, float])
    reasons = {name: share for name, share in limits.items() if name not in HARMLESS and share >= MIN_SHARE}
    lost = 1 - mean / full
    if reasons and lost * generate >= MIN_SHARE:
        named = ", ".join(f"{name} in {percent(share)} of the samples" for name, share in reasons.items())
        evidence = f"mean SM clock {mean:.0f} of {full:.0f} MHz: {named}"
        remedy = "Let the GPU keep its clock: cool it better, or raise its power limit"
        yield Hint(remedy, at_most(lost * generate), evidence)


def shared_processor(subject: Subject) -> str:
    """A caution for a CPU run whose cores other processes used; else empty."""
    share = subject.row.telemetry_load_by_others_mean
    if subject.row.device != "cpu" or share is None or share < MIN_SHARE:
        return ""
    return (
        f"Other processes kept {percent(share)} of the run's cores busy. Alone it would have "
        f"{at_most(share):.3g} times the processor time, and gain more than that where its threads wait for "
        "one another."
    )


def _evidence(row: StageRow) -> str:
    whole = seconds(row.end_to_end.value)
    part = seconds(row.time.value)
    return (
        f"{STAGES[row.stage].title} takes {percent(row.share)} of the end-to-end time ({part} of {whole} a "
        f"batch)"
    )


def _sum(rows: Sequence[StageRow]) -> float:
    return sum(row.share for row in rows)
