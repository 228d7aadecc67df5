"""Whether answers stay the same when the batch grows."""

from __future__ import annotations

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable

NAME = "batch invariance"
ASKS = "Are the answers those of the smallest batch, or did padding or overflow change them?"

FEW = 0.05
"""Share of answers up to which a change may be rounding: another batch size takes other kernels, and near
ties flip.
"""


def judge(context: Context) -> Finding:
    """Each sample's answer against its answer in the smallest batch measured at otherwise the same settings."""
    record = context.record
    smallest = min(context.along("batch_size"), key=lambda sibling: sibling.point.batch_size)
    reference = smallest.point.batch_size
    if reference == record.point.batch_size:
        return not_applicable(NAME, f"no run with a batch below {reference} to compare with")
    known = {sample.id: sample.answer for sample in smallest.samples}
    common = [sample for sample in record.samples if sample.id in known]
    if not common:
        return not_applicable(NAME, f"no sample in common with the run of batch {reference}")
    changed = [sample.id for sample in common if sample.answer != known[sample.id]]
    words = f"{len(changed)} of {len(common)} answers differ from those of batch {reference}"
    if changed:
        words += f", first that of {changed[0]}"
    return conclude(NAME, [Check(graded(len(changed) / len(common), 0, FEW), words, ("quality",))])
