"""Ways to store the weights of linear layers in fewer bits: what each is called, asks of a layer, and takes
in memory.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["int8", "int8-dynamic", "int4", "llm-int8", "nf4"]
"""Keys of SCHEMES."""
INT4_GROUPS = (128, 64, 32)
"""Weights of a row that share a scale and a zero point: the largest number that divides the row."""
NF4_BLOCK = 64
"""Weights that share a scale, as bitsandbytes has it by default."""
NF4_CODE_BYTES = 16 * 4
"""The sixteen values, kept beside each weight in float32."""
CPU_ROWS = {"int4": 16, "nf4": 32}
"""What the CPU's kernels pack together: torch's _convert_weight_to_int4pack_for_cpu, bitsandbytes' packing
for AVX-512.
"""


class Scheme(NamedTuple):
    """One way to store weights."""

    package: str
    stored: str
    """Name of the stored type in a record's dtypes."""
    operators: tuple[str, ...]
    """Those that read the stored weights; at least one of them must have run."""
    integer_products: bool
    """Activations are brought to int8 too, so that products are of integers."""


SCHEMES: dict[str, Scheme] = {
    "int8": Scheme("torchao", "int8", ("aten::_to_copy",), False),
    "int8-dynamic": Scheme("torchao", "int8", ("aten::_int_mm",), True),
    "int4": Scheme(
        "torchao", "int4", ("aten::_weight_int4pack_mm_for_cpu", "aten::_weight_int4pack_mm"), False
    ),
    "llm-int8": Scheme("bitsandbytes", "int8", ("bitsandbytes::int8_linear_matmul",), True),
    "nf4": Scheme("bitsandbytes", "nf4", ("bitsandbytes::gemv_4bit", "bitsandbytes::gemm_4bit"), False),
}
STORED = frozenset(scheme.stored for scheme in SCHEMES.values())


def refusal(kind: str, rows: int, columns: int, device: str) -> str | None:
    """Why a linear layer from `columns` to `rows` features stays as it is on "cpu" or "cuda"; None where it
    does not.

    No block of 4-bit weights spans two rows, on any device.
    """
    least = {"int4": INT4_GROUPS[-1], "nf4": NF4_BLOCK}.get(kind, 1)
    if columns % least:
        return f"{columns} input features are no multiple of {least}"
    if device == "cpu" and rows % CPU_ROWS.get(kind, 1):
        return f"{rows} output features are no multiple of {CPU_ROWS[kind]}"
    return None


def int4_group(columns: int) -> int:
    """Weights that share a scale in a row of so many, of which 32 is a divisor."""
    return next(group for group in INT4_GROUPS if columns % group == 0)


def stored_bytes(kind: str, rows: int, columns: int, item_bytes: int, device: str) -> int:
    """Bytes of a quantised weight with its scales, where a plain one has `item_bytes` an element.

    int8: a row has a scale in float32, and by torchao a zero point of a byte (none before 0.18). int4: a
    group has a scale and a zero point in the weight's own dtype; tinygemm on a GPU pads rows to 1024 and
    their number to 8. nf4: a block has a scale in float32.
    """
    elements = rows * columns
    if kind in ("int8", "int8-dynamic"):
        return elements + rows * (4 + 1)
    if kind == "llm-int8":
        return elements + rows * 4
    if kind == "nf4":
        return elements // 2 + elements // NF4_BLOCK * 4 + NF4_CODE_BYTES
    group = int4_group(columns)
    if device == "cuda":
        rows, columns = -(-rows // 8) * 8, -(-columns // 1024) * 1024
    return rows * columns // 2 + rows * columns // group * 2 * item_bytes
