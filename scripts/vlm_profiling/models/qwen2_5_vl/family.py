"""Qwen2.5-VL: images of any size, a grid of patches merged two by two, and videos two frames a grid (arXiv
2502.13923).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from transformers import BatchFeature, PreTrainedModel
from typing_extensions import override

from vlm_profiling.models.base import Family, Grid
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.stages import CostRules
from vlm_profiling.models.synthetic import FullSizeModel, TinyCheckpoint


class Qwen25VL(Family):
    """An image keeps its aspect; it takes one position for each 2 x 2 patches, and as much as two frames of a
    video do.
    """

    name = "qwen2_5_vl"
    model_types = ("qwen2_5_vl",)
    image_sizing = "native"
    frames_as = "video"

    @override
    @classmethod
    def cost_rules(cls) -> CostRules:
        from vlm_profiling.models.qwen2_5_vl.cost import COST

        return COST

    @override
    @classmethod
    def tiny_checkpoints(cls) -> Mapping[str, Callable[[], TinyCheckpoint]]:
        from vlm_profiling.models.qwen2_5_vl.tiny import TINY

        return TINY

    @override
    @classmethod
    def full_size_models(cls) -> Mapping[str, FullSizeModel]:
        from vlm_profiling.models.qwen2_5_vl.full_size import FULL_SIZE

        return FULL_SIZE

    @override
    def encode_videos(
        self,
        processor: Any,
        videos: list[list[Image.Image]],
        prompts: list[str],
        seconds_apart: Sequence[float | None],
        **settings: Any,
    ) -> BatchFeature:
        """As transformers' video processor makes them, which needs torchvision, by way of the image
        processor.

        Frames are scaled as images are. The image processor fills both times of a patch with the one image it
        is given; of a video each time is taken from its own frame, and where the last one lacks a partner it
        stands for both.
        """
        cut = [self._grids(processor.image_processor, frames, settings) for frames in videos]
        merged = self.config.vision_config.spatial_merge_size**2
        token = processor.tokenizer.convert_ids_to_tokens(self.config.video_token_id)
        texts = []
        for prompt, (_, (times, rows, columns)) in zip(prompts, cut, strict=True):
            if prompt.count(token) != 1:
                raise Unsupported(
                    f"the chat template makes {prompt.count(token)} places for a video in a prompt"
                )
            texts.append(prompt.replace(token, token * (times * rows * columns // merged)))
        inputs = processor.tokenizer(texts, **self.text_options(processor, texts))
        ids = inputs["input_ids"]
        held = self.config.vision_config.temporal_patch_size
        return BatchFeature(
            {
                "input_ids": ids,
                "attention_mask": inputs["attention_mask"],
                "mm_token_type_ids": 2 * (ids == self.config.video_token_id),
                "pixel_values_videos": torch.cat([patches for patches, _ in cut]),
                "video_grid_thw": torch.tensor([grid for _, grid in cut]),
                # Numbers, not a tensor, which would be rounded to the run's dtype. Without them the model
                # assumes a second.
                "second_per_grid_ts": [
                    1.0 if seconds is None else held * seconds for seconds in seconds_apart
                ],
            }
        )

    def _grids(
        self, image_processor: Any, frames: list[Image.Image], settings: dict[str, Any]
    ) -> tuple[torch.Tensor, tuple[int, int, int]]:
        """Patches of a video (grids x rows x columns, channels x times x patch x patch), and its grids, rows,
        columns.
        """
        held, patch = self.config.vision_config.temporal_patch_size, self.config.vision_config.patch_size
        cut = image_processor(images=frames, return_tensors="pt", **settings)
        sizes = {tuple(grid[1:]) for grid in cut["image_grid_thw"].tolist()}
        if len(sizes) > 1:
            raise Unsupported(f"frames of one video in {len(sizes)} sizes")
        ((rows, columns),) = sizes
        pixels = cut["pixel_values"].reshape(len(frames), rows * columns, -1, held, patch, patch)
        pixels = torch.cat([pixels, pixels[-1:].expand(-len(frames) % held, *pixels.shape[1:])])
        by_grid = pixels.unflatten(0, (-1, held))
        own = torch.stack([by_grid[:, time, :, :, time] for time in range(held)], dim=3)
        return own.flatten(0, 1).flatten(1), (len(own), rows, columns)

    @override
    def encoded_images(self, inputs: BatchFeature, frames: list[int]) -> list[int]:
        return [times for times, _, _ in self._times_rows_columns(inputs)]

    @override
    def image_tokens(self, inputs: BatchFeature) -> list[int]:
        ids = inputs["input_ids"]
        return ((ids == self.config.image_token_id) | (ids == self.config.video_token_id)).sum(1).tolist()

    @override
    def vision_grids(self, inputs: BatchFeature, images: int) -> list[Grid | None]:
        return [
            (rows, columns) for times, rows, columns in self._times_rows_columns(inputs) for _ in range(times)
        ]

    @staticmethod
    def _times_rows_columns(inputs: BatchFeature) -> list[list[int]]:
        """Of each row's video, or of its image, which is of one time."""
        return inputs["video_grid_thw" if "video_grid_thw" in inputs else "image_grid_thw"].tolist()

    @override
    def effective_sizes(self, inputs: BatchFeature, grids: list[Grid | None]) -> list[tuple[int, int] | None]:
        patch = self.config.vision_config.patch_size
        return [grid and (grid[1] * patch, grid[0] * patch) for grid in grids]

    @override
    def stage_modules(self, model: PreTrainedModel) -> dict[str, str]:
        return {"model.visual": "vision", "model.visual.merger": "project", "": "lm"}

    @override
    def compile_targets(self, model: PreTrainedModel) -> list[str]:
        return ["model.visual", ""]
