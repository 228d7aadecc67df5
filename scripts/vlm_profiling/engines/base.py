"""What measure/ asks of an engine: load a checkpoint, prepare and run batches, and say what it can tell.

An engine implements `Engine` and `LoadedModel`. What not every engine can do is a capability: a function, or
`Absent` with the reason, which the record then holds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from vlm_profiling.cost.counting.module_events import TimestampEvent
from vlm_profiling.models.errors import CheckpointError, Unsupported
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.breakdown import Block
from vlm_profiling.record.machine import Memory
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.record.schema import Checkpoint
from vlm_profiling.study.inputs import OptimizationConfig
from vlm_profiling.study.point import Point

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["CheckpointError", "Unsupported"]

Images: TypeAlias = "Image | Sequence[Image]"
"""The images of one row: one, or the frames of a video in their order."""


@dataclass(frozen=True)
class EngineOptions:
    """The settings of a run that an engine follows from loading on."""

    point: Point
    optimization: OptimizationConfig
    gpus: int
    """GPUs that the model is laid on where the point's device is cuda."""
    max_new_tokens: int
    min_new_tokens: int


class PreparedBatch(Protocol):
    """A batch on the host, ready to be moved to the device, and its sizes. Lists have one entry a row."""

    inputs: Any
    """The engine's own; only the engine reads it."""
    prompts: list[str]
    """The whole text of each prompt."""
    prompt_tokens: list[int]
    """Tokens of each prompt without padding, image tokens included."""
    image_tokens: list[int]
    """Positions of the prompt that an image takes."""
    padded_tokens: int
    """Length of the padded prompts."""
    qformer_tokens: int
    """Length of the padded question that a Q-Former reads; 0 where none does."""
    truncated_tokens: list[int]
    """Tokens of the user's text cut by max_input_len or prompt_len."""
    added_tokens: list[int]
    """Tokens added to the user's text by prompt_len."""
    frames: list[int]
    """Images given: 1, or frames of a video."""
    encoded_images: list[int]
    """Images that the vision encoder encodes."""
    vision_grids: list[tuple[int, int] | None]
    """Rows and columns of patches of each image."""
    effective_sizes: list[tuple[int, int] | None]
    """Width and height in pixels that the model sees."""


@dataclass(frozen=True)
class Answers:
    """The answers of a batch."""

    texts: list[str]
    """Without special tokens and surrounding blanks, one a row."""
    steps: int
    """Tokens generated for the longest row."""
    ids: Any
    """The engine's own token ids, from which it counts the tokens of each row."""


class Layer(NamedTuple):
    """What a layer's time is added to."""

    module: str
    """Class."""
    block: Block


Labels: TypeAlias = Iterable[tuple[str, Hashable]]
"""Names of modules with the label of their events: the name of a stage, or a Layer."""


class InstrumentedModel(Protocol):
    """A loaded model whose labelled modules record timestamp events. It runs batches as LoadedModel does."""

    @property
    def events(self) -> Sequence[TimestampEvent]:
        """Of the last batch, from the beginning of generate(), labelled "loop", to its end."""
        ...

    def seconds(self, begin: Any, end: Any) -> float:
        """The time between the readings of two events of a finished batch, s."""
        ...

    @property
    def first_token_s(self) -> float:
        """The time from the beginning of generate() to the first token's id in the last batch, s."""
        ...

    @property
    def model(self) -> LoadedModel:
        """What runs the batches."""
        ...


class Instruments(Protocol):
    """The events that an engine can record inside generate()."""

    def stage_labels(self) -> tuple[dict[str, str], dict[str, str]]:
        """The stage of each module at the border of one, and the reasons for the stages that have none.

        "lm" is prefill in its first call and decode in the following ones.
        """
        ...

    def layer_labels(self) -> list[tuple[str, Layer]]:
        """The layers by name. Raises Unsupported where they cannot be told apart."""
        ...

    def instrument(self, labels: Labels) -> AbstractContextManager[InstrumentedModel]:
        """The model with events at the borders of the labelled modules, until the block ends."""
        ...


