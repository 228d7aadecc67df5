"""Any other image-text-to-text model: what its processor and config tell, and the coarse stages."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from transformers import BatchFeature, GenerationMixin, PreTrainedConfig, PreTrainedModel, ProcessorMixin
from typing_extensions import override

from vlm_profiling.models.base import Family, Grid
from vlm_profiling.models.errors import Unsupported


class Generic(Family):
    """The chat template where the processor has one, else the request as it stands."""

    name = "generic"
    image_sizing = None

    def __init__(self, config: PreTrainedConfig, image_size_mode: str = "processor") -> None:
        super().__init__(config, image_size_mode)
        self._read: set[int] = set()
        """Numbers of images in a prompt that the processor was seen to read."""

    @override
    def prompt(self, processor: ProcessorMixin, request: str, images: int = 1) -> str:
        return super().prompt(processor, request, images) if processor.chat_template else request

    @override
    def arranged(self, images: list[list[Image.Image]]) -> list[Any]:
        return images  # processors of several images a row would take a flat list for one row

    @override
    def encode(
        self, processor: Any, images: list[list[Image.Image]], prompts: list[str], **settings: Any
    ) -> BatchFeature:
        """Raises Unsupported where the processor does not read several images in a prompt: nothing else tells
        before.
        """
        most = max(map(len, images))
        if most == 1:
            return super().encode(processor, images, prompts, **settings)
        try:
            if most not in self._read:
                self._refuse_unread(processor, images[0][0], most, settings)
                self._read.add(most)
            return super().encode(processor, images, prompts, **settings)
        except Unsupported:
            raise
        except (
            Exception
        ) as error:  # processors refuse in their own ways: ValueError, TypeError, template errors...
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise Unsupported(
                f"frames = {most}: the processor refuses so many images in a prompt: {reason}"
            ) from error

    def _refuse_unread(
        self, processor: Any, image: Image.Image, count: int, settings: dict[str, Any]
    ) -> None:
        """Raise Unsupported where a prompt has no more places for several images than for one. Tried once for
        each count.
        """
        one, several = (
            self.image_tokens(
                super(Generic, self).encode(
                    processor, [[image] * n], [self.prompt(processor, "?", n)], **settings
                )
            )
            for n in (1, count)
        )
        if 0 < several[0] <= one[0]:
            raise Unsupported(
                f"frames = {count}: the processor makes no more places in a prompt than for one image"
            )

    @property
    def image_token_id(self) -> int:
        """Id of the placeholder, or -1, an id that no prompt has, where images take no positions of the
        prompt.
        """
        return getattr(self.config, "image_token_id", getattr(self.config, "image_token_index", -1))

    @override
    def image_tokens(self, inputs: BatchFeature) -> list[int]:
        places = inputs.get("image_embeds_position_mask")  # Kosmos-2 names no placeholder
        return super().image_tokens(inputs) if places is None else places.sum(1).tolist()

    @override
    def vision_grids(self, inputs: BatchFeature, images: int) -> list[Grid | None]:
        """Known only where all images are of one size, cut into the config's patches."""
        vision = getattr(self.config, "vision_config", None)
        if self._one_size(inputs, images) and isinstance(getattr(vision, "patch_size", None), int):
            return super().vision_grids(inputs, images)
        return [None] * images

    @override
    def effective_sizes(self, inputs: BatchFeature, grids: list[Grid | None]) -> list[tuple[int, int] | None]:
        return (
            super().effective_sizes(inputs, grids)
            if self._one_size(inputs, len(grids))
            else [None] * len(grids)
        )

    @override
    def stage_modules(self, model: PreTrainedModel) -> dict[str, str]:
        encoder, decoder = self._vision_encoder(model), self._generating(model)
        return {encoder: "vision", decoder: "lm"} if encoder else {decoder: "lm"}

    @override
    def compile_targets(self, model: PreTrainedModel) -> list[str]:
        return list(self.stage_modules(model))

    def _one_size(self, inputs: BatchFeature, images: int) -> bool:
        pixels = inputs.get("pixel_values")
        return isinstance(pixels, torch.Tensor) and pixels.ndim == 4 and len(pixels) == images

    def _generating(self, model: PreTrainedModel) -> str:
        """Name of the module whose forward generate() calls: a language model inside that generates by
        itself, or the model.
        """
        return next(
            (name for name, module in model.named_modules() if name and isinstance(module, GenerationMixin)),
            "",
        )

    def _vision_encoder(self, model: PreTrainedModel) -> str | None:
        """Name of the module that the model itself calls its vision encoder; None where it names none."""
        encoder = model.get_encoder(modality="image")
        return next((name for name, module in model.named_modules() if module is encoder and name), None)
