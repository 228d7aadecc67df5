"""A loaded transformers model as measure/ runs it: prepare, transfer, generate, detokenise."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, cast

import torch

from vlm_profiling.engines.base import Answers, Capabilities, EngineOptions, Images, PreparedBatch
from vlm_profiling.engines.transformers.compiling import compile_model
from vlm_profiling.engines.transformers.events import ModuleInstruments
from vlm_profiling.engines.transformers.facts import checkpoint_facts
from vlm_profiling.engines.transformers.kernels import kernels_that_ran
from vlm_profiling.engines.transformers.largest_batch import batch_memory
from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.engines.transformers.stage_loops import stage_loops
from vlm_profiling.engines.transformers.trace import write_trace
from vlm_profiling.models.base import Prepared
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.record.schema import Checkpoint


class TransformersModel:
    """A checkpoint on its device, and the arguments of its generate()."""

    def __init__(self, checkpoint: LoadedCheckpoint, options: EngineOptions) -> None:
        self.checkpoint, self.options = checkpoint, options
        self.device, self.load_s = options.point.device, checkpoint.load_s
        model = checkpoint.model
        self.inference_dtype = next(p.dtype for p in model.parameters() if p.is_floating_point())
        self.synchronise = synchroniser(self.device, checkpoint.gpus)
        self.input_device: str | torch.device = self.device
        if checkpoint.gpus > 1:  # where generate() makes embeddings of them, and expects their ids
            self.input_device = cast("Any", model.get_input_embeddings()).weight.device
        self.library_generate = cast("Callable[..., torch.Tensor]", model.generate)
        random_weights = checkpoint.manifest.random_weights
        self.generation: dict[str, Any] = {
            "max_new_tokens": options.max_new_tokens,
            # random weights end an answer at random: the work is made fixed and known instead
            "min_new_tokens": options.max_new_tokens if random_weights else options.min_new_tokens,
            "do_sample": False,
            "num_beams": 1,
            **checkpoint.family.generate_arguments(model),
        }
        if cache := options.optimization.cache:
            # generate() would compile on a GPU by itself: that is another optimization
            self.generation |= {"cache_implementation": cache, "disable_compile": True}

    @property
    def capabilities(self) -> Capabilities:
        """All of them."""
        return Capabilities(
            instruments=ModuleInstruments(self),
            compile=partial(compile_model, self),
            kernels=partial(kernels_that_ran, self),
            memory=partial(batch_memory, self),
            stage_loops=partial(stage_loops, self),
            trace=partial(write_trace, self.device),
        )

    def facts(self, frames: int | None) -> Checkpoint:
        """The facts of the loaded model; `frames` are those asked of each video, None for images."""
        return checkpoint_facts(self.checkpoint, frames)

    def prepare(
        self, images: Sequence[Images], requests: Sequence[str], seconds_apart: Sequence[float | None]
    ) -> Prepared:
        """A batch on the host, by the family's template and the model's processor.

        Args:
            images: an image, or the frames of a video, a row.
            requests: the user's text of each row.
            seconds_apart: between the frames of each row, s; None for images and where it is not known.

        Raises Unsupported when prompt and answer need more positions than the language model has, or the
        family takes no several frames.
        """
        prepared = self.checkpoint.family.prepare(
            self.checkpoint.processor, images, requests, self.options.point, seconds_apart=seconds_apart
        )
        self._check_positions(prepared)
        return prepared

    def input_shape(self, batch: PreparedBatch) -> Hashable:
        """The names and shapes of a batch's tensors: torch compiles, and libraries plan kernels, for each."""
        return tuple(
            (name, tuple(value.shape))
            for name, value in sorted(batch.inputs.items())
            if hasattr(value, "shape")
        )

    def transfer(self, batch: PreparedBatch) -> Any:
        """The tensors on the device, floating-point ones in the model's dtype."""
        return batch.inputs.to(self.input_device, self.inference_dtype)

    def generate(self, inputs: Any, **changed: Any) -> Any:
        """The ids that the library's generate() returns; `changed` are arguments other than the run's."""
        return self.library_generate(**inputs, **(self.generation | changed if changed else self.generation))

    def detokenise(self, inputs: Any, output: Any) -> Answers:
        """The answers, without special tokens and surrounding blanks."""
        family = self.checkpoint.family
        new_ids = family.new_tokens(self.checkpoint.model, inputs, output)
        return Answers(family.answers(self.checkpoint.processor, new_ids), new_ids.shape[1], new_ids)

    def generated_counts(self, answers: Answers) -> list[int]:
        """Tokens of each row up to and including the end of its answer."""
        return self.checkpoint.family.generated_counts(self.checkpoint.model, answers.ids)

    def _check_positions(self, prepared: Prepared) -> None:
        config, new_tokens = self.checkpoint.model.config, self.options.max_new_tokens
        positions = getattr(config.get_text_config(), "max_position_embeddings", None)
        needed = prepared.padded_tokens + new_tokens
        if positions is not None and needed > positions:
            cure = (
                "max_input_len would cut the user's text"
                if self.options.point.prompt_len is None
                else "a shorter prompt_len would do"
            )
            raise Unsupported(
                f"{prepared.padded_tokens} prompt tokens and {new_tokens} new ones need {needed} positions, "
                f"the model has {positions}; {cure}"
            )
        qformer = getattr(config, "qformer_config", None)
        if qformer is not None and prepared.qformer_tokens > qformer.max_position_embeddings:
            raise Unsupported(
                f"the Q-Former reads a question of {prepared.qformer_tokens} tokens, and has "
                f"{qformer.max_position_embeddings} positions; a shorter prompt_len or max_input_len would do"
            )


def synchroniser(device: str, gpus: int) -> Callable[[], None]:
    """The function that waits for the device: on "cuda" for each of torch's first `gpus` GPUs."""
    if device != "cuda":
        return lambda: None
    if gpus <= 1:
        return torch.cuda.synchronize

    def synchronise() -> None:
        for gpu in range(gpus):
            torch.cuda.synchronize(gpu)

    return synchronise
