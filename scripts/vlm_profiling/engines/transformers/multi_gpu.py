"""A model laid on several GPUs: each part read or drawn on its own, accelerate's hooks handing tensors from
one to the next.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn
from transformers import AutoModelForImageTextToText, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from vlm_profiling.engines.transformers.placement import place_blocks
from vlm_profiling.models.random_weights import finish_random_weights

GpuLike: TypeAlias = int | torch.device
"""An index of torch.cuda, or another device in its place."""
Settings: TypeAlias = Mapping[str, Any]
"""dtype, attn_implementation and trust_remote_code, as from_pretrained takes them."""


def read_onto_gpus(
    folder: Path, config: PreTrainedConfig, gpus: Sequence[GpuLike], settings: Settings
) -> tuple[Any, Any]:
    """Model and loading report of AutoModelForImageTextToText.from_pretrained, every tensor read onto its own
    GPU.

    Raises Unsupported for a model with fewer layers than GPUs.
    """
    placed = _placed(_shape(config, settings), gpus)
    loaded: Any
    with _without_key_warning():
        loaded = AutoModelForImageTextToText.from_pretrained(
            folder, device_map=placed, use_safetensors=True, output_loading_info=True, **settings
        )
    model, report = loaded
    _answer_where_asked(model)
    return model, report


def draw_on_gpus(config: PreTrainedConfig, gpus: Sequence[GpuLike], settings: Settings) -> PreTrainedModel:
    """A model with random weights, every tensor drawn on its own GPU: the seeds' of each, not those of one
    GPU.

    Raises Unsupported for a model with fewer layers than GPUs.
    """
    from accelerate import dispatch_model

    model = _shape(config, settings)
    placed = _placed(model, gpus)
    _allocate(model, placed)
    seeded = [torch.device("cuda", gpu) for gpu in gpus if isinstance(gpu, int)]
    with torch.random.fork_rng(devices=seeded), _without_key_warning():
        torch.manual_seed(0)
        model.init_weights()
        finish_random_weights(model)
        where: dict[str, Any] = {"device_map": placed, "main_device": gpus[0]}
        dispatch_model(model, **where, skip_keys=list(model._skip_keys_device_placement or ()))
    _answer_where_asked(model)
    return model.eval().requires_grad_(False)


def _shape(config: PreTrainedConfig, settings: Settings) -> PreTrainedModel:
    """The config's model on the meta device: no memory, no weights, tied ones tied, nothing marked as
    initialised.
    """
    with torch.device("meta"), no_init_weights():
        model = AutoModelForImageTextToText.from_config(copy.deepcopy(config), **settings)
        model.tie_weights()
    return model


def _placed(model: PreTrainedModel, gpus: Sequence[GpuLike]) -> dict[str, GpuLike]:
    return {name: gpus[place] for name, place in place_blocks(model, len(gpus)).items()}


def _allocate(model: PreTrainedModel, placed: Mapping[str, GpuLike]) -> None:
    """Give every tensor of a model on the meta device memory on its own GPU, tied ones once."""
    allocated: dict[int, torch.Tensor] = {}
    for path, module in model.named_modules():
        held: list[dict[str, Any]] = [module._parameters, module._buffers]
        for tensors in held:
            for own, tensor in tensors.items():
                if tensor is not None:
                    name = f"{path}.{own}" if path else own
                    part = next(part for part in placed if f"{name}.".startswith(f"{part}."))
                    if id(tensor) not in allocated:
                        empty = torch.empty_like(tensor, device=placed[part])
                        allocated[id(tensor)] = (
                            nn.Parameter(empty) if isinstance(tensor, nn.Parameter) else empty
                        )
                    tensors[own] = allocated[id(tensor)]


def _answer_where_asked(model: PreTrainedModel) -> None:
    """Let a language model inside that generates by itself (BLIP-2's) give its logits on the GPU that its
    inputs came from.

    generate() compares them with ids there. accelerate sees to it for the whole model alone.
    """
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    for name, module in model.named_modules():
        if name and isinstance(module, GenerationMixin) and not hasattr(module, "_hf_hook"):
            language_model: Any = module
            first = language_model.get_input_embeddings()
            skipped: Any = model._skip_keys_device_placement
            add_hook_to_module(
                language_model, AlignDevicesHook(first.weight.device, io_same_device=True, skip_keys=skipped)
            )
            placed: Any = model.hf_device_map
            placed[name] = first.weight.device


@contextmanager
def _without_key_warning() -> Iterator[None]:
    """accelerate warns of parts that are single tensors, such as BLIP-2's query_tokens, and places them all
    the same.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The following device_map keys do not match any submodules")
        yield
