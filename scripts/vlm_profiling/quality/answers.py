"""The answers of one run against those of another, sample by sample: how a drift is found out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from statistics import median

from vlm_profiling.quality.drift import MORE_IS_BETTER, RANDOM, Drift
from vlm_profiling.quality.wer import WordEdits, word_edits
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.schema import RunRecord, Sample
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.compare import mean_change
from vlm_profiling.statistics.intervals import mean_interval, ratio_interval


def answer_drift(record: RunRecord, reference: RunRecord) -> Drift | Absent:
    """The answers of a run against those of another run of the same model and data set; or why there is
    nothing to compare.
    """
    known = {sample.id: sample for sample in reference.samples}
    pairs = [(known[sample.id], sample) for sample in record.samples if sample.id in known]
    if len(pairs) < 2:
        return Absent("fewer than two samples in common")
    changed = [(before, after) for before, after in pairs if before.answer != after.answer]
    share = mean_change([float(before.answer != after.answer) for before, after in pairs])
    assert share is not None, "two samples have an interval"
    drift = Drift(
        common=len(pairs),
        changed=len(changed),
        changed_share=Interval(mean=share.mean, low=max(0.0, share.low), high=share.high),
        words_in_common=median(_words_in_common(*pair) for pair in changed) if changed else None,
    )
    if record.checkpoint and record.checkpoint.random_weights:
        drift.absent |= {f"{measure}_change": RANDOM for measure in MORE_IS_BETTER}
        return drift
    _add_quality(drift, pairs)
    standard = record.quality.standard if record.quality else None
    drift.standard_metric = standard.metric if standard else None
    return drift


def _add_quality(drift: Drift, pairs: Sequence[tuple[Sample, Sample]]) -> None:
    scored = [pair for pair in pairs if None not in (pair[0].wer, pair[1].wer)]
    if len(scored) < 2:
        drift.absent |= {
            f"{measure}_change": "fewer than two scored samples in common" for measure in MORE_IS_BETTER
        }
        return
    edits = [(_edits(before), _edits(after)) for before, after in scored]
    if any(before.total != after.total for before, after in edits):
        changes = [after.total - before.total for before, after in edits]
        drift.wer_change = ratio_interval(changes, [before.reference_words for before, _ in edits])
    else:
        drift.absent["wer_change"] = "no sample's word errors changed"
    drift.exact_match_change = mean_change(
        [float(bool(after.exact_match)) - float(bool(before.exact_match)) for before, after in scored]
    )
    own = [(before.standard, after.standard) for before, after in scored]
    changes = [after - before for before, after in own if before is not None and after is not None]
    if len(changes) < 2:
        drift.absent["standard_change"] = "the data set has no standard metric"
    elif any(changes):
        drift.standard_change = mean_interval(changes)
    else:
        drift.absent["standard_change"] = "no sample's score changed"


def _edits(sample: Sample) -> WordEdits:
    return word_edits(sample.references[0], sample.answer)


def _words_in_common(before: Sample, after: Sample) -> int:
    words = zip(before.answer.split(), after.answer.split(), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], words))