class Compilation(NamedTuple):
    """The effect of compiling a model."""

    frames: int
    """Graphs compiled."""
    graph_breaks: int
    """Breaks between them."""
    seconds: float
    """Time of the calls that compiled them, s."""


class KernelCalls(NamedTuple):
    """The kernels that ran in a prefill and a decode step, with the number of calls."""

    attention: dict[str, int]
    """Fused attention kernels; empty where attention is written out in plain operators (eager)."""
    integers: dict[str, int]
    """Operators that read integers as quantised weights are stored; a conversion counts from int8 alone."""


@dataclass(frozen=True)
class StageLoops:
    """The parts of generate() that can be run alone, again and again, on the same inputs."""

    parts: dict[str, Callable[[], object]]
    """By stage: vision, project."""
    first_token: Callable[[], object]
    """generate() for one token."""
    encoder_projects: bool
    """Whether the vision encoder runs the projector itself."""
    absent: dict[str, str]
    """Reasons for the stages that have no part."""


@dataclass(frozen=True)
class Capabilities:
    """What not every engine can do: a function, or the reason why there is none."""

    instruments: Instruments | Absent
    """Timestamp events inside generate(), for stages, TTFT, TPOT and layers."""
    compile: Callable[[Callable[[], object]], Compilation] | Absent
    """Compiles the model; the argument runs one batch of each shape of inputs. Raises Unsupported."""
    kernels: Callable[[PreparedBatch], KernelCalls] | Absent
    """Names the kernels that run for a batch."""
    memory: Callable[[PreparedBatch], Memory] | Absent
    """Runs a batch and gives its key-value cache, and on a CPU the peak of the allocated bytes."""
    stage_loops: Callable[[Sequence[Any]], StageLoops] | Absent
    """The loops over the inputs of some batches, which are on the device."""
    trace: Callable[[Callable[[], object], Path], None] | Absent
    """Writes a Chrome trace of a call, gzipped, to a path."""


class LoadedModel(Protocol):
    """A model on its device. A batch goes through prepare, transfer, generate, detokenise."""

    @property
    def load_s(self) -> float:
        """From the call to weights on the device, s."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this model's engine can do."""
        ...

    def facts(self, frames: int | None) -> Checkpoint:
        """The facts of the loaded model; `frames` are those asked of each video, None for images."""
        ...

    def prepare(
        self, images: Sequence[Images], requests: Sequence[str], seconds_apart: Sequence[float | None]
    ) -> PreparedBatch:
        """A batch of as many rows as there are images, on the host.

        Args:
            images: an image, or the frames of a video, a row.
            requests: the user's text of each row.
            seconds_apart: between the frames of each row, s; None for images and where it is not known.

        Raises Unsupported for what the model cannot take, such as too long a prompt.
        """
        ...

    def input_shape(self, batch: PreparedBatch) -> Hashable:
        """The shape of a batch's inputs: kernels are planned and graphs compiled for each anew."""
        ...

    def transfer(self, batch: PreparedBatch) -> Any:
        """The inputs on the device; the work may still run when this returns."""
        ...

    def generate(self, inputs: Any) -> Any:
        """The output of the model; the work may still run when this returns."""
        ...

    def synchronise(self) -> None:
        """Wait until the device has done all work that was started."""
        ...

    def detokenise(self, inputs: Any, output: Any) -> Answers:
        """The answers in an output of generate()."""
        ...

    def generated_counts(self, answers: Answers) -> list[int]:
        """Tokens of each row up to and including the end of its answer."""
        ...


class Engine(Protocol):
    """Loads checkpoints."""

    def settings(self, asked: OptimizationConfig) -> AbstractContextManager[None]:
        """The optimization's settings of the process (an attention kernel, say), until the block ends.

        Turns errors of the libraries about them into Unsupported.
        """
        ...

    def load(self, manifest: CheckpointManifest, project: Path, options: EngineOptions) -> LoadedModel:
        """The checkpoint that a manifest describes, on the device.

        Args:
            manifest: as prepare_checkpoint.py wrote it.
            project: folder that the manifest's paths start from.
            options: the settings of the run.

        Raises Unsupported for a combination that cannot run, CheckpointError for unusable files.
        """
        ...
