"""Two sets of results compared run by run: before and after a driver update, on two GPUs, with two
optimizations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import msgspec

from vlm_profiling.errors import VlmError
from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import Entry, Estimate, marked_like
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.facts import run_facts
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Interval
from vlm_profiling.report.comparison.pairs import estimate_ratios
from vlm_profiling.statistics.compare import (
    LEAST_BAND,
    Assessment,
    Times,
    Verdict,
    assess,
    compare,
    mean_change,
    noise_band,
    ratio_verdict,
    widened,
)
from vlm_profiling.statistics.multiple_comparisons import ComparedValue, shared_drift, verdicts_together
from vlm_profiling.tables.results_folder import GridCell, Measured, Results

Quantity: TypeAlias = Literal["latency", "energy", "memory", "quality"]
QUANTITIES: tuple[Quantity, ...] = ("latency", "energy", "memory", "quality")
METRIC_IDS: Mapping[Quantity, str] = {
    "latency": "generate_s",
    "energy": "energy_per_sample_j",
    "memory": "peak_memory_bytes",
    "quality": "exact_match",
}
"""The metric of each quantity; for quality the data set's own metric goes before exact match."""
FAILURES = (*QUANTITIES, "ambiguous", "lost")
"""Conditions of the exit status: a quantity that got worse, an ambiguous change, results that were lost."""
ASKED = ("optimization.", "point.optimization")
"""Settings that differ because two optimizations are compared."""
IN_FACTS = ("environment", "protocol_version")
"""Parts of a run's identity that its facts contain as well."""


class NothingMatchesError(VlmError):
    """No run is on both sides; the message lists what each side has."""


@dataclass(frozen=True)
class Effect:
    """One quantity of a run: after over before; for quality, after minus before."""

    entry: Entry
    """With its interval (energy: the meters' uncertainty) and its assessment."""
    centre: float = 1.0
    """The value without a change: 1 for a ratio, 0 for a difference."""
    bounds: tuple[float, float] | None = None
    """The interval widened by the noise band, from which the verdict follows; None where either is missing.
    """
    band: float | None = None
    """Half-width of the noise band, relative."""

    def compared(self, band: float) -> ComparedValue | None:
        """As one of many comparisons, with this noise band; None for a value that chance cannot change."""
        if self.bounds is None or isinstance(self.entry, Absent) or self.entry.interval is None:
            return None
        low, high = (1 + end - self.centre for end in self.entry.interval)
        return ComparedValue(1 + self.entry.value - self.centre, (low, high), self.entry.n, band)


@dataclass(frozen=True)
class Pair:
    """A run on both sides."""

    before: Measured
    after: Measured
    effects: Mapping[Quantity, Effect]
    """Empty where a side has no results."""
    same_answers: tuple[int, int]
    """Answers whose text is the same, of how many asked on both sides."""

    @property
    def outcome(self) -> Literal["compared", "lost", "gained", "neither"]:
        """Whether both sides have results, or which one alone."""
        if self.before.cell.ok:
            return "compared" if self.after.cell.ok else "lost"
        return "gained" if self.after.cell.ok else "neither"


@dataclass(frozen=True)
class ResultsComparison:
    """All runs of two sides."""

    before: Results
    after: Results
    pairs: Sequence[Pair]
    alone: tuple[int, int]
    """Runs on one side only: before, after."""
    differences: Mapping[tuple[str, str, str], int]
    """What differs between the sides (name, before, after), and in how many runs."""
    optimizations: tuple[str, str] | None = None
    """The two that are compared; None where runs with the same one are."""

    @property
    def title(self) -> str:
        """The names of both sides; untrusted text."""
        names = self.after.name, self.before.name
        if self.optimizations is not None:
            return f"{names[1]}: {self.optimizations[1]} against {self.optimizations[0]}"
        return (
            f"{names[0]} against {names[1]}" if names[0] != names[1] else f"{names[0]}: after against before"
        )

    def failures(self, asked: Sequence[str]) -> list[tuple[Pair, str]]:
        """The runs of which one of these conditions (FAILURES) holds, and the condition in words.

        A quantity got worse where its change stands out from all comparisons of the quantities asked for,
        judged together: among a hundred runs a few would be called worse by chance alone.
        """
        found = [(pair, "lost") for pair in self.pairs if pair.outcome == "lost" and "lost" in asked]
        wanted: list[Quantity] = [quantity for quantity in QUANTITIES if str(quantity) in asked]
        beyond = self.beyond_chance(wanted)
        for quantity in QUANTITIES:
            for number, pair in enumerate(self.pairs):
                entry = pair.effects[quantity].entry if pair.effects else None
                if beyond.get((number, quantity)) == "worse":
                    found.append((pair, f"{quantity} worse"))
                elif "ambiguous" in asked and isinstance(entry, Estimate) and entry.verdict == "ambiguous":
                    found.append((pair, f"{quantity} ambiguous"))
        return found

    def beyond_chance(self, quantities: Sequence[Quantity]) -> dict[tuple[int, Quantity], Assessment]:
        """The assessments of all changes judged together, by the number of the pair and the quantity."""
        family: dict[tuple[int, Quantity], ComparedValue] = {}
        verdicts: dict[tuple[int, Quantity], Verdict] = {}
        drifts = self._shared_drifts()
        for number, pair in enumerate(self.pairs):
            for quantity in quantities if pair.effects else ():
                effect = pair.effects[quantity]
                compared = effect.compared(_shared_band(pair, drifts) if effect.band is not None else 0.0)
                if compared:
                    family[number, quantity] = compared
                elif effect.bounds is not None:
                    verdicts[number, quantity] = ratio_verdict(effect.bounds)
        verdicts |= dict(zip(family, verdicts_together(list(family.values())), strict=True))
        return {place: _assessed(place[1], verdict) for place, verdict in verdicts.items()}

    def _shared_drifts(self) -> dict[tuple[str, str], float]:
        """By side and device, what all its runs' repeats say of the machine."""
        own: dict[tuple[str, str], list[float]] = {}
        for pair in self.pairs:
            for side, measured in (("before", pair.before), ("after", pair.after)):
                if measured.cell.repeats_drift is not None:
                    own.setdefault((side, measured.cell.device), []).append(measured.cell.repeats_drift)
        return {place: shared_drift(drifts) for place, drifts in own.items()}


