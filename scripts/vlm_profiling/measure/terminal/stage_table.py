"""The stages of a run as a table for a terminal: where the time of a batch goes."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.record.breakdown import DECODE_FRAMES, SAMPLE_FRAMES, Stages
from vlm_profiling.record.sections import Distribution, Interval

HEADING = ("stage", "mean ms", "std", "min", "median", "max", "share")
BAR = 30
"""Characters of a stage that took all the time."""
COLOURS = {
    DECODE_FRAMES: 31,
    SAMPLE_FRAMES: 91,
    "preprocess": 36,
    "transfer": 34,
    "vision": 35,
    "project": 95,
    "prefill": 32,
    "decode": 33,
    "loop": 90,
    "detokenise": 94,
}
"""ANSI codes of the foreground (ECMA-48, select graphic rendition)."""


def stage_table(stages: Stages, *, coloured: bool) -> str:
    """One line a stage: its exclusive time per full batch and its share of the end-to-end time, with a bar.

    Below it the sum, what is in no stage, the absent stages, and the overhead of instrumentation.
    """
    return "\n".join(_lines(stages, coloured))


def _lines(stages: Stages, coloured: bool) -> Iterator[str]:
    yield _line(HEADING)
    for name, stage in stages.times.items():
        bar = "█" * round(BAR * stage.share) or "▏"
        line = _line(_row(name, stage.time, stage.share))
        yield f"{line}  {_painted(bar, COLOURS[name]) if coloured else bar}"
    yield _line(_row("end to end", stages.end_to_end, 1.0))
    yield f"in no stage: {100 * stages.unattributed_share:.2f} %"
    for name, reason in stages.absent.items():
        yield f"no {name}: {reason}"
    ratio = f"{stages.against_headline:.3f}{_interval(stages.against_headline_interval)}"
    yield f"generate() took {ratio} of the headline's"
    if cost := stages.instrumentation_overhead:
        yield f"instrumented and uninstrumented in turns it took {cost.mean:.3f}{_interval(cost)} of its time"


def _interval(interval: Interval | None) -> str:
    return f" [{interval.low:.3f}, {interval.high:.3f}]" if interval else ""


def _row(name: str, time: Distribution, share: float) -> tuple[str, ...]:
    figures = (time.mean_s, time.std_s, time.min_s, time.median_s, time.max_s)
    return (
        name,
        *("-" if figure is None else f"{figure * 1e3:.2f}" for figure in figures),
        f"{100 * share:.1f} %",
    )


def _line(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:<14}" + "".join(f"{cell:>10}" for cell in cells[1:])


def _painted(text: str, colour: int) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"
