"""The figures that a check is there for, each with the bound it has to hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from statistics import median

from vlm_profiling.gpu_check.evidence import StudyEvidence
from vlm_profiling.gpu_check.facts import DecodeStep, DeviceFacts, Estimate, Overhead, Ratio
from vlm_profiling.record.schema import RunRecord

HEADLINE, STAGES, PARTS, METERS = 1.005, 1.02, 0.02, 0.02
LATENCY_AGAIN, ENERGY_AGAIN = 0.02, 0.03
EXPLAINED = 0.05
INITIALISED_S = 20.0


def measuring_s(record: RunRecord) -> float:
    """Seconds that a finished run spent in its passes: warm-up, headline and its energy window, repeats and
    stages.
    """
    assert record.status == "ok" and record.warmup and record.headline, record.failure
    seconds = record.warmup.seconds + record.headline.passes * sum(
        batch.end_to_end_s for batch in record.batches
    )
    if record.stages:
        seconds += sum(sum(stage) for stage in record.stages.seconds.values())
    if record.repeats:
        rounds = [
            *record.repeats.seconds[1:],
            *record.repeats.marked_seconds,
        ]  # the first round lies in the headline
        seconds += sum(map(sum, rounds))
    return seconds


def overhead_figures(overhead: Overhead | None) -> Iterator[Estimate]:
    """What the passes cost."""
    for name, ratio, bound in (
        ("headline pass / bare loop", overhead and overhead.headline, HEADLINE),
        ("stages pass / headline pass", overhead and overhead.stages, STAGES),
    ):
        words = f"{_ratio(ratio)} on {overhead.model}" if ratio and overhead else "not measured"
        yield Estimate(
            name=name, value=words, bound=f"<= {bound:g}", holds=ratio.median <= bound if ratio else None
        )
    if overhead:
        away = abs(overhead.stages_sum.median - 1)
        words = f"{_ratio(overhead.stages_sum)} on {overhead.model}"
        yield Estimate(
            name="sum of stages / end to end",
            value=words,
            bound=f"within {PARTS:.0%} of 1",
            holds=away <= PARTS,
        )


def record_figures(models: StudyEvidence) -> Iterator[Estimate]:
    """What the records of one study say, the worst of them each."""
    runs = models.finished
    yield _worst(
        "end to end in no stage",
        runs,
        lambda run: run.stages and abs(run.stages.unattributed_share),
        PARTS,
        f"<= {PARTS:.0%}",
    )
    yield _worst(
        "cost of marking stages, in runs",
        runs,
        lambda run: run.stages and run.stages.marking_cost and run.stages.marking_cost.mean - 1,
        STAGES - 1,
        f"<= {STAGES - 1:.0%}",
    )
    yield _worst("counter against integrated power", runs, _meters_apart, METERS, f"<= {METERS:.0%}")
    for name in ("mfu", "mbu"):
        rates = {f"{run.model} batch {run.point.batch_size}": _utilisation(models, run, name) for run in runs}
        known = {words: rate for words, rate in rates.items() if rate is not None}
        top = max(known, key=lambda words: known[words], default=None)
        value = f"at most {known[top]:.1%}, {top}" if top else "no datasheet of this device, or no run"
        yield Estimate(
            name=f"{name.upper()} by datasheet",
            value=value,
            bound="<= 100 %",
            holds=known[top] <= 1 if top else None,
        )
    yield _worst("repeat noise", runs, lambda run: run.repeats and run.repeats.noise, None, None)
    loads = {run.model: run.load_s for run in runs if run.load_s is not None}
    slowest = max(loads, key=lambda model: loads[model], default=None)
    yield Estimate(
        name="model initialised on the device",
        value=f"at most {loads[slowest]:.1f} s, {slowest}" if slowest else "no run",
        bound=f"<= {INITIALISED_S:.0f} s",
        holds=loads[slowest] <= INITIALISED_S if slowest else None,
    )


def decode_figure(models: StudyEvidence, step: DecodeStep | None) -> Estimate:
    """Whether the longer of bytes / measured bandwidth and the launches of a twin is the time of a decode
    step.

    Bytes: the model's weights and cache, from the roofline of its run at batch size 1.
    """
    bound = f"explained to {EXPLAINED:.0%}"
    if step is None:
        return Estimate(name="decode step, batch 1", value="not measured", bound=bound)
    name = f"decode step of {step.model}, batch 1"
    run = next(
        (run for run in models.finished if run.model == step.model and run.point.batch_size == 1), None
    )
    row = run and next(
        (row for row in models.roofline(run) if (row.stage, row.ceiling) == ("decode", "measured")), None
    )
    if run is None or row is None or row.memory_floor_s is None:
        return Estimate(name=name, value="no run, no cost or no ceilings", bound=bound)
    read_s = row.memory_floor_s / median(batch.generated_tokens - 1 for batch in run.batches)
    ratio = step.step_s / max(read_s, step.twin_step_s)
    words = (
        f"{step.step_s * 1e3:.2f} ms = {ratio:.3f} x the longer of {read_s * 1e3:.2f} ms (bytes / bandwidth) and "
        f"{step.twin_step_s * 1e3:.2f} ms (launches, by its twin); {_ratio(step.against_twin)} of the twin's"
    )
    if step.kernels_s is not None:
        words += f"; its {step.kernels:.0f} kernels take {step.kernels_s * 1e3:.2f} ms, bytes {read_s / step.kernels_s:.1%} of it"
    return Estimate(name=name, value=words, bound=bound, holds=abs(ratio - 1) <= EXPLAINED)


def again_figures(first: RunRecord | None, second: RunRecord | None) -> Iterator[Estimate]:
    """One cell measured twice, in two processes."""
    latency, energy = f"within {LATENCY_AGAIN:.0%}", f"within {ENERGY_AGAIN:.0%}"
    if not (first and second and first.headline and second.headline):
        yield Estimate(name="same cell twice, latency", value="not measured", bound=latency)
        return
    ratio = second.headline.generate.mean_s / first.headline.generate.mean_s
    words = f"{ratio:.4f} of the first, {first.model} batch {first.point.batch_size}"
    yield Estimate(
        name="same cell twice, latency", value=words, bound=latency, holds=abs(ratio - 1) <= LATENCY_AGAIN
    )
    joules = [run.energy.gpu for run in (first, second) if run.energy and run.energy.gpu]
    if len(joules) < 2:
        yield Estimate(name="same cell twice, energy", value="no GPU meter in both", bound=energy)
        return
    ratio = joules[1].per_sample_j / joules[0].per_sample_j
    holds = abs(ratio - 1) <= ENERGY_AGAIN
    yield Estimate(
        name="same cell twice, energy", value=f"{ratio:.4f} of the first", bound=energy, holds=holds
    )


def tiny_figures(tiny: StudyEvidence) -> Iterator[Estimate]:
    """Whether every optimization ended as an outcome, and compiled where it was to."""
    records = list(tiny.records.values())
    bad = [run for run in records if run.status not in ("ok", "unsupported")]
    words = f"{len(records)} cells, {sum(run.status == 'ok' for run in records)} ok"
    words += "".join(f"; {run.model} {run.point.optimization}: {run.status}" for run in bad)
    yield Estimate(
        name="tiny families", value=words, bound="ok or unsupported", holds=not bad if records else None
    )
    compiled = [run for run in tiny.finished if run.optimization.compile and run.checkpoint]
    graphs = [run.checkpoint.compiled_frames or 0 for run in compiled if run.checkpoint]
    value = f"{min(graphs)} to {max(graphs)} graphs in {len(graphs)} runs" if graphs else "no compiled run"
    yield Estimate(
        name="compile really compiled",
        value=value,
        bound=">= 1 graph",
        holds=min(graphs) > 0 if graphs else None,
    )


def device_figures(device: DeviceFacts | None, runs: list[RunRecord]) -> Iterator[Estimate]:
    """The machine's meters, the energy windows, and the share of a run's process that is measuring."""
    power = device and device.power
    if power:
        for name, updates in (
            ("energy counter", power.counter),
            ("present power", power.instant),
            ("shown power", power.usage),
        ):
            value = (
                f"{updates.median_s * 1e3:.0f} ms, {updates.n} updates"
                if updates
                else power.absent.get("counter", "unknown")
            )
            yield Estimate(name=f"update of the {name}", value=value)
        watts = [
            f"{value:.0f} W {when}"
            for value, when in ((power.idle_w, "idle"), (power.load_w, "under load"))
            if value
        ]
        yield Estimate(name="power", value=", ".join(watts) or "unknown")
        if power.load_counter_j and power.load_integrated_j:
            apart = power.load_integrated_j / power.load_counter_j - 1
            holds = abs(apart) <= METERS
            yield Estimate(
                name="counter under full load",
                value=f"{apart:+.2%} apart",
                bound=f"<= {METERS:.0%}",
                holds=holds,
            )
    elif device:
        yield Estimate(name="power", value=device.power_absent or "unknown")
    windows = [run.energy.gpu for run in runs if run.energy and run.energy.gpu]
    if windows:
        worst = max(joules.relative_uncertainty for joules in windows)
        value = f"{min(joules.window_s for joules in windows):.1f} s leave at most {worst:.2%}"
        yield Estimate(name="energy window", value=value, bound=f"<= {METERS:.0%}", holds=worst <= METERS)
    if device and runs:
        shares = [measuring_s(run) / (device.import_s + run.duration_s) for run in runs]
        value = (
            f"{min(shares):.0%} to {max(shares):.0%} of a run's process ({device.import_s:.1f} s of imports)"
        )
        yield Estimate(name="share of a job that is measuring", value=value)


def _worst(
    name: str,
    runs: Iterable[RunRecord],
    take: Callable[[RunRecord], float | None],
    limit: float | None,
    bound: str | None,
) -> Estimate:
    found = [(value, run) for run in runs if (value := take(run)) is not None]
    if not found:
        return Estimate(name=name, value="no run tells", bound=bound)
    value, run = max(found, key=lambda pair: pair[0])
    words = f"at most {value:.2%}, {run.model} batch {run.point.batch_size}"
    return Estimate(name=name, value=words, bound=bound, holds=None if limit is None else value <= limit)


def _meters_apart(run: RunRecord) -> float | None:
    joules = run.energy and run.energy.gpu
    return (
        abs(joules.second_meter_j / joules.gross_j - 1)
        if joules and joules.second_meter_j is not None
        else None
    )


def _utilisation(models: StudyEvidence, run: RunRecord, name: str) -> float | None:
    rates = [getattr(row, name) for row in models.roofline(run) if row.ceiling == "datasheet"]
    return max((rate for rate in rates if rate is not None), default=None)


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.median:.4f} [{ratio.low:.4f}, {ratio.high:.4f}], {ratio.pairs} pairs"