def _shared_band(pair: Pair, drifts: Mapping[tuple[str, str], float]) -> float:
    """The noise band of a pair where neither side is taken for quieter than its machine."""
    sides = (("before", pair.before.cell), ("after", pair.after.cell))
    before, after = (
        max(cell.repeats_drift or 0.0, drifts.get((side, cell.device), 0.0)) for side, cell in sides
    )
    return noise_band(before, after)


def compare_results(
    before: Results, after: Results, optimizations: tuple[str, str] | None = None
) -> ResultsComparison:
    """Two sides, matched by model, data set and point.

    Args:
        before: the results on one side.
        after: the results on the other.
        optimizations: where given, the first one's runs are matched with the second one's.

    Raises:
        NothingMatchesError: no run is on both sides.
    """
    first, second = before.cells, after.cells
    if optimizations is not None:
        first, second = _of_optimization(first, optimizations[0]), _of_optimization(second, optimizations[1])
    common = [spot for spot in first if spot in second]
    if not common:
        sides = f"{_holds('before', before)}\n{_holds('after', after)}"
        raise NothingMatchesError(f"no model, data set and point is on both sides.\n{sides}")
    pairs = [compare_pair(first[spot], second[spot]) for spot in common]
    found: Counter[tuple[str, str, str]] = Counter()
    for pair in pairs:
        changes = differences(pair.before.record, pair.after.record, asked=ASKED if optimizations else ())
        found.update(change for change in changes if pair.outcome == "compared" or "none" not in change[1:])
    return ResultsComparison(
        before, after, pairs, (len(first) - len(common), len(second) - len(common)), found, optimizations
    )


def compare_pair(before: Measured, after: Measured) -> Pair:
    """A run on both sides, paired by batch and by sample where both ran the same ones."""
    if not (before.cell.ok and after.cell.ok):
        return Pair(before, after, {}, (0, 0))
    answers = {sample.id: sample.answer for sample in before.record.samples}
    asked = [sample.answer == answers[sample.id] for sample in after.record.samples if sample.id in answers]
    effects: dict[Quantity, Effect] = {
        "latency": _latency(before, after),
        "energy": _energy(before, after),
        "memory": _memory(before, after),
        "quality": _quality(before, after),
    }
    return Pair(before, after, effects, (sum(asked), len(asked)))


def differences(
    before: RunRecord, after: RunRecord, asked: Sequence[str] = ()
) -> Iterator[tuple[str, str, str]]:
    """What differs between two runs, of their settings and of what they were made of: name, before, after.

    `asked` are the beginnings of names left out.
    """
    sides = [
        dict(run_facts(record))
        | {name: text for name, text in _settings(record.spec) if not name.startswith((*IN_FACTS, *asked))}
        for record in (before, after)
    ]
    for name in dict.fromkeys((*sides[0], *sides[1])):
        old, new = (side.get(name, "none") for side in sides)
        if old != new:
            yield name, old, new


def other_work(pair: Pair) -> bool:
    """Whether the sides read or wrote different numbers of tokens, so that their latencies are of different
    work.
    """
    cells = pair.before.cell, pair.after.cell
    works = [(cell.prompt_tokens_mean, cell.generated_tokens_mean) for cell in cells]
    return pair.outcome == "compared" and works[0] != works[1]


def _latency(before: Measured, after: Measured) -> Effect:
    found = compare(_times(after), _times(before))
    interval = found.interval and found.interval.bounds
    n = min(len(_times(before).seconds), len(_times(after).seconds))
    estimate = Estimate(
        found.ratio, interval, n, verdict=found.verdict and _assessed("latency", found.verdict)
    )
    return Effect(
        marked_like(estimate, (before.cell.estimate("generate_s"), after.cell.estimate("generate_s"))),
        1.0,
        found.bounds,
        found.band,
    )


