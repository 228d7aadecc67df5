"""The largest batch of a run, as far as it can be known before anything is prepared: light, no torch."""

from __future__ import annotations

from collections.abc import Sequence

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.memory.predict import BatchSize
from vlm_profiling.models.image_tokens import Size, scaled_size
from vlm_profiling.record.absent import Absent
from vlm_profiling.study.point import Point

BYTES_A_TOKEN = 3
"""Of English text in UTF-8; tokenizers of published models take about 4, so that this is rather too many
tokens.
"""
TEMPLATE_TOKENS = 24
"""Around a question: a system prompt, roles, special tokens."""
FRAME_TOKENS = 3
"""Around each further frame of a video: line breaks, special tokens that begin and end an image."""
USUAL_TEXT_TOKENS = 64
"""Of a question, where neither samples nor a limit tell."""


def expected_batch(
    cost: ModelCost,
    point: Point,
    *,
    new_tokens: int,
    frames: int = 1,
    sizes: Sequence[Size] = (),
    texts: Sequence[str] = (),
    samples: int | None = None,
) -> BatchSize | Absent:
    """The size of a run's largest batch, or why it is not known.

    Args:
        cost: Functions of the model's cost.
        point: The run's batch size, image size and lengths of text.
        new_tokens: The longest answer, tokens.
        frames: Frames given of the longest video.
        sizes: Width and height of all images or videos, px; without them a square of the point's image size.
        texts: All questions; without them the text is taken to be as long as it may.
        samples: How many samples there are, where that is known.
    """
    image_size = point.image_size
    if cost.images is None:
        return Absent(cost.absent or "how this model's processor cuts images is not known")
    if not sizes and cost.images.grid is None and image_size is None:
        return Absent("the data set is not prepared, and the model takes images as they come")
    asked = [scaled_size(size, image_size) for size in sizes] or [(image_size or 1, image_size or 1)]
    patches, image_tokens = max(map(cost.images.at_size(image_size).count, set(asked)))
    text_tokens = max(
        (-(-len(text.encode()) // BYTES_A_TOKEN) for text in texts),
        default=point.max_input_len or USUAL_TEXT_TOKENS,
    )
    if point.prompt_len is not None:
        text_tokens = point.prompt_len
    elif point.max_input_len is not None:
        text_tokens = min(text_tokens, point.max_input_len)
    rows = min(point.batch_size, samples or point.batch_size)
    images = -(-frames // cost.images.frames)
    return BatchSize(
        rows=rows,
        images=rows * images,
        patches=patches,
        prompt_tokens=images * image_tokens + (images - 1) * FRAME_TOKENS + text_tokens + TEMPLATE_TOKENS,
        new_tokens=new_tokens,
    )
