"""An operator whose result's shape is known gives what it gives when it is worked out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation names it
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from vlm_profiling.cost.counting.meta_operators import KnownShapes


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(*shape, dtype=dtype, device="meta")


OPERATORS: dict[str, Callable[[], Any]] = {
    "sum of two dtypes": lambda: meta(2, 3) + meta(3, dtype=torch.float64),
    "product": lambda: meta(2, 3, dtype=torch.bfloat16) @ meta(3, 5, dtype=torch.bfloat16),
    "transposed": lambda: meta(3, 2).T * 2,
    "expanded": lambda: meta(1, 4).expand(5, 4) + 1,
    "several": lambda: F.layer_norm(meta(2, 7, 8), (8,), meta(8), meta(8)),
    "native": lambda: torch.native_layer_norm(meta(2, 7, 8), (8,), None, None, 1e-5),
    "softmax": lambda: meta(2, 8).softmax(-1, dtype=torch.float64),
    "convolution": lambda: F.conv2d(meta(1, 3, 8, 8), meta(4, 3, 2, 2), stride=2),
    "channels last": lambda: F.conv2d(
        meta(1, 3, 8, 8).to(memory_format=torch.channels_last), meta(4, 3, 2, 2)
    ),
    "joined": lambda: torch.cat([meta(2, 3), meta(4, 3)]),
    "split": lambda: meta(6, 2).split(2)[2],
    "view": lambda: meta(6, 2)[1:3],
    "changed in place": lambda: meta(3).add_(1),
    "largest": lambda: meta(3, 9).max(dim=1),
    "of a number": lambda: torch.full((2, 2), 1.0, device="meta"),
}


def facts(result: Any) -> list[tuple[Any, ...]]:
    """Everything there is to tensors without content."""
    return [
        (
            part.shape,
            part.stride(),
            part.dtype,
            part.device,
            part.storage_offset(),
            part.untyped_storage().nbytes(),
        )
        for part in (result if isinstance(result, tuple) else (result,))
    ]


@pytest.mark.parametrize("name", OPERATORS)
def test_each_time_is_as_without(name: str) -> None:
    run = OPERATORS[name]
    expected, kind = facts(run()), type(run())
    with torch.no_grad(), KnownShapes():
        for _ in range(3):
            assert facts(run()) == expected
            assert type(run()) is kind


def test_a_known_operator_is_not_worked_out_again() -> None:
    class Count(TorchDispatchMode):
        worked_out = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.worked_out += func in (torch.ops.aten.native_layer_norm.default, torch.ops.aten.mul.Tensor)
            return func(*args, **(kwargs or {}))

    with torch.no_grad(), Count() as below, KnownShapes(), Count() as above:
        for _ in range(5):
            F.layer_norm(meta(2, 8), (8,)).mul(2)
    assert (below.worked_out, above.worked_out) == (2, 10)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda: meta(3, dtype=torch.int64) * 2, lambda: meta(3, dtype=torch.int64) * 2.0),
        (lambda: meta(3, dtype=torch.bool) + True, lambda: meta(3, dtype=torch.bool) + 1),
        (lambda: meta(3, 4) + 1, lambda: meta(4, 3).T + 1),
        (lambda: meta(3) + meta(3), lambda: meta(3) + meta(3, dtype=torch.float64)),
        (lambda: meta(2, 3).sum(0), lambda: meta(2, 3).sum(1)),
    ],
    ids=["integer and float", "truth and integer", "strides", "dtype", "dimension"],
)
def test_arguments_that_differ_are_told_apart(
    first: Callable[[], Tensor], second: Callable[[], Tensor]
) -> None:
    expected = facts(first()), facts(second())
    assert expected[0] != expected[1]
    with KnownShapes():
        assert [(facts(first()), facts(second())) for _ in range(2)] == [expected] * 2


def test_the_default_dtype_counts() -> None:
    with KnownShapes():
        for dtype in (torch.float32, torch.float64, torch.float32):
            torch.set_default_dtype(dtype)
            try:
                assert (meta(3, dtype=torch.int64) / 2).dtype == dtype
            finally:
                torch.set_default_dtype(torch.float32)


def test_views_and_changes_in_place_keep_their_storage() -> None:
    with KnownShapes():
        for _ in range(2):
            whole = meta(6, 2)
            for part in (
                whole[2:],
                whole.view(12),
                whole.T,
                whole.add_(1),
                torch.ops.aten._unsafe_view(whole, [3, 4]),
            ):
                assert part.untyped_storage()._cdata == whole.untyped_storage()._cdata


def test_results_do_not_share_a_storage() -> None:
    with torch.no_grad(), KnownShapes():
        made = [meta(4) * 2 for _ in range(3)] + [
            *torch.native_layer_norm(meta(2, 8), (8,), None, None, 1e-5)
        ]
    assert len({tensor.untyped_storage()._cdata for tensor in made}) == 6


def test_tensors_with_values_are_always_computed() -> None:
    with KnownShapes():
        assert [(torch.tensor([number]) * 2).item() for number in (1, 2, 3)] == [2, 4, 6]
        assert [torch.arange(number).sum().item() for number in (3, 4)] == [3, 6]
