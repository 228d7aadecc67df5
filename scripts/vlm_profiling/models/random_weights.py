"""Models with random weights, made from any config."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from transformers import AutoModelForImageTextToText, PreTrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from vlm_profiling.models.registry import family_for


def model_from_config(
    config: PreTrainedConfig,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    attention: str,
    seed: int = 0,
    draw_once: bool = False,
) -> PreTrainedModel:
    """A model with random weights, in evaluation mode, its weights without gradients.

    Args:
        config: The transformers config.
        device: Where the weights are drawn. On "meta" the model takes no memory.
        dtype: The dtype that they are drawn in: nothing is cast or copied.
        attention: The attention implementation, as transformers names it.
        seed: Of the weights.
        draw_once: Leaves out the drawing of torch's own layers, which transformers repeats: for large models.
            Tiny checkpoints draw twice, so that their bytes stay the same.
    """
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(seed)
        with no_init_weights() if draw_once else nullcontext():
            model = AutoModelForImageTextToText.from_config(
                config, dtype=dtype, attn_implementation=attention
            )
        if draw_once:
            model.init_weights()
        finish_random_weights(model)
    return model.eval().requires_grad_(False)


def finish_random_weights(model: PreTrainedModel) -> None:
    """Draw, in place and on their device, weights that transformers initialises as no published model has
    them.
    """
    family_for(model.config.model_type).finish_random_weights(model)
