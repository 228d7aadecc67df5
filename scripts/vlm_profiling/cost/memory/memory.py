"""Bytes that a model holds at its peak, as functions of a batch's size: light, no torch; allocations.py
counts them.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Live(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Bytes alive at one moment, `size` being the tokens of a padded prompt, or the patches of an image.

    rows x (row + row_size x size + row_square x size^2) + shared + shared_size x size + shared_square x
    size^2
    """

    row: int = 0
    row_size: int = 0
    row_square: int = 0
    """Attention scores, where the kernel keeps them."""
    shared: int = 0
    shared_size: int = 0
    shared_square: int = 0
    """What all rows share, such as T5's position bias."""

    def bytes_alive(self, rows: int, size: int) -> int:
        """Bytes of a batch."""
        per_row = self.row + self.row_size * size + self.row_square * size**2
        return rows * per_row + self.shared + self.shared_size * size + self.shared_square * size**2


class MemoryFunctions(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What a model holds. Of each stage, the moments that can be its peak: the largest one is."""

    weight_bytes: int
    """Parameters and buffers as they lie in memory, tied ones once."""
    vision: list[Live] = []
    """In patches; empty where the architecture has no vision encoder. The pixels it reads are in it."""
    held: Live
    """In patches: pixels, features and projected features, which stay while the language model reads the
    prompt.
    """
    project: list[Live]
    """In patches; pixels and features are in it."""
    prefill: list[Live]
    """In prompt tokens, beside `held`: embeddings, activations, logits, and the keys and values of all
    layers.
    """
    decode: list[Live]
    """In prompt tokens, beside `held` and the key-value cache: one step's activations and logits."""


KEEP_SCORES = ("eager", "sdpa-math")
"""Attention implementations that write their scores to memory."""


def memory_name(dtype: str, attention: str) -> str:
    """Which of a model's functions hold for a torch dtype and an attention implementation: "16-bit fused"."""
    return (
        f"{'32-bit' if dtype == 'float32' else '16-bit'} {'eager' if attention in KEEP_SCORES else 'fused'}"
    )


def largest(moments: Sequence[Live], rows: int, size: int) -> int:
    """The peak of a stage in bytes; 0 for a stage without moments."""
    return max((moment.bytes_alive(rows, size) for moment in moments), default=0)
