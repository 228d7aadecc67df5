"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns as wide as their longest entry; the last one as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        print(
            "  ".join(
                [*(text.ljust(width) for text, width in zip(row[:-1], widths, strict=True)), row[-1]]
            ).rstrip()
        )
