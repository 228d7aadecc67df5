"""Hints from the layers inside generate()."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.report.advice.base import MIN_SHARE, Hint, Subject, at_most, percent

MAX_COST = 1.25
"""generate() with its layers marked over generate() without, up to which the shares of layers are believed.
"""

CURES = {
    "attention": "Use a faster attention kernel",
    "mlp": "Quantise the feed-forward blocks, or give them fewer tokens",
    "norm": "Fuse the norms into their neighbours: compile",
    "convolution": "Make the convolutions faster: channels last, or fewer pixels",
    "embedding": "Make the embedding cheaper",
}
BETWEEN = "Fuse what runs between the layers (residuals, masks, reshapes, Python): compile"


def layer_limits(subject: Subject) -> Iterator[Hint]:
    """A block of layers of at least MIN_SHARE of the end-to-end time, and what lies between the layers."""
    rows, generate = subject.layers, subject.generate_share
    if not rows or generate is None or rows[0].layers_against_headline > MAX_COST:
        return
    marked = f"with every layer marked, when it takes {percent(rows[0].layers_against_headline)} of the headline's time"
    for block, cure in CURES.items():
        share = sum(row.share for row in rows if row.block == block)
        if share * generate >= MIN_SHARE:
            yield Hint(
                cure,
                at_most(share * generate),
                f"{block} layers take {percent(share)} of generate() {marked}",
            )
    between = 1 - rows[0].layers_coverage
    if between * generate >= MIN_SHARE:
        yield Hint(
            BETWEEN,
            at_most(between * generate),
            f"{percent(between)} of generate() lies between layers {marked}",
        )
