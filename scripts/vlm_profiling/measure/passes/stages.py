"""The stages pass: where the time of a batch goes, from images and text to answers, and when its first token
is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vlm_profiling.cost.counting.module_events import running_modules
from vlm_profiling.measure.passes.headline import InputBatch, Session
from vlm_profiling.measure.passes.instrumented import (
    InstrumentedBatch,
    headline_ratio,
    instrumented_batches,
    instruments_of,
)
from vlm_profiling.measure.passes.repeats import RepeatBlock
from vlm_profiling.measure.terminal.progress import progress
from vlm_profiling.record.breakdown import DECODE_FRAMES, SAMPLE_FRAMES, STAGES, Serving, Stages, StageTime
from vlm_profiling.record.schema import Batch, timed_batches
from vlm_profiling.statistics.summary import distribution


def stages_pass(
    session: Session,
    batches: Sequence[InputBatch],
    headline: Sequence[Batch],
    repeats: RepeatBlock | None = None,
) -> tuple[Stages, Serving]:
    """The stages of every batch, run once more with events at their borders.

    Args:
        session: the loaded model.
        batches: those of the headline.
        headline: the times of the same batches without instruments.
        repeats: their least number of rounds is spread over the pass, to include the machine's changes.

    Raises Unsupported where the engine has no instruments.
    """
    modules, absent = instruments_of(session).stage_labels()
    times, seconds, first_tokens = [], [], []
    for batch in progress(_with_rounds_between(session, batches, modules, repeats), len(batches), "stages"):
        times.append(batch.times)
        seconds.append(_stage_seconds(batch))
        first_tokens.append(batch.times.before_generate_s + batch.model.first_token_s)
    if not any("decode" in one for one in seconds):
        absent["decode"] = "answers of one token, which the prefill gives"
    return _stages(times, seconds, headline, absent), _serving(times, first_tokens)


def instrumented_seconds(session: Session, batches: Sequence[InputBatch]) -> list[float]:
    """The generate() time of each batch with the stages instrumented, s: a round of the repeats."""
    modules, _ = instruments_of(session).stage_labels()
    return [batch.times.generate_s for batch in instrumented_batches(session, batches, modules.items())]


def _with_rounds_between(
    session: Session, batches: Sequence[InputBatch], modules: dict[str, str], repeats: RepeatBlock | None
) -> Iterator[InstrumentedBatch]:
    """Every batch instrumented, in chunks of about equal length with an uninstrumented round of the repeats
    after each.
    """
    chunks = repeats.settings.min_rounds - 1 if repeats else 1
    for number in range(chunks):
        chunk = batches[len(batches) * number // chunks : len(batches) * (number + 1) // chunks]
        yield from instrumented_batches(session, chunk, modules.items())
        if repeats and not repeats.out_of_time:
            repeats.measure()


def _stage_seconds(batch: InstrumentedBatch) -> dict[str, float]:
    """Exclusive time of each stage of one batch, s."""
    times = batch.times
    seconds = {
        "preprocess": times.preprocess_s,
        "transfer": times.transfer_s,
        "detokenise": times.detokenise_s,
    }
    if times.decode_frames_s is not None and times.sample_frames_s is not None:
        seconds |= {DECODE_FRAMES: times.decode_frames_s, SAMPLE_FRAMES: times.sample_frames_s}
    for running, begin, end in running_modules(batch.model.events):
        stage = str(running[-1])
        seconds[stage] = seconds.get(stage, 0.0) + batch.model.seconds(begin, end)
    return seconds


def _stages(
    times: Sequence[Batch],
    seconds: Sequence[dict[str, float]],
    headline: Sequence[Batch],
    absent: dict[str, str],
) -> Stages:
    present = [stage for stage in STAGES if any(stage in one for one in seconds)]
    columns = {stage: [one.get(stage, 0.0) for one in seconds] for stage in present}
    full = timed_batches(times)
    total_s = sum(times[number].end_to_end_s for number in full)
    figures = {stage: [column[number] for number in full] for stage, column in columns.items()}
    ratio, interval = headline_ratio(times, headline)
    return Stages(
        times={
            stage: StageTime(time=distribution(values), share=sum(values) / total_s)
            for stage, values in figures.items()
        },
        end_to_end=distribution([times[number].end_to_end_s for number in full]),
        unattributed_share=1 - sum(map(sum, figures.values())) / total_s,
        seconds={stage: [round(value, 9) for value in column] for stage, column in columns.items()},
        against_headline=ratio,
        against_headline_interval=interval,
        absent=absent,
    )


def _serving(times: Sequence[Batch], first_tokens: Sequence[float]) -> Serving:
    full = timed_batches(times)
    per_token = [
        (times[number].end_to_end_s - first_tokens[number]) / (times[number].generated_tokens - 1)
        for number in full
        if times[number].generated_tokens > 1
    ]
    return Serving(
        ttft=distribution([first_tokens[number] for number in full]),
        tpot=distribution(per_token) if per_token else None,
        absent={} if per_token else {"tpot": "no answer is longer than one token"},
    )
