"""The base of all model families: from images and requests to tensors, and from token ids to answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from PIL import Image
from transformers import (
    AutoProcessor,
    BatchFeature,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    ProcessorMixin,
)
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.image_only import image_only
from vlm_profiling.models.image_tokens import Grid
from vlm_profiling.models.prompt_text import lengthen, plain_text, shorten
from vlm_profiling.models.stages import CostRules
from vlm_profiling.models.synthetic import FullSizeModel, TinyCheckpoint
from vlm_profiling.study.point import Point

ImageSizing = Literal["native", "interpolated", "fixed"]
"""As in the record: record.schema.Checkpoint.image_sizing."""
FramesAs = Literal["images", "video"]
"""As in the record: record.schema.Checkpoint.frames_as."""
Shown: TypeAlias = Image.Image | Sequence[Image.Image]
"""The visual input of one row: an image, or frames of a video in their order."""
AS_THEY_COME = Point(device="cpu", optimization="fp32")
"""A point that leaves images and texts as they come."""


@dataclass(kw_only=True)
class Prepared:
    """A batch ready to be moved to the device, and the work that it holds. Lists have one entry a row."""

    inputs: BatchFeature
    """Keyword arguments of generate(), on the host."""
    prompts: list[str]
    """Text given to the processor."""
    prompt_tokens: list[int]
    """Tokens of the prompt without padding, image tokens included; of the encoder where there is one."""
    image_tokens: list[int]
    """Positions of the prompt that an image takes."""
    padded_tokens: int
    """Length of the padded prompt."""
    qformer_tokens: int
    """Length of the padded question that a Q-Former reads; 0 where none does."""
    truncated_tokens: list[int]
    """Tokens of the user's text cut by max_input_len or prompt_len."""
    added_tokens: list[int]
    """Tokens added to the user's text by prompt_len."""
    frames: list[int]
    """Images given: 1, or frames of a video."""
    encoded_images: list[int]
    """Grids of patches that the vision encoder sees: one an image, or as many as a video makes."""
    vision_grids: list[Grid | None]
    """Rows, columns of patches of each of them: the frames of a video are all of one size."""
    effective_sizes: list[tuple[int, int] | None]
    """Width, height in pixels that the model sees after its processor."""


