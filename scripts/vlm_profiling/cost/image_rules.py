"""How a checkpoint's processor cuts images, from its config and its image processor's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import structs

from vlm_profiling.cost.image_tokens import Images

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

Settings = Mapping[str, Any]


def processor_images(
    config: PreTrainedConfig, settings: Settings, image_size_mode: str = "processor"
) -> Images:
    """The rule of a model type in cost.stages.STAGES. `settings` are the image processor's in the
    checkpoint's own file.
    """
    images = _RULES[config.model_type](config, settings)
    if image_size_mode == "interpolate":
        vision: Any = config.vision_config
        follow = 1 if config.model_type == "llava" else 0  # a Q-Former makes as many tokens of any image
        return structs.replace(images, patch=vision.patch_size, tokens_a_patch=follow)
    return images


def _queries(config: Any, _settings: Settings) -> Images:
    side = config.vision_config.image_size // config.vision_config.patch_size
    return Images(grid=(side, side), tokens=config.num_query_tokens)


def _patches(config: Any, _settings: Settings) -> Images:
    side = config.vision_config.image_size // config.vision_config.patch_size
    class_token = 0 if config.vision_feature_select_strategy == "default" else 1
    return Images(grid=(side, side), tokens=side**2 + class_token)


def _canvas(config: Any, settings: Settings) -> Images:
    return Images(canvas=(settings["size"]["width"], settings["size"]["height"]), patch=config.patch_size)


def _area(config: Any, settings: Settings) -> Images:
    """Revisions of the hub name the bounds min_pixels and max_pixels, newer ones shortest_edge and
    longest_edge.
    """
    size = settings.get("size") or {}
    least = settings.get("min_pixels") or size["shortest_edge"]
    most = settings.get("max_pixels") or size["longest_edge"]
    vision = config.vision_config
    return Images(
        area=(least, most),
        patch=vision.patch_size,
        merge=vision.spatial_merge_size,
        frames=vision.temporal_patch_size,
    )


_RULES: dict[str, Callable[[Any, Settings], Images]] = {
    "blip-2": _queries,
    "instructblip": _queries,
    "llava": _patches,
    "fuyu": _canvas,
    "qwen2_5_vl": _area,
}
"""By model_type of config.json."""
