"""What each setting of a point is called, and what it is there to change: all that tables, charts, pages and
audits know of it.

Its key, type, limits and option are declared in `point.py`. A setting declared in both is an axis everywhere.
Nothing that measures imports this file, so that another word makes no run stale.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """A quantity that an axis makes more or less of: what growth is a function of."""

    title: str
    """With its unit."""
    unit: str
    """One more of it, in words."""
    column: str
    """Of the table of runs."""
    fixed: str
    """Why the axis may have had no effect on it."""


@dataclass(frozen=True, kw_only=True)
class InputEffect:
    """What an axis changes of the input that a model is given."""

    words: str
    """In an audit's evidence: samples differ in this."""
    fields: tuple[str, ...]
    """Of a record's samples, by which an audit sees whether it changed."""
    columns: dict[str, str]
    """Columns of the table of runs that stand beside the values asked, by title."""
    unmoved: str
    """Of a table whose rows have all these columns alike."""
    smaller: str = ""
    """Advice to take a smaller value; empty where that would be other work."""
    about_quality: str = ""
    """What a reader of its answers' quality has to know."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One setting of a point."""

    word: str
    """Its name in a sentence."""
    title: str
    """Of a column or of a chart's axis, with the unit."""
    meaning: str
    """Of its column in the tables."""
    at: str = "{}"
    """A value in a line of settings."""
    brief: str = "{}"
    """A value in the name of a cell."""
    unset: str = ""
    """What null is called beside other values."""
    at_unset: str = ""
    """Null in a line of settings; empty: nothing is said."""
    usual: int | None = None
    """A value that a line of settings does not mention."""
    size: Size | None = None
    """Null for a setting that is no quantity."""
    given: InputEffect | None = None
    """Null where the input stays the same."""


AXES: dict[str, Axis] = {
    "device": Axis(word="device", title="Device", meaning="Where it ran: cpu or cuda."),
    "optimization": Axis(
        word="optimization",
        title="Optimization",
        meaning="Name of the set of dtype, attention kernel and compilation that was asked for.",
    ),
    "batch_size": Axis(
        word="batch size",
        title="Batch size (samples)",
        meaning="Samples a batch.",
        at="batch size {}",
        brief="batch {}",
        size=Size(
            title="Batch size (samples)",
            unit="sample",
            column="batch_size",
            fixed="a single batch size was measured",
        ),
    ),
    "image_size": Axis(
        word="image size",
        title="Image size asked (px)",
        meaning="Longer side asked for, px; null: the model's own size.",
        at="image size {}",
        brief="{} px",
        unset="model's own",
        at_unset="the model's own image size",
        size=Size(
            title="Image tokens a sample, mean",
            unit="image token",
            column="image_tokens_mean",
            fixed="the model read as many image tokens whatever size was asked",
        ),
        given=InputEffect(
            words="the image that the model saw (pixels, patches, image tokens)",
            fields=("effective_size", "vision_grid", "image_tokens"),
            columns={"Seen by the model (px)": "effective_sizes", "Image tokens": "image_tokens_mean"},
            unmoved="The processor brings every image to the same size, so what was asked changes "
            "detail, not compute.",
            smaller="Ask for images of {} px",
        ),
    ),
    "max_input_len": Axis(
        word="input length",
        title="Longest user text (tokens)",
        meaning="Limit of the user's text, tokens; null: none.",
        at="input length {}",
        brief="{} tokens",
        unset="no limit",
        at_unset="no input limit",
        size=Size(
            title="Prompt tokens a sample, mean",
            unit="prompt token",
            column="prompt_tokens_mean",
            fixed="no text was long enough to be cut",
        ),
        given=InputEffect(
            words="the prompt (tokens cut, tokens read)",
            fields=("truncated_tokens", "prompt_tokens"),
            columns={"Samples cut": "truncated_samples", "Prompt tokens": "prompt_tokens_mean"},
            unmoved="No text was long enough to be cut, so these rows measure the same work again.",
            smaller="Cut the text at {} tokens",
        ),
    ),
    "prompt_len": Axis(
        word="prompt length",
        title="User text brought to (tokens)",
        meaning="Length that every user text is brought to, tokens, by saying it again or cutting "
        "it; null: texts as they come.",
        at="prompt length {}",
        brief="text of {} tokens",
        unset="as it comes",
        size=Size(
            title="Prompt tokens a sample, mean",
            unit="prompt token",
            column="prompt_tokens_mean",
            fixed="a single prompt length was measured",
        ),
        given=InputEffect(
            words="the prompt (tokens read)",
            fields=("prompt_tokens",),
            columns={
                "Samples lengthened": "lengthened_samples",
                "Samples cut": "truncated_samples",
                "Prompt tokens": "prompt_tokens_mean",
            },
            unmoved="Every text has the same length in all rows, so these rows measure the same work again.",
            about_quality=(
                "Texts are brought to their length by saying them again, or by cutting them, and "
                "answers are scored against the "
                "same references: quality here is that of a question asked several times over, or in "
                "part, not of another task."
            ),
        ),
    ),
    "frames": Axis(
        word="frames",
        title="Frames",
        meaning="Frames asked of each video; 1 also for images.",
        at="{} frames",
        brief="{} frames",
        usual=1,
        size=Size(
            title="Frames given of a video, mean",
            unit="frame",
            column="frames_mean",
            fixed="as many frames were given whatever number was asked",
        ),
        given=InputEffect(
            words="the frames that the model saw (frames given, image tokens)",
            fields=("given_frames", "image_tokens"),
            columns={"Frames given": "frames_mean", "Image tokens": "image_tokens_mean"},
            unmoved="The model read as many image tokens whatever number of frames was asked.",
            smaller="Give {} frames",
        ),
    ),
}
"""By the key of a point, in the order of tables."""
