"""Qwen2.5-VL: pictures of any size, a grid of patches merged two by two (arXiv 2502.13923)."""

from __future__ import annotations

from transformers import BatchFeature, PreTrainedModel
from typing_extensions import override

from vlm_profiling.checkpoints.families.base import Family, Grid


class Qwen25VL(Family):
    """A picture keeps its aspect; it takes one position for each 2 x 2 patches."""

    name = "qwen2_5_vl"
    model_types = ("qwen2_5_vl",)
    picture_sizes = "native"

    @override
    def vision_grids(self, inputs: BatchFeature, pictures: int) -> list[Grid | None]:
        return [(rows, columns) for _, rows, columns in inputs["image_grid_thw"].tolist()]

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