def _energy(before: Measured, after: Measured) -> Effect:
    """The meters' uncertainties, widened by the noise of both runs, which energy follows."""
    entries = before.cell.estimate("energy_per_sample_j"), after.cell.estimate("energy_per_sample_j")
    ratio = marked_like(estimate_ratios(entries)[1], entries)
    drifts = before.cell.repeats_drift, after.cell.repeats_drift
    if isinstance(ratio, Absent) or ratio.interval is None or drifts[0] is None or drifts[1] is None:
        return Effect(ratio)
    band = noise_band(drifts[0], drifts[1])
    bounds = widened(Interval(mean=ratio.value, low=ratio.interval[0], high=ratio.interval[1]), band)
    return Effect(replace(ratio, verdict=_assessed("energy", ratio_verdict(bounds))), 1.0, bounds, band)


def _memory(before: Measured, after: Measured) -> Effect:
    """Bytes that torch allocated at its peak: a count, whose noise band is the smallest one."""
    old, new = before.cell.peak_allocated_bytes, after.cell.peak_allocated_bytes
    if not old or new is None:
        reasons = [
            row.record.memory.absent.get("peak_allocated_bytes")
            for row in (before, after)
            if row.record.memory
        ]
        return Effect(Absent(next(filter(None, reasons), "no reason recorded")))
    bounds = new / old - LEAST_BAND, new / old + LEAST_BAND
    estimate = Estimate(new / old, verdict=_assessed("memory", ratio_verdict(bounds)))
    entries = before.cell.estimate("peak_memory_bytes"), after.cell.estimate("peak_memory_bytes")
    return Effect(marked_like(estimate, entries), 1.0, bounds, LEAST_BAND)


def _quality(before: Measured, after: Measured) -> Effect:
    """The data set's own metric where it has one, else exact match: after minus before, sample by sample."""
    entries = before.cell.estimate("exact_match"), after.cell.estimate("exact_match")
    for entry in entries:
        if isinstance(entry, Absent):
            return Effect(entry, 0.0)
    old, new = _scores(before.record), _scores(after.record)
    change = mean_change([new[name] - old[name] for name in new if name in old])
    if change is None:
        return Effect(Absent("fewer than two samples in common"), 0.0)
    bounds = change.bounds
    verdict = ratio_verdict((1 + change.low, 1 + change.high))
    n = sum(name in old for name in new)
    estimate = Estimate(change.mean, bounds, n, verdict=_assessed("quality", verdict))
    return Effect(marked_like(estimate, entries), 0.0, bounds)


def _times(measured: Measured) -> Times:
    """Batch times behind a run's latency: of full batches, or of the partial one where there is no other."""
    record = measured.record
    timed = record.timed_batches
    samples: dict[int, list[str]] = {number: [] for number in timed}
    for sample in record.samples:
        if sample.batch in samples:
            samples[sample.batch].append(sample.id)
    seconds = tuple(batch.generate_s for batch in timed.values())
    return Times(seconds, tuple(map(tuple, samples.values())), measured.cell.repeats_drift)


def _scores(record: RunRecord) -> dict[str, float]:
    own = any(sample.standard is not None for sample in record.samples)
    scores = ((sample.id, sample.standard if own else sample.exact_match) for sample in record.samples)
    return {name: float(score) for name, score in scores if score is not None}


def _assessed(quantity: Quantity, verdict: Verdict) -> Assessment:
    better = METRICS[METRIC_IDS[quantity]].better
    assert better is not None, "every quantity compared has a direction"
    return assess(verdict, better)


def _of_optimization(cells: Mapping[GridCell, Measured], name: str) -> dict[GridCell, Measured]:
    """The runs of one optimization, without its name."""
    return {
        (model, dataset, point.replaced(optimization="")): measured
        for (model, dataset, point), measured in cells.items()
        if point.optimization == name
    }


def _holds(side: str, results: Results) -> str:
    """What a side has, for an error message."""
    models, datasets, points = (
        list(dict.fromkeys(spot[number] for spot in results.cells)) for number in range(3)
    )
    settings = {
        axis: list(dict.fromkeys(str(getattr(point, axis)) for point in points))
        for axis in ("device", "optimization")
    }
    words = [
        ("models", models),
        ("data sets", datasets),
        ("devices", settings["device"]),
        ("optimizations", settings["optimization"]),
    ]
    return f"{side} ({results.name}): " + "; ".join(
        f"{name} {', '.join(map(str, values))}" for name, values in words
    )


def _settings(spec: str) -> Iterator[tuple[str, str]]:
    """Leaves of a run's specification: ("protocol.max_new_tokens", "50")."""
    yield from _leaves(msgspec.json.decode(spec), "")


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else key)
    else:
        yield name, "none" if value is None else str(value)
