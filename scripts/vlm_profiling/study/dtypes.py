"""Types of weights and activations that a study may ask for."""

from __future__ import annotations

ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
