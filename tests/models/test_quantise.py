"""Weights of every family stored in fewer bits: which layers, how many bytes, how near, and what is left and
why.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import get_args

import bitsandbytes
import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from generation import answer
from torch import nn

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.engines.transformers.quantise import quantise, quantised_modules
from vlm_profiling.engines.transformers.stored import (
    elements,
    is_quantised,
    stored_dtype,
    tensor_bytes,
    weight_bytes,
)
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.study.quantisation import SCHEMES, Kind, refusal, stored_bytes

KINDS = get_args(Kind)
ERROR = {"int8": 0.01, "int8-dynamic": 0.02, "int4": 0.1, "llm-int8": 0.02, "nf4": 0.12}
"""Of a product with weights of a normal distribution, relative, in the 2-norm. Half a step of an int8 row of
512 is about 0.4 %; 16 levels in blocks lose 6 to 9 %."""


def load(
    project: Path, manifests, architecture: str, kind: str | None, dtype: str = "bfloat16"
) -> LoadedCheckpoint:
    return load_checkpoint(
        manifests[architecture], project, device="cpu", dtype=dtype, attention="sdpa", quantisation=kind
    )


@pytest.fixture
def layers() -> nn.Module:
    """Two linear layers and a head, 512 to 1024 to 320 to 40 features, with normally distributed weights."""
    torch.manual_seed(0)
    model = nn.Sequential()
    for name, columns, rows in (("first", 512, 1024), ("second", 1024, 320), ("lm_head", 320, 40)):
        model.add_module(name, nn.Linear(columns, rows))
    return model.eval().requires_grad_(False)


def test_every_name_that_a_study_can_give_has_a_scheme() -> None:
    assert set(SCHEMES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_package_it_is_unsupported(
    kind: str, layers: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(
        Unsupported, match=f"quantisation {kind}: the package {SCHEMES[kind].package} is not installed"
    ):
        quantise(layers, kind)


def test_plain_weights_are_none(loaded: LoadedCheckpoint) -> None:
    assert quantised_modules(loaded.model) == 0 and loaded.quantised is None
    assert tensor_bytes(torch.zeros(3, 5)) == 60
    assert stored_dtype(torch.zeros(1, dtype=torch.bfloat16)) == "bfloat16"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", KINDS)
def test_products_stay_near_and_bytes_are_those_foretold(
    kind: str, dtype: torch.dtype, layers: nn.Module
) -> None:
    inputs = torch.randn(8, 512)
    exact = layers.first(inputs)
    layers.to(dtype)
    done = quantise(layers, kind)
    assert (done.linear_layers, done.left) == (2, {})
    assert done.backend == f"{SCHEMES[kind].package} {importlib.metadata.version(SCHEMES[kind].package)}"
    assert [is_quantised(one) for one in layers] == [True, True, False]  # the head stays
    for module in (layers.first, layers.second):
        rows, columns = module.out_features, module.in_features
        assert elements(module.weight) == rows * columns
        assert stored_dtype(module.weight) == SCHEMES[kind].stored
        assert tensor_bytes(module.weight) == stored_bytes(kind, rows, columns, dtype.itemsize, "cpu")
    product = layers.first(inputs.to(dtype)).float()
    assert 0 < (product - exact).norm() / exact.norm() < ERROR[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_answers_with_weights_in_fewer_bits(
    kind: str, architecture: str, project: Path, manifests, images, requests
) -> None:
    loaded = load(project, manifests, architecture, kind)
    model, done = loaded.model, loaded.quantised
    assert done is not None
    assert quantised_modules(model) == done.linear_layers - sum(done.left.values()) > 0
    dtypes = {stored_dtype(parameter) for parameter in model.parameters()}
    assert dtypes == {"bfloat16", SCHEMES[kind].stored}
    plain = load(project, manifests, architecture, None).model
    assert sum(map(elements, model.parameters())) == sum(map(torch.numel, plain.parameters()))
    before, after = map(weight_bytes, (plain, model))
    assert before == done.plain_weight_bytes > after
    assert [len(ids) for ids in answer(loaded, images, requests, steps=3)] == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("architecture", "left"),
    [
        ("blip2-opt", {"qformer"}),
        ("blip2-t5", {"qformer", "wo"}),
        ("instructblip-t5", {"wo"}),
        ("llava", set()),
    ],
)
def test_what_a_class_keeps_in_float32_is_left(
    architecture: str, left: set[str], project: Path, manifests
) -> None:
    """T5 casts what its `wo` reads to the dtype of the stored weights, which would make integers of it."""
    done = load(project, manifests, architecture, "int8").quantised
    assert done and set(done.left) == {f"{name} is kept in float32 by the model's class" for name in left}


def test_a_layer_whose_width_does_not_fit_is_left_by_name(project: Path, manifests) -> None:
    done = load(project, manifests, "fuyu", "nf4").quantised
    assert done and done.left == {"300 input features are no multiple of 64": 1}


def test_a_model_that_no_scheme_fits_is_unsupported_and_names_the_width() -> None:
    model = nn.Sequential(nn.Linear(48, 64), nn.Linear(64, 20)).requires_grad_(False)
    reason = (
        "it fits no linear layer: 48 input features are no multiple of 64; "
        "20 output features are no multiple of 32"
    )
    with pytest.raises(Unsupported, match=f"quantisation nf4: {reason}"):
        quantise(model, "nf4")


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_placed_by_accelerate_keeps_its_place(kind: str, layers: nn.Module) -> None:
    """A hook moves what a layer reads to the layer's GPU; bitsandbytes' layers take the place of those that
    have it.
    """
    add_hook_to_module(layers.second, AlignDevicesHook(execution_device="cpu"))
    quantise(layers, kind)
    assert layers.second(torch.ones(2, 1024)).shape == (2, 320)
    assert isinstance(layers.second._hf_hook, AlignDevicesHook)


def test_a_weight_made_of_parts_is_that_made_at_once(layers: nn.Module) -> None:
    """3072 x 2048 weights are two parts."""
    layers.first = nn.Linear(2048, 3072).requires_grad_(False)
    whole = bitsandbytes.nn.Params4bit(
        layers.first.weight.clone(), quant_type="nf4", compress_statistics=False
    ).to("cpu")
    quantise(layers, "nf4")
    weight = layers.first.weight
    assert torch.equal(weight.data, whole.data) and torch.equal(
        weight.quant_state.absmax, whole.quant_state.absmax
    )
    assert weight.quant_state.shape == whole.quant_state.shape


def test_on_a_gpu_rows_of_any_number_fit_and_tinygemm_pads() -> None:
    assert refusal("nf4", 20, 64, "cuda") is None and refusal("int4", 20, 64, "cuda") is None
    assert refusal("nf4", 20, 96, "cuda") == "96 input features are no multiple of 64"
    assert stored_bytes("int4", 4090, 4096, 2, "cuda") == 4096 * 4096 // 2 + 4096 * 32 * 4
    assert stored_bytes("int4", 64, 64, 2, "cuda") == 64 * 1024 // 2 + 64 * 1024 // 64 * 4
