"""The audit of answers that change with the batch size."""

from __future__ import annotations

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable

NAME = "batch invariance"
ASKS = "Do the answers equal those at the smallest batch size, or did padding or overflow change them?"

FEW = 0.05
"""The share of changed answers that rounding may explain: another batch size uses other kernels, which can
change the order of two nearly equal logits.
"""


def judge(context: Context) -> Finding:
    """The finding about each answer, compared with that at the smallest batch size."""
    record = context.record
    smallest = min(context.along("batch_size"), key=lambda sibling: sibling.point.batch_size)
    reference = smallest.point.batch_size
    if reference == record.point.batch_size:
        return not_applicable(NAME, f"no run with a batch size below {reference} to compare with")
    known = {sample.id: sample.answer for sample in smallest.samples}
    common = [sample for sample in record.samples if sample.id in known]
    if not common:
        return not_applicable(NAME, f"no sample in common with the run at batch size {reference}")
    changed = [sample.id for sample in common if sample.answer != known[sample.id]]
    words = f"{len(changed)} of {len(common)} answers differ from those at batch size {reference}"
    if changed:
        words += f", the first in sample {changed[0]}"
    return conclude(NAME, [Check(graded(len(changed) / len(common), 0, FEW), words, ("quality",))])