class Family:
    """What is particular to a family of models and cannot be read from their class on the hub.

    An instance holds the config of one checkpoint.
    """

    name: ClassVar[str]
    model_types: ClassVar[tuple[str, ...]] = ()
    markers: ClassVar[tuple[str, ...]] = ()
    """Texts that this family's processor reads as more than text, besides the tokenizer's special tokens."""

    one_image: ClassVar[str | None] = None
    """Why a prompt cannot hold several images; None where it can."""
    frames_as: FramesAs = "images"
    """How the frames of a video are given: as several images in one prompt, or as the video that the
    processor takes.
    """

    image_sizing: ImageSizing | None = "fixed"
    """Images that the encoder takes as the checkpoint comes; None where that is not known."""

    def __init__(self, config: PreTrainedConfig, image_size_mode: str = "processor") -> None:
        """Raises Unsupported for interpolated positions where the family has none."""
        self.config = config
        if image_size_mode == "interpolate":
            if not self.can_interpolate:
                known = (
                    "already takes images of any size"
                    if self.image_sizing == "native"
                    else "cannot interpolate positions"
                )
                raise Unsupported(
                    f"image_size_mode interpolate: the family {self.name} {known}; leave the key out"
                )
            self.image_sizing = "interpolated"

    def shown_as(self, frames: int) -> FramesAs:
        """How so many frames of a video are given: one alone is an image everywhere."""
        return "images" if frames == 1 else self.frames_as

    @classmethod
    def cost_rules(cls) -> CostRules | None:
        """The rules by which the cost of its models is counted; None where their stages are not known."""
        return None

    @classmethod
    def tiny_checkpoints(cls) -> Mapping[str, Callable[[], TinyCheckpoint]]:
        """Tiny checkpoints of the family, each made when asked for, by the name that `tiny` of config.yaml
        takes.
        """
        return {}

    @classmethod
    def full_size_models(cls) -> Mapping[str, FullSizeModel]:
        """Published models of the family, by the name that `architecture` of config.yaml takes."""
        return {}

    @staticmethod
    def finish_random_weights(model: PreTrainedModel) -> None:
        """Draw, in place, weights that transformers initialises as no published model has them."""

    @property
    def can_interpolate(self) -> bool:
        """Whether the vision encoder can interpolate its positions for images of other sizes."""
        return False

    def adapt(self, model: PreTrainedModel) -> None:
        """Change in a loaded model what its checkpoint leaves open and generate() cannot be told."""

    def load_processor(self, folder: Path, *, backend: str, trust_remote_code: bool) -> ProcessorMixin:
        """The processor in a folder, its image processor on the backend pil or torchvision, without any part
        for videos.

        That part needs torchvision, and where it is there its class takes no backend (AttributeError,
        transformers 5.17).
        """
        known: Any = PROCESSOR_MAPPING.get(type(self.config), None)
        if known and image_only(known) is not known:
            return image_only(known).from_pretrained(folder, backend=backend)
        return AutoProcessor.from_pretrained(folder, backend=backend, trust_remote_code=trust_remote_code)

    @property
    def padding_side(self) -> str:
        """Where shorter prompts are filled up: a decoder must have its prompt next to its answer."""
        return "right" if self.config.get_text_config().is_encoder_decoder else "left"

    def prompt(self, processor: ProcessorMixin, request: str, images: int = 1) -> str:
        """The text given to the processor: its chat template around the images and the request."""
        return self._in_template(processor, [{"type": "image"}] * images, request)

    def video_prompt(self, processor: ProcessorMixin, request: str) -> str:
        """The same around one video and the request, where frames are given as a video."""
        return self._in_template(processor, [{"type": "video"}], request)

    @staticmethod
    def _in_template(processor: ProcessorMixin, shown: list[dict[str, str]], request: str) -> str:
        message: dict[str, Any] = {"role": "user", "content": [*shown, {"type": "text", "text": request}]}
        return processor.apply_chat_template([message], add_generation_prompt=True)

    def prepare(
        self,
        processor: ProcessorMixin,
        images: Sequence[Shown],
        requests: Sequence[str],
        point: Point = AS_THEY_COME,
        seconds_apart: Sequence[float | None] = (),
    ) -> Prepared:
        """A batch of as many rows as there are images, or videos as lists of frames, one request each.

        Args:
            processor: The model's own, with its tokenizer.
            images: An image, or the frames of a video, for each row.
            requests: The user's text of each row.
            point: `image_size`: pixels of the longer side, up or down, before the processor's own resizing;
                with interpolated positions of both sides, in its place. `max_input_len`: tokens of user text
                that are kept; image tokens and the template are never cut. `prompt_len`: tokens that every
                user text is brought to, by saying it again or cutting it, in place of `max_input_len`.
            seconds_apart: Seconds between the frames of each row, for families that are told; None where
                that is not known.

        Raises Unsupported for several frames where a prompt holds one image, or has no place for a video, and
        for a processor that makes no prompt of a request.
        """
        image_size = point.image_size
        side = image_size if self.image_sizing == "interpolated" else None
        shown = [[image] if isinstance(image, Image.Image) else list(image) for image in images]
        frames = [len(row) for row in shown]
        if self.one_image and max(frames) > 1:
            raise Unsupported(f"frames = {max(frames)}: {self.one_image}")
        fitted = [[_fitted(image, None if side else image_size) for image in row] for row in shown]
        texts = [plain_text(request, processor.tokenizer, self.markers) for request in requests]
        if point.prompt_len is None:
            kept = (shorten(text, processor.tokenizer, point.max_input_len) for text in texts)
            changes = [(text, -cut) for text, cut in kept]
        else:
            changes = [lengthen(text, processor.tokenizer, point.prompt_len) for text in texts]
        settings = self.square(side) if side else {}
        if self.shown_as(max(frames)) == "video":
            prompts = [self.video_prompt(processor, text) for text, _ in changes]
            inputs = self.encode_videos(
                processor, fitted, prompts, seconds_apart or [None] * len(frames), **settings
            )
        else:
            prompts = [
                self.prompt(processor, text, count) for (text, _), count in zip(changes, frames, strict=True)
            ]
            inputs = self.encode(processor, fitted, prompts, **settings)
        if lacking := [name for name in ("input_ids", "attention_mask") if name not in inputs]:
            raise Unsupported(
                f"{type(processor).__name__} makes no prompt of a question: no {' and no '.join(lacking)}"
            )
        encoded = self.encoded_images(inputs, frames)
        grids = self.vision_grids(inputs, sum(encoded))
        sizes = self.effective_sizes(inputs, grids)
        first = [end - own for end, own in zip(accumulate(encoded), encoded, strict=True)]
        return Prepared(
            inputs=inputs,
            prompts=prompts,
            prompt_tokens=inputs["attention_mask"].sum(1).tolist(),
            image_tokens=self.image_tokens(inputs),
            padded_tokens=inputs["input_ids"].shape[1],
            qformer_tokens=inputs["qformer_input_ids"].shape[1] if "qformer_input_ids" in inputs else 0,
            truncated_tokens=[max(-more, 0) for _, more in changes],
            added_tokens=[max(more, 0) for _, more in changes],
            frames=frames,
            encoded_images=encoded,
            vision_grids=[grids[place] for place in first],
            effective_sizes=[sizes[place] for place in first],
        )

    def square(self, side: int) -> dict[str, Any]:
        """Settings of the image processor that bring every image to side x side pixels. Raises Unsupported
        below one patch.
        """
        patch = self.config.vision_config.patch_size
        if side < patch:
            raise Unsupported(f"image_size {side}: the vision encoder's patches are {patch} pixels wide")
        return {"size": {"height": side, "width": side}}

    def encode(
        self, processor: Any, images: list[list[Image.Image]], prompts: list[str], **settings: Any
    ) -> BatchFeature:
        """The processor's tensors. A template that already begins with the first special token gets no second
        one.
        """
        return processor(
            images=self.arranged(images), text=prompts, **self.text_options(processor, prompts), **settings
        )

    @staticmethod
    def text_options(processor: Any, prompts: list[str]) -> dict[str, Any]:
        """How prompts become tokens."""
        first = processor.tokenizer.bos_token
        begun = {"add_special_tokens": False} if first and prompts[0].startswith(first) else {}
        return {"padding": True, "return_tensors": "pt", **begun}

    def encode_videos(
        self,
        processor: Any,
        videos: list[list[Image.Image]],
        prompts: list[str],
        seconds_apart: Sequence[float | None],
        **settings: Any,
    ) -> BatchFeature:
        """The tensors of a batch in which every row shows a video, where `frames_as` is video."""
        raise NotImplementedError

    def arranged(self, images: list[list[Image.Image]]) -> list[Any]:
        """The images of all rows as this family's processor takes them: here one after the other."""
        return [image for row in images for image in row]

    def encoded_images(self, inputs: BatchFeature, frames: list[int]) -> list[int]:
        """Grids of patches that the vision encoder sees, row by row: here one for each image given."""
        return frames

    @property
    def image_token_id(self) -> int:
        """Id of the placeholder of an image's positions in the prompt."""
        return self.config.image_token_id

    def image_tokens(self, inputs: BatchFeature) -> list[int]:
        """Positions of the prompt that an image takes, row by row."""
        return (inputs["input_ids"] == self.image_token_id).sum(1).tolist()

    def vision_grids(self, inputs: BatchFeature, images: int) -> list[Grid | None]:
        """Rows, columns of patches, image by image; here of images that the processor brought to one size."""
        *_, height, width = inputs["pixel_values"].shape
        patch = self.config.vision_config.patch_size
        return [(height // patch, width // patch)] * images

    def effective_sizes(self, inputs: BatchFeature, grids: list[Grid | None]) -> list[tuple[int, int] | None]:
        """Width, height in pixels, image by image."""
        *_, height, width = inputs["pixel_values"].shape
        return [(width, height)] * len(grids)

    def generate_arguments(self, model: PreTrainedModel) -> dict[str, Any]:
        """Further keyword arguments of generate()."""
        return {}

    def generation_config(self, model: PreTrainedModel) -> GenerationConfig:
        """The generation config that generate() follows."""
        return model.generation_config

    def new_tokens(
        self, model: PreTrainedModel, inputs: BatchFeature, output_ids: torch.Tensor
    ) -> torch.Tensor:
        """Generated ids only (rows, steps): the prompt, or a T5 decoder's start token, cut by count."""
        prompt = 1 if self.config.get_text_config().is_encoder_decoder else inputs["input_ids"].shape[1]
        return output_ids[:, prompt:]

    def answers(self, processor: ProcessorMixin, new_ids: torch.Tensor) -> list[str]:
        """Answers without special tokens and surrounding blanks."""
        return [
            answer.strip() for answer in processor.tokenizer.batch_decode(new_ids, skip_special_tokens=True)
        ]

    def generated_counts(self, model: PreTrainedModel, new_ids: torch.Tensor) -> list[int]:
        """Tokens of each row up to and including the end of the sequence; what follows is padding."""
        ends = self.generation_config(model).eos_token_id
        steps = new_ids.shape[1]
        if ends is None or steps == 0:
            return [steps] * len(new_ids)
        ended = torch.isin(new_ids, torch.as_tensor(ends, device=new_ids.device))
        first = torch.where(ended.any(1), ended.int().argmax(1) + 1, steps)
        return first.tolist()

    def stage_modules(self, model: PreTrainedModel) -> dict[str, str]:
        """Stage of each module that bounds one ("" is the model itself).

        "lm" is prefill in its first call and decode in the following ones; a module inside another's is taken
        out of it.
        """
        raise NotImplementedError

    def compile_targets(self, model: PreTrainedModel) -> list[str]:
        """Modules whose forward generate() calls and that together do its work ("" is the model itself)."""
        raise NotImplementedError


def _fitted(original: Image.Image, longer_side: int | None) -> Image.Image:
    image = original.convert("RGB")
    if longer_side is None:
        return image
    scale = longer_side / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)
