"""A record as a few readable lines for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vlm_profiling.record.machine import Joules
from vlm_profiling.record.schema import RunRecord, Sample
from vlm_profiling.record.sections import Distribution, Interval
from vlm_profiling.record.telemetry import Telemetry


def summarise(record: RunRecord) -> str:
    """What was measured, what came out and how sure it is; or why there are no numbers."""
    return "\n".join(f"{label:<24}{text}" for label, text in _lines(record))


def _lines(record: RunRecord) -> Iterator[tuple[str, str]]:
    point = record.point
    yield "model", record.model
    yield "dataset", f"{record.dataset_name}, {record.dataset.samples if record.dataset else 0} samples"
    text = "text" if point.prompt_len is None else "text brought to"
    tokens = _setting(text, point.prompt_len or point.max_input_len, "tokens")
    sizes = f"{_setting('image', point.image_size, 'px')}, {tokens}"
    frames = f", {point.frames} frames" if point.frames > 1 else ""
    yield "point", f"{point.device}, {point.optimization}, batch {point.batch_size}, {sizes}{frames}"
    yield "status", record.status
    if record.failure:
        yield "reason", f"{record.failure.reason} ({record.failure.exception}, in {record.failure.stage})"
    if record.checkpoint:
        checkpoint = record.checkpoint
        dtypes = ", ".join(f"{name} {count:,}" for name, count in checkpoint.dtypes.items())
        yield "loaded", f"{checkpoint.architecture}, {dtypes} parameters, attention {checkpoint.attention}"
        if checkpoint.compiled_frames is not None:
            yield "compiled", f"{checkpoint.compiled_frames} graphs in {checkpoint.compile_s:.1f} s"
    if record.checkpoint and record.checkpoint.frames_as and record.samples:
        yield "frames", _frames(record.samples, record.checkpoint.frames_as)
    if record.warmup:
        shapes = (
            f"{record.warmup.shapes_run} of {record.warmup.shapes} shapes, " if record.warmup.shapes else ""
        )
        yield (
            "warm-up",
            f"{shapes}{record.warmup.batches} batches, {record.warmup.seconds:.2f} s, "
            f"stopped: {record.warmup.stopped}",
        )
    if record.headline:
        yield "generate", _latency(record.headline.generate)
        yield "end to end", _latency(record.headline.end_to_end)
        yield (
            "throughput",
            f"{record.headline.output_tokens_per_s:.1f} tokens/s, "
            f"{record.headline.samples_per_s:.2f} samples/s",
        )
    if record.repeats:
        repeats = record.repeats
        rounds = f"{repeats.rounds} rounds of {len(repeats.batches)} batches, stopped: {repeats.stopped}"
        yield (
            "repeat noise",
            f"{repeats.noise:.2%} from round to round, mean known to +-{repeats.half_width:.2%}, {rounds}",
        )
    elif "repeats" in record.absent:
        yield "repeat noise", f"none: {record.absent['repeats']}"
    if record.serving:
        yield "time to first token", _latency(record.serving.ttft, "ms")
    if record.serving and record.serving.tpot:
        yield "time per further token", _latency(record.serving.tpot, "ms")
    if record.energy:
        for device, joules in (("gpu", record.energy.gpu), ("cpu", record.energy.cpu)):
            yield (
                f"energy {device}",
                _joules(joules) if joules else f"none: {record.energy.absent.get(device, 'not measured')}",
            )
    if record.stage_energy:
        stages = record.stage_energy.stages.items()
        shares = ", ".join(
            f"{name} {stage.gross_j:.3g} J ({100 * stage.share:.0f} %)" for name, stage in stages
        )
        yield (
            "energy by stage",
            f"{shares} a batch; {record.stage_energy.against_headline:.2f} of the headline's",
        )
    elif "stage_energy" in record.absent:
        yield "energy by stage", f"none: {record.absent['stage_energy']}"
    if record.telemetry:
        yield "machine", _machine(record.telemetry)
    if record.memory:
        peaks = {
            "allocated": record.memory.peak_allocated_bytes,
            "reserved": record.memory.peak_reserved_bytes,
            "process": record.memory.peak_process_bytes,
        }
        told = [f"{name} {value / 2**20:,.0f} MiB" for name, value in peaks.items() if value is not None]
        if told:
            yield "peak memory", ", ".join(told)
        if record.memory.peaks_by_gpu:
            each = (f"{peak.peak_allocated_bytes / 2**20:,.0f}" for peak in record.memory.peaks_by_gpu)
            yield "peaks of GPUs", f"{' + '.join(each)} MiB allocated, each one's own peak"
    if record.quality and record.quality.wer is not None:
        quality = record.quality
        yield (
            "WER",
            f"{quality.wer:.3f}{_interval(quality.wer_interval)}, normalised {quality.wer_normalised:.3f}",
        )
        yield (
            "exact match",
            f"{quality.exact_match:.3f}{_interval(quality.exact_match_interval)}, n {quality.scored}",
        )
        if quality.standard:
            yield (
                quality.standard.metric.replace("_", " "),
                f"{quality.standard.value:.3f}{_interval(quality.standard.interval)}",
            )
    elif record.quality:
        yield "quality", "; ".join(sorted(set(record.quality.absent.values())))
    if record.layers:
        blocks: dict[str, float] = {}
        for layer in record.layers.layers:
            blocks[layer.block] = blocks.get(layer.block, 0.0) + layer.share
        shares = (
            f"{block} {100 * share:.0f} %"
            for block, share in sorted(blocks.items(), key=lambda item: -item[1])
        )
        yield (
            "layers",
            f"{', '.join(shares)} of generate(), "
            f"slowed to {record.layers.against_headline:.2f} of the headline's",
        )
    elif "layers" in record.absent:
        yield "layers", f"none: {record.absent['layers']}"


def _frames(samples: Sequence[Sample], frames_as: str) -> str:
    """How many frames were given of the videos, and how."""
    given = [sample.given_frames for sample in samples if sample.video_frames]
    held = [sample.video_frames for sample in samples if sample.video_frames]
    counts = [
        f"{min(numbers)} to {max(numbers)}" if min(numbers) < max(numbers) else str(max(numbers))
        for numbers in (given, held)
    ]
    how = (
        "as a video"
        if frames_as == "video"
        else "as an image"
        if max(given) == 1
        else "as several images in a prompt"
    )
    return f"{counts[0]} given of {counts[1]} in the file, {how}"


def _setting(name: str, value: int | None, unit: str) -> str:
    return f"{name} {value} {unit}" if value is not None else f"{name} as it comes"


def _latency(latency: Distribution, unit: str = "ms a batch") -> str:
    sampling = _interval(latency.sampling, scale=1e3)
    return (
        f"{latency.mean_s * 1e3:.2f} {unit}{sampling}, median {latency.median_s * 1e3:.2f} ms, n {latency.n}"
    )


def _interval(interval: Interval | None, scale: float = 1.0) -> str:
    return f" [{interval.low * scale:.3f}, {interval.high * scale:.3f}]" if interval else ""


def _machine(telemetry: Telemetry) -> str:
    parts = [f"SM clock {telemetry.sm_clock.mean_mhz:.0f} MHz"] if telemetry.sm_clock else []
    parts += [f"{telemetry.temperature.last_c:.0f} °C"] if telemetry.temperature else []
    parts += [
        f"{name} in {100 * share:.0f} % of samples" for name, share in (telemetry.clock_limits or {}).items()
    ]
    parts += [f"core clock {telemetry.cpu_clock.mean_mhz:.0f} MHz"] if telemetry.cpu_clock else []
    parts += (
        [f"others took {100 * telemetry.load_by_others.mean:.0f} % of the cores"]
        if telemetry.load_by_others
        else []
    )
    return ", ".join(parts) or "tells nothing"


def _joules(joules: Joules) -> str:
    return (
        f"{joules.per_sample_j:.3f} J a sample, {joules.per_token_j:.3f} J a token, {joules.mean_w:.1f} W"
        f" +- {100 * joules.relative_uncertainty:.1f} % ({joules.meter}, {joules.window_s:.1f} s)"
    )
