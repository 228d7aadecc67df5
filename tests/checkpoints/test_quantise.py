"""Quantised weights are counted as what they are; without torchao they are a reason. int4 needs a GPU and was never run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from generation import answer

from vlm_profiling.checkpoints.errors import Unsupported
from vlm_profiling.checkpoints.loader import load_checkpoint
from vlm_profiling.checkpoints.quantise import quantised_modules, stored_dtype, tensor_bytes


def test_without_torchao_it_is_unsupported(project: Path, manifests, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(Unsupported, match="quantisation int8: the package torchao is not installed"):
        load_checkpoint(manifests["llava"], project, device="cpu", dtype="bfloat16", attention="sdpa", quantisation="int8")


def test_plain_weights_are_none(loaded) -> None:
    assert quantised_modules(loaded.model) == 0
    assert tensor_bytes(torch.zeros(3, 5)) == 60
    assert stored_dtype(torch.zeros(1, dtype=torch.bfloat16)) == "bfloat16"


def test_int8_weights_answer_and_take_a_byte_each(project: Path, manifests, architecture: str, pictures, requests) -> None:
    pytest.importorskip("torchao", reason="torchao is not installed")
    loaded = load_checkpoint(
        manifests[architecture], project, device="cpu", dtype="bfloat16", attention="sdpa", quantisation="int8"
    )
    modules = loaded.model.named_modules()
    linear = {name: one for name, one in modules if isinstance(one, torch.nn.Linear) and not name.endswith("lm_head")}
    assert quantised_modules(loaded.model) == len(linear) > 0
    for module in linear.values():
        rows, columns = module.weight.shape
        assert rows * columns < tensor_bytes(module.weight) <= rows * columns + 8 * rows  # and scales, one a row
    assert {stored_dtype(parameter) for parameter in loaded.model.parameters()} == {"bfloat16", "Int8Tensor"}
    assert [len(ids) for ids in answer(loaded, pictures, requests, steps=3)] == [3, 3, 3, 3]


def test_int4_on_the_cpu_is_unsupported(project: Path, manifests) -> None:
    pytest.importorskip("torchao", reason="torchao is not installed")
    with pytest.raises(Unsupported, match="quantisation int4: torchao refuses"):
        load_checkpoint(manifests["llava"], project, device="cpu", dtype="bfloat16", attention="sdpa", quantisation="int4")
