"""Fuyu: a decoder that takes patches of the image directly, row by row, without a vision encoder
(adept.ai/blog/fuyu-8b).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import BatchFeature, PreTrainedModel, ProcessorMixin
from typing_extensions import override

from vlm_profiling.models.base import Family, Grid
from vlm_profiling.models.stages import CostRules
from vlm_profiling.models.synthetic import FullSizeModel, TinyCheckpoint


class Fuyu(Family):
    """An image takes one position a patch and one more at the end of each row of patches."""

    name = "fuyu"
    model_types = ("fuyu",)
    image_sizing = "native"
    one_image = "the processor puts one image before a prompt"
    markers = (
        *("|SPEAKER|", "|NEWLINE|", "|ENDOFTEXT|", "<s>", "</s>", "<box>", "</box>", "<point>", "</point>"),
        *("<0x00>", "<0x01>", "<0x02>", "<0x03>", "<0x04>"),
    )

    @override
    @classmethod
    def cost_rules(cls) -> CostRules:
        from vlm_profiling.models.fuyu.cost import COST

        return COST

    @override
    @classmethod
    def tiny_checkpoints(cls) -> Mapping[str, Callable[[], TinyCheckpoint]]:
        from vlm_profiling.models.fuyu.tiny import TINY

        return TINY

    @override
    @classmethod
    def full_size_models(cls) -> Mapping[str, FullSizeModel]:
        from vlm_profiling.models.fuyu.full_size import FULL_SIZE

        return FULL_SIZE

    @override
    def load_processor(self, folder: Path, *, backend: str, trust_remote_code: bool) -> ProcessorMixin:
        processor = super().load_processor(folder, backend=backend, trust_remote_code=trust_remote_code)
        if backend == "pil":
            _accept_tensors(processor.image_processor)
        return processor

    @override
    def prompt(self, processor: ProcessorMixin, request: str, images: int = 1) -> str:
        return f"{request}\n"  # as the model card has it

    @override
    def encode(
        self, processor: Any, images: list[list[Image.Image]], prompts: list[str], **settings: Any
    ) -> BatchFeature:
        flat = self.arranged(images)
        inputs = processor(
            images=flat, text=prompts, return_tensors="pt", **settings, return_legacy_image_output=False
        )
        pixels = (
            "pixel_values" if "pixel_values" in inputs else "image_patches"
        )  # the latter up to transformers 5.22
        return BatchFeature({name: inputs[name] for name in ("input_ids", "attention_mask", pixels)})

    @override
    def vision_grids(self, inputs: BatchFeature, images: int) -> list[Grid | None]:
        return [_grid(row == self.image_token_id) for row in inputs["input_ids"]]

    @override
    def effective_sizes(self, inputs: BatchFeature, grids: list[Grid | None]) -> list[tuple[int, int] | None]:
        patch = self.config.patch_size
        return [grid and (grid[1] * patch, grid[0] * patch) for grid in grids]

    @override
    def stage_modules(self, model: PreTrainedModel) -> dict[str, str]:
        return {"model.vision_embed_tokens": "project", "": "lm"}

    @override
    def compile_targets(self, model: PreTrainedModel) -> list[str]:
        return [""]


def _grid(patches: torch.Tensor) -> Grid:
    """Rows, columns of a row's patch positions: each row of patches ends with one position that is none."""
    positions = patches.nonzero().flatten()
    columns = next(
        (n for n, step in enumerate(positions.diff().tolist(), start=1) if step > 1), len(positions)
    )
    return len(positions) // columns, columns


def _accept_tensors(image_processor: Any) -> None:
    """Let the image processor cut tensors into patches, as FuyuProcessor asks of it.

    transformers 5.23 hands tensors to the PIL backend's patchify_image, which takes arrays only (TypeError in
    transpose).
    """
    patchify_array = image_processor.patchify_image

    def patchify_image(image: Any, patch_size: Any = None) -> Any:
        if isinstance(image, torch.Tensor):
            return torch.from_numpy(patchify_array(image.numpy(), patch_size))
        return patchify_array(image, patch_size)

    image_processor.patchify_image = patchify_image
