"""Time by layer: what a block is, that times add up with what lies between layers, and where layers cannot be
told.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
from instrumented_modules import checkpoint_of
from torch import nn

from vlm_profiling.engines.transformers.layers import model_layers
from vlm_profiling.measure.passes.headline import InputBatch, Session, headline_pass
from vlm_profiling.measure.passes.layers import layers_pass
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.breakdown import Layers

MakeSession = Callable[..., tuple[Session, list[InputBatch]]]


def measure(session: Session, batches: list[InputBatch]) -> Layers:
    return layers_pass(session, batches, [result.times for result in headline_pass(session, batches)])


@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_every_leaf_that_works_is_a_layer_of_a_block(architecture: str, session_for: MakeSession) -> None:
    session, _ = session_for(architecture)
    model = checkpoint_of(session).model
    layers = dict(model_layers(model))
    leaves = {name for name, module in model.named_modules() if not list(module.children())}
    assert all(
        isinstance(model.get_submodule(name), (nn.Dropout, nn.Identity)) for name in leaves - set(layers)
    )
    blocks = {layer.block for layer in layers.values()}
    assert {"attention", "mlp", "norm", "embedding"} <= blocks
    assert ("convolution" in blocks) == (architecture != "fuyu")
    others = {name for name, layer in layers.items() if layer.block == "other"}
    transformer_layers = {
        name for name in others if ".layers." in name or ".layer." in name or ".block." in name
    }
    assert transformer_layers == set()


@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_times_add_up_to_generate(architecture: str, session_for: MakeSession) -> None:
    layers = measure(*session_for(architecture, batch_size=2))
    assert layers.batches == 2
    assert 0.9 * layers.generate_s < sum(layers.stages_s.values()) <= layers.generate_s
    for stage, stage_s in layers.stages_s.items():
        assert 0 <= sum(layer.total_s for layer in layers.layers if layer.stage == stage) <= stage_s
    assert layers.coverage == pytest.approx(sum(layer.share for layer in layers.layers))
    assert 0.1 < layers.coverage < 1
    assert ("vision" in layers.stages_s) == (architecture != "fuyu")


@pytest.mark.usefixtures("controlled_time")
def test_a_slow_layer_stands_first_in_its_own_stage(
    session_for: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, batches = session_for(batch_size=4)
    convolution = next(
        module for module in checkpoint_of(session).model.modules() if isinstance(module, nn.Conv2d)
    )
    forward = convolution.forward

    def waiting(pixels: torch.Tensor) -> torch.Tensor:
        time.sleep(0.05)
        return forward(pixels)

    monkeypatch.setattr(convolution, "forward", waiting)
    slowest = measure(session, batches).layers[0]
    assert (slowest.stage, slowest.module, slowest.block) == ("vision", "Conv2d", "convolution")
    assert slowest.total_s == pytest.approx(0.05, abs=1e-3)


def test_a_compiled_model_has_no_layers_to_tell_apart(session_for: MakeSession) -> None:
    session, batches = session_for()
    checkpoint_of(session).model.model.vision_tower.compile()
    with pytest.raises(Unsupported, match="compiled"):
        layers_pass(session, batches, [])
