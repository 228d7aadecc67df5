"""The stages of a batch: one table of their names, order, colours and definitions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A stage of a batch."""

    id: str
    """The name in records and tables."""
    title: str
    definition: str
    """What it is, as a phrase that can follow the title and a colon."""
    counted: bool = False
    """Whether cost functions count its FLOPs."""
    optional: bool = False
    """Whether some architectures or data sets have no such stage."""

    @property
    def order(self) -> int:
        """Its place in the order of the work, which is also the index of its colour; 0 is the first."""
        return list(STAGES).index(self.id)


STAGES: dict[str, Stage] = {
    stage.id: stage
    for stage in (
        Stage(
            "decode frames",
            "decode frames",
            "videos' files to images, as many as frames are sampled from",
            optional=True,
        ),
        Stage(
            "sample frames",
            "sample frames",
            "the choice of the frames that the model gets, and their conversion to images",
            optional=True,
        ),
        Stage(
            "preprocess", "preprocess", "images and text to tensors: the image processor and the tokenizer"
        ),
        Stage("transfer", "transfer", "tensors from the host to the device"),
        Stage("vision", "vision encoder", "the vision encoder", counted=True, optional=True),
        Stage(
            "project",
            "projector",
            "from the vision encoder to the language model: projector, Q-Former or merger",
            counted=True,
        ),
        Stage(
            "prefill",
            "prefill",
            "the language model on the prompt, up to the first token's logits",
            counted=True,
        ),
        Stage("decode", "decode", "every later step of the language model, one token each", counted=True),
        Stage(
            "loop", "host loop", "inside generate() but outside the model: sampling, cache and bookkeeping"
        ),
        Stage("detokenise", "detokenise", "token ids to text"),
    )
}
"""By id, in the order of the work."""
COUNTED_STAGES = tuple(stage.id for stage in STAGES.values() if stage.counted)
"""Stages that have FLOPs."""
