"""Tiny checkpoints of six architectures, randomly initialised, the same bytes each time.

A folder loads like any checkpoint of the hub, in a tenth of a second. The widths are small, everything else
is there: processor, chat template, special tokens, padding, windows and merging. End-of-sequence is never the
likeliest token, so that a run generates exactly as many tokens as it is asked for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.folders import whole_folder
from vlm_profiling.models.random_weights import model_from_config
from vlm_profiling.models.registry import FAMILIES
from vlm_profiling.models.synthetic import TinyCheckpoint
from vlm_profiling.study.errors import allowed_names

_TINY = {name: make for family in FAMILIES for name, make in family.tiny_checkpoints().items()}

TINY_ARCHITECTURES: tuple[str, ...] = tuple(_TINY)
"""Names that build_tiny_checkpoint takes."""


def build_tiny_checkpoint(architecture: str, folder: Path, seed: int = 0) -> None:
    """Write a tiny checkpoint into a folder: config, weights as safetensors (float32), processor.

    Args:
        architecture: One of TINY_ARCHITECTURES.
        folder: The folder to write. It appears whole, in the place of an older one; files have mode 0644.
        seed: Of the random weights.

    Raises:
        CheckpointError: The architecture is unknown.
    """
    if architecture not in _TINY:
        raise CheckpointError(
            f"unknown tiny architecture {architecture!r}; {allowed_names(TINY_ARCHITECTURES, architecture)}"
        )
    tiny = _TINY[architecture]()
    model = model_from_config(tiny.config, device="cpu", dtype=torch.float32, attention="sdpa", seed=seed)
    _silence_special_tokens(model, tiny)
    with whole_folder(folder) as temporary:
        model.save_pretrained(temporary)
        tiny.processor.save_pretrained(temporary)
        for name, settings in tiny.further_files.items():
            (temporary / name).write_text(json.dumps(settings, indent=2) + "\n")


def _silence_special_tokens(model: PreTrainedModel, tiny: TinyCheckpoint) -> None:
    """Zero the output head's rows of special tokens: their logit is 0, and the largest of hundreds of random
    ones is above.
    """
    tokenizer = tiny.processor.tokenizer
    vocabulary = tokenizer.get_vocab()
    special = {*tokenizer.added_tokens_decoder, *(vocabulary[piece] for piece in tiny.special_pieces)}
    head: Any = model.get_output_embeddings()
    head.weight[sorted(special)] = 0.0
