"""From a manifest to a model and its processor, ready to generate on a device."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
    ProcessorMixin,
)
from transformers.utils.import_utils import is_torchvision_available

from vlm_profiling.engines.transformers.multi_gpu import draw_on_gpus, read_onto_gpus
from vlm_profiling.engines.transformers.quantise import Quantised, quantise
from vlm_profiling.models.base import Family
from vlm_profiling.models.errors import CheckpointError, Unsupported
from vlm_profiling.models.folders import check_weights
from vlm_profiling.models.identify import Handling, hub_folder
from vlm_profiling.models.random_weights import model_from_config
from vlm_profiling.models.registry import family_for
from vlm_profiling.record.manifests import CheckpointManifest


@dataclass
class LoadedCheckpoint:
    """A model ready to generate, with everything that turns images and text into its inputs and back."""

    model: PreTrainedModel
    processor: ProcessorMixin
    family: Family
    manifest: CheckpointManifest
    load_s: float
    """From the call to weights on the device, quantised where that was asked."""
    gpus: int = 0
    """GPUs that it lies on, from torch's first on; 0 on the CPU."""
    quantised: Quantised | None = None


def load_checkpoint(
    manifest: CheckpointManifest,
    project: Path,
    *,
    device: str,
    dtype: str,
    attention: str,
    quantisation: str | None = None,
    gpus: int = 1,
) -> LoadedCheckpoint:
    """The checkpoint that a manifest describes: safetensors only, remote code only where the manifest says
    so.

    The model is in evaluation mode on the device, in the torch dtype of that name, with the attention
    implementation asked; on the device cuda its layers are laid on torch's first `gpus` GPUs. Raises
    Unsupported when the model's class or this machine refuses the combination, CheckpointError when files are
    missing or do not hold all weights.
    """
    if device != "cuda":
        gpus = 0
    if quantisation and gpus > 1:
        raise Unsupported(
            f"quantisation {quantisation} with gpus: {gpus}: quantised layers are laid on one GPU only"
        )
    start = time.perf_counter()
    folder = _folder(manifest, project)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=manifest.trust_remote_code)
    family = family_for(manifest.model_type, manifest.family)(config, manifest.image_size_mode)
    processor = _load_processor(family, folder, manifest)
    implementation = (
        "sdpa" if attention.startswith("sdpa-") else attention
    )  # a forced kernel is the run's to set
    model = _load_model(folder, config, manifest, getattr(torch, dtype), implementation, device, gpus)
    family.adapt(model)
    quantised = quantise(model, quantisation) if quantisation else None
    for gpu in range(gpus):
        torch.cuda.synchronize(gpu)
    return LoadedCheckpoint(model, processor, family, manifest, time.perf_counter() - start, gpus, quantised)


def _folder(manifest: CheckpointManifest, project: Path) -> Path:
    if manifest.hub is not None:
        handling = Handling(trust_remote_code=manifest.trust_remote_code)
        return hub_folder(manifest.hub, manifest.revision, handling, local_only=True)
    folder = project / str(manifest.folder)
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"{manifest.source}: {manifest.folder} has no config.json any more; prepare the checkpoint again"
        )
    return folder


def _load_processor(family: Family, folder: Path, manifest: CheckpointManifest) -> ProcessorMixin:
    backend = manifest.processor_backend
    if backend == "auto":
        backend = "torchvision" if is_torchvision_available() else "pil"
    elif backend == "torchvision" and not is_torchvision_available():
        raise Unsupported("processor_backend torchvision: the package torchvision is not installed")
    try:
        processor = family.load_processor(
            folder, backend=backend, trust_remote_code=manifest.trust_remote_code
        )
    except ImportError as error:  # which names the package that a class lacks
        raise Unsupported(_one_line(error)) from error
    processor.tokenizer.padding_side = family.padding_side
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def _load_model(
    folder: Path,
    config: PreTrainedConfig,
    manifest: CheckpointManifest,
    dtype: torch.dtype,
    attention: str,
    device: str,
    gpus: int,
) -> PreTrainedModel:
    settings = {
        "dtype": dtype,
        "attn_implementation": attention,
        "trust_remote_code": manifest.trust_remote_code,
    }
    from_config = manifest.random_weights and not any(folder.glob("*.safetensors"))
    if not from_config:
        check_weights(folder)
    try:
        if from_config:
            if gpus > 1:
                return draw_on_gpus(config, range(gpus), settings)
            return model_from_config(config, device=device, dtype=dtype, attention=attention, draw_once=True)
        loaded: Any
        if gpus > 1:
            loaded = read_onto_gpus(folder, config, range(gpus), settings)
        else:
            loaded = AutoModelForImageTextToText.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **settings
            )
    except (ImportError, ValueError) as error:
        if re.search(r"attention|flash|sdpa", str(error), re.IGNORECASE):
            raise Unsupported(_one_line(error)) from error
        raise
    model: Any
    model, report = loaded
    if report["missing_keys"]:
        raise CheckpointError(
            f"{manifest.source}: no weights for {', '.join(sorted(report['missing_keys'])[:5])}"
        )
    if gpus <= 1:
        model = model.to(device)
    return model.eval().requires_grad_(False)


def _one_line(error: Exception) -> str:
    """First sentence of a library's error message."""
    return re.split(r"(?<=[a-z0-9`])\. |\n", str(error).strip())[0].rstrip(".")
