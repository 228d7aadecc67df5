"""The linear layers of a model whose weights may be quantised."""

from __future__ import annotations

from typing import Any

from torch import nn

HEAD = "lm_head"
"""Name of the output head, which is never quantised."""


def linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The linear layers that could be quantised, by name."""
    named = model.named_modules()
    return {
        name: one for name, one in named if isinstance(one, nn.Linear) and name.rpartition(".")[2] != HEAD
    }


def kept_by_class(model: nn.Module, name: str) -> str | None:
    """That the model's class keeps a layer in float32 (T5 casts its input to the dtype of the stored
    weights), or None.
    """
    asked: Any = getattr(model, "_keep_in_fp32_modules", None) or ()
    kept = sorted(set(asked).intersection(name.split(".")))
    return f"{' and '.join(kept)} is kept in float32 by the model's class" if kept else None
