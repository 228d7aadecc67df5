"""What another way to run a model does to its answers, as tables and pages tell it; quality/answers.py finds
it out.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import field

from vlm_profiling.record.schema import Metric
from vlm_profiling.record.sections import Interval, Section

Measure: TypeAlias = Literal["wer", "exact_match", "standard"]
MORE_IS_BETTER: dict[Measure, bool] = {"wer": False, "exact_match": True, "standard": True}
RANDOM = "not applicable: random weights"
"""The reason that stands in place of every change of quality, as in the record."""


class Drift(Section, kw_only=True):
    """Answers of a run beside those of the reference. Changes are after minus before, as shares (CIDEr-D: 0
    to 10).
    """

    common: int
    """Samples that both runs answered."""
    changed: int
    """Of them, those whose answer is another text."""
    changed_share: Interval
    """`changed` over `common`, with its 95 % interval over samples (none changed: the rule of three)."""
    words_in_common: float | None = None
    """Words before the first difference, median over changed answers. Records hold texts, not token ids."""
    wer_change: Interval | None = None
    """Of the corpus's raw word error rate: change of all edits over all reference words; bootstrap over
    samples.
    """
    exact_match_change: Interval | None = None
    """Of the share of exact matches, in which samples are paired; bootstrap over samples."""
    standard_metric: Metric | None = None
    """The data set's own metric."""
    standard_change: Interval | None = None
    """Of the data set's own metric, in which samples are paired; bootstrap over samples."""
    absent: dict[str, str] = field(default_factory=dict)

    def change(self, measure: Measure) -> Interval | None:
        """The change of one measure of quality; null where it has none."""
        return getattr(self, f"{measure}_change")


def beyond_chance(measure: Measure, bounds: tuple[float, float]) -> Literal["better", "worse"] | None:
    """What a change between two bounds is; null where no change lies between them."""
    low, high = bounds
    if low <= 0 <= high:
        return None
    return "better" if (low > 0) == MORE_IS_BETTER[measure] else "worse"
