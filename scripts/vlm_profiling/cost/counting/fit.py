"""Exact coefficients of a cost function from a few counts, checked by one more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

from vlm_profiling.cost.functions import CostError

CHECK_ROWS = 2
"""Rows of the checking count, so that it also shows that the rows of a batch cost the same."""

Size = TypeVar("Size")


def fit(
    what: str,
    measure: Callable[[int, Size], int],
    terms: Callable[[Size], tuple[int, ...]],
    sizes: Sequence[Size],
    check: Size,
) -> list[int]:
    """Integer coefficients c such that `measure(rows, size)` is rows x the sum of c x `terms(size)`.

    `measure` is called once for each of `sizes` with one row, as many as there are terms, and once for
    `check` with CHECK_ROWS. Raises CostError naming `what` when no integer coefficients fit, or the check
    differs by a single unit.
    """
    coefficients = solve([terms(size) for size in sizes], [measure(1, size) for size in sizes])
    if any(coefficient.denominator != 1 for coefficient in coefficients):
        raise CostError(f"{what}: the counts at {list(sizes)} are not whole multiples of the expected terms")
    whole = [int(coefficient) for coefficient in coefficients]
    expected = CHECK_ROWS * sum(
        coefficient * term for coefficient, term in zip(whole, terms(check), strict=True)
    )
    counted = measure(CHECK_ROWS, check)
    if counted != expected:
        raise CostError(
            f"{what}: {counted} counted at {check} with {CHECK_ROWS} rows, "
            f"where the cost function says {expected}"
        )
    return whole


def solve(matrix: Sequence[Sequence[int]], values: Sequence[int]) -> list[Fraction]:
    """The exact solution of a square system of linear equations (Gauss-Jordan elimination over fractions).

    Raises CostError when the equations do not determine it.
    """
    rows = [[Fraction(number) for number in (*row, value)] for row, value in zip(matrix, values, strict=True)]
    for column in range(len(rows)):
        pivot = next((row for row in range(column, len(rows)) if rows[row][column]), None)
        if pivot is None:
            raise CostError("the sizes counted do not determine the cost function")
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [number / rows[column][column] for number in rows[column]]
        for other in range(len(rows)):
            if other != column:
                factor = rows[other][column]
                rows[other] = [
                    number - factor * lead for number, lead in zip(rows[other], rows[column], strict=True)
                ]
    return [row[-1] for row in rows]
