"""Any other image-text-to-text model: what its processor and config tell, and the coarse stages."""

from __future__ import annotations

from typing import Any

from PIL import Image
from transformers import BatchFeature, GenerationMixin, PreTrainedModel, ProcessorMixin
from typing_extensions import override

from vlm_profiling.checkpoints.families.base import Family, Grid


class Generic(Family):
    """The chat template where the processor has one, else the request as it stands."""

    name = "generic"
    picture_sizes = None

    @override
    def prompt(self, processor: ProcessorMixin, request: str) -> str:
        return super().prompt(processor, request) if processor.chat_template else request

    @override
    def arranged(self, pictures: list[Image.Image]) -> list[Any]:
        return [[picture] for picture in pictures]  # processors of several pictures a row would take a flat list for one row

    @property
    def image_token_id(self) -> int:
        """Id of the placeholder, or -1, an id that no prompt has, where pictures take no positions of the prompt."""
        return getattr(self.config, "image_token_id", getattr(self.config, "image_token_index", -1))

    @override
    def image_tokens(self, inputs: BatchFeature) -> list[int]:
        places = inputs.get("image_embeds_position_mask")  # Kosmos-2 names no placeholder
        return super().image_tokens(inputs) if places is None else places.sum(1).tolist()

    @override
    def vision_grids(self, inputs: BatchFeature) -> list[Grid | None]:
        """Known only where each row has one picture of the batch's size, cut into the config's patches."""
        vision = getattr(self.config, "vision_config", None)
        if self._one_size(inputs) and isinstance(getattr(vision, "patch_size", None), int):
            return super().vision_grids(inputs)
        return [None] * len(inputs["input_ids"])

    @override
    def effective_sizes(self, inputs: BatchFeature, grids: list[Grid | None]) -> list[tuple[int, int] | None]:
        return super().effective_sizes(inputs, grids) if self._one_size(inputs) else [None] * len(grids)

    @override
    def stage_modules(self, model: PreTrainedModel) -> dict[str, str]:
        encoder, decoder = self._vision_encoder(model), self._generating(model)
        return {encoder: "vision", decoder: "lm"} if encoder else {decoder: "lm"}

    @override
    def compile_targets(self, model: PreTrainedModel) -> list[str]:
        return list(self.stage_modules(model))

    def _one_size(self, inputs: BatchFeature) -> bool:
        pixels = inputs.get("pixel_values")
        return pixels is not None and pixels.ndim == 4 and len(pixels) == len(inputs["input_ids"])

    def _generating(self, model: PreTrainedModel) -> str:
        """Name of the module whose forward generate() calls: a language model inside that generates by itself, or the model."""
        return next((name for name, module in model.named_modules() if name and isinstance(module, GenerationMixin)), "")

    def _vision_encoder(self, model: PreTrainedModel) -> str | None:
        """Name of the module that the model itself calls its vision encoder; None where it names none."""
        encoder = model.get_encoder(modality="image")
        return next((name for name, module in model.named_modules() if module is encoder and name), None)
