"""Processors without their part for videos, which needs torchvision even where no video is ever given."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from transformers import ProcessorMixin
from typing_extensions import override

VIDEO = "video_processor"


class NoVideos:
    """Stands where some classes look for settings about videos on their way to a prompt without any: each is
    None.
    """

    def __getattr__(self, setting: str) -> None:
        if setting.startswith("__"):
            raise AttributeError(setting)


@cache
def image_only(processor: type[ProcessorMixin]) -> type[ProcessorMixin]:
    """The class without its part for videos; the class itself where it has none."""
    parts = [name for name in processor.get_attributes() if name != VIDEO]
    if VIDEO not in processor.get_attributes():
        return processor
    signature = inspect.signature(processor.__init__)
    settings = set(signature.parameters) - {"self", VIDEO, *parts}

    class ImageOnly(processor):
        video_processor = NoVideos()

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(**{VIDEO: None, **dict(zip(parts, given, strict=False)), **named})

        @override
        @classmethod
        def get_attributes(cls) -> list[str]:
            return parts

        @override
        @classmethod
        def from_args_and_dict(
            cls, args: Any, processor_dict: dict[str, Any], **kwargs: Any
        ) -> ProcessorMixin:
            known = {**processor_dict, **kwargs}
            return cls(*args, **{name: known[name] for name in settings & set(known)})

    ImageOnly.__init__.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess] - names what is saved
    ImageOnly.__name__ = (
        processor.__name__
    )  # the name written beside a checkpoint; AutoProcessor knows no other
    return ImageOnly
