"""FLOPs and bytes of a model as exact integer functions of its tokens: light, no torch, evaluated on finished
records.

One multiply-add is 2 FLOPs. `prompt_tokens` is always the padded length of one row, image tokens included; a
batch costs its rows' sum. A batch that generates T tokens runs one prefill and T - 1 decode steps on every
row, finished or not.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from vlm_profiling.cost.memory.memory import MemoryFunctions
from vlm_profiling.errors import VlmError
from vlm_profiling.models.image_tokens import Grid, ImageTokens
from vlm_profiling.record.files import write_bytes

CONVENTION = (
    "1 multiply-add = 2 FLOPs; matrix products, attention (in full: a causal mask halves nothing) and "
    "convolutions; no bias, norm, activation"
)


class CostError(VlmError):
    """A cost could not be counted or evaluated; the message says what was asked and why it fails."""


class Coefficients(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Coefficients of a cost function. Terms that a stage lacks are zero and left out of the JSON."""


class VisionFlops(Coefficients, kw_only=True, frozen=True):
    """FLOPs of encoding one image. An encoder of fixed input size has only a constant."""

    grid: Grid | None = None
    """The only patch grid that the encoder takes; null where it takes any."""
    constant: int = 0
    per_patch: int = 0
    per_patch_square: int = 0
    """Of the square of all patches: attention over the whole image."""
    per_window_square: int = 0
    """Of the sum over attention windows of their patches squared."""
    window: int | None = None
    """Side of a square attention window in patches; windows at the lower and right border are cut."""

    def flops(self, grid: Grid | None) -> int:
        """FLOPs of one image. Raises CostError for a grid that is needed and not given, or that the encoder
        does not take.
        """
        if self.grid is not None:
            if grid not in (self.grid, None):
                raise CostError(
                    f"the vision encoder takes {self.grid} patches, and a sample's vision_grid says {grid}"
                )
            return self.constant
        rows, columns = _known(grid)
        patches = rows * columns
        flops = self.constant + self.per_patch * patches + self.per_patch_square * patches**2
        if self.window is not None:
            flops += self.per_window_square * sum_of_squared_windows((rows, columns), self.window)
        return flops


class ProjectFlops(Coefficients, kw_only=True, frozen=True):
    """FLOPs of projecting one image's features into the language model: projector, merger or Q-Former."""

    constant: int = 0
    per_patch: int = 0
    per_qformer_token: int = 0
    """Of the padded question that a Q-Former reads."""
    per_qformer_token_square: int = 0

    def flops(self, grid: Grid | None, qformer_tokens: int) -> int:
        """FLOPs of one image. Raises CostError when they depend on a grid that is not given."""
        flops = (
            self.constant
            + self.per_qformer_token * qformer_tokens
            + self.per_qformer_token_square * qformer_tokens**2
        )
        if self.per_patch:
            rows, columns = _known(grid)
            flops += self.per_patch * rows * columns
        return flops


class PrefillFlops(Coefficients, kw_only=True, frozen=True):
    """FLOPs of one row's prefill, which ends with the logits of the first token. With T5: encoder and first
    decoder step.
    """

    constant: int = 0
    per_prompt_token: int = 0
    per_prompt_token_square: int = 0

    def flops(self, prompt_tokens: int) -> int:
        """FLOPs of one row of `prompt_tokens`."""
        return (
            self.constant
            + self.per_prompt_token * prompt_tokens
            + self.per_prompt_token_square * prompt_tokens**2
        )


class DecodeFlops(Coefficients, kw_only=True, frozen=True):
    """FLOPs of one row's decode step k = 1, 2, ..., which reads token k and yields token k + 1."""

    constant: int = 0
    per_prompt_token: int = 0
    """Attention over the prompt: its cached keys, or with T5 the encoder's output."""
    per_step: int = 0
    """Attention over the tokens generated so far, k of them."""

    def step_flops(self, prompt_tokens: int, step: int) -> int:
        """FLOPs of the `step`-th decode step, counted from 1."""
        return self.constant + self.per_prompt_token * prompt_tokens + self.per_step * step

    def flops(self, prompt_tokens: int, generated_tokens: int) -> int:
        """FLOPs of all decode steps of a row: `generated_tokens` - 1 of them."""
        steps = generated_tokens - 1
        return (
            steps * (self.constant + self.per_prompt_token * prompt_tokens)
            + self.per_step * steps * (steps + 1) // 2
        )


class StageFlops(Coefficients, kw_only=True, frozen=True):
    """The FLOP functions of one model. A stage that the architecture lacks is absent, not zero."""

    vision: VisionFlops | None = None
    project: ProjectFlops
    prefill: PrefillFlops
    decode: DecodeFlops


class WeightReads(Coefficients, kw_only=True, frozen=True):
    """Parameters that one forward pass of a stage reads, each once; of embedding tables nothing (a lookup
    reads single rows).
    """

    vision: int | None = None
    project: int
    prefill: int
    decode: int
    """Of one decode step."""

    def stage_bytes(self, stage: str, bytes_per_parameter: float) -> float | None:
        """Bytes of weights read by one forward pass of a stage, named as the fields; None where the stage is
        absent.
        """
        parameters = getattr(self, stage)
        return None if parameters is None else parameters * bytes_per_parameter


class OpCounts(Coefficients, kw_only=True, frozen=True):
    """Operations that one forward pass of a stage dispatches, views left out: on a GPU each launches a
    kernel.

    Counted for one row with plain attention; a batch or another attention kernel changes it by a few in a
    hundred.
    """

    vision: int | None = None
    vision_per_window: int = 0
    """For each attention window beyond the first, where the encoder attends in one after the other."""
    project: int
    prefill: int
    decode: int
    """Of one decode step."""


class CacheElements(Coefficients, kw_only=True, frozen=True):
    """Elements of one row's key-value cache: keys and values of all layers."""

    constant: int = 0
    """With T5, the decoder's start token."""
    per_prompt_token: int
    """With T5, the cross-attention's."""
    per_generated_token: int

    def row_bytes(self, prompt_tokens: int, generated_tokens: int, bytes_per_element: float) -> float:
        """Bytes of one row's cache when `generated_tokens` are out: the last one is never read back, so it is
        not in it.
        """
        elements = (
            self.constant
            + self.per_prompt_token * prompt_tokens
            + self.per_generated_token * (generated_tokens - 1)
        )
        return elements * bytes_per_element


class LinearLayers(Struct, kw_only=True, frozen=True):
    """Linear layers of one shape."""

    rows: int
    """Output features."""
    columns: int
    """Input features."""
    layers: int


class Work(Struct, kw_only=True, frozen=True):
    """The work of one batch."""

    grids: tuple[Grid | None, ...]
    """One for each image that is encoded; None where the encoder's input size is fixed."""
    rows: int | None = None
    """Prompts; null: each has one image. Frames of a video are several images of one prompt."""
    prompt_tokens: int
    generated_tokens: int
    qformer_tokens: int = 0


class CrossCheck(Struct, kw_only=True, frozen=True):
    """One stage of the same work counted another way."""

    method: str
    stage: str
    work: Work
    flops: int
    counted_flops: int
    """By the cost functions of the file that this check stands in."""
    leaves_out: str | None = None
    """What the method does not count: the reason of its difference."""

    @property
    def relative_difference(self) -> float:
        """Of `flops` against `counted_flops`."""
        return self.flops / self.counted_flops - 1


class ModelCost(Struct, kw_only=True, omit_defaults=True):
    """A model's cost functions, or the reason why there are none."""

    name: str
    source: str
    """hub id, project folder, tiny:ARCHITECTURE or architecture:NAME."""
    model_type: str
    convention: str
    parameters: int | None = None
    flops: StageFlops | None = None
    weights: WeightReads | None = None
    cache: CacheElements | None = None
    ops: OpCounts | None = None
    memory: dict[str, MemoryFunctions] = field(default_factory=dict)
    """By cost.memory.memory_name: what the model holds in a dtype and an attention implementation."""
    linear_layers: list[LinearLayers] = field(default_factory=list)
    """Those whose weights can be quantised, by shape."""
    images: ImageTokens | None = None
    """How its processor cuts images; null where the cost was counted from a config alone."""
    checks: list[CrossCheck] = field(default_factory=list)
    absent: str | None = None
    """Why flops, weights, cache and ops are missing; null where they are known."""


def write_cost(target: Path, cost: ModelCost) -> None:
    """Write a cost file as indented JSON, atomically."""
    write_bytes(target, msgspec.json.format(msgspec.json.encode(cost), indent=2) + b"\n")


def read_cost(path: Path) -> ModelCost:
    """The cost functions in a file. Raises CostError when it is missing or malformed."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelCost)
    except (OSError, msgspec.MsgspecError) as error:
        raise CostError(f"{path}: {error}") from None


class CostBreakdown(NamedTuple):
    """FLOPs of a batch or of a whole run, by stage."""

    vision_flops: int | None
    """None where the architecture has no vision encoder."""
    project_flops: int
    prefill_flops: int
    decode_flops: int
    padding_flops: int
    """Part of prefill and decode beyond what the rows would have needed one by one: padded prompts, steps
    after a row's end.
    """

    @property
    def total_flops(self) -> int:
        """All stages, padding included."""
        return (self.vision_flops or 0) + self.project_flops + self.prefill_flops + self.decode_flops

    @property
    def padding_share(self) -> float:
        """Share of the total that was spent on padding, 0 to 1."""
        return self.padding_flops / self.total_flops


def work_flops(flops: StageFlops, work: Work) -> CostBreakdown:
    """FLOPs of one batch, none of it known to be padding. Raises CostError when a grid is needed and not
    given.
    """
    rows = len(work.grids) if work.rows is None else work.rows
    return CostBreakdown(
        vision_flops=None if flops.vision is None else sum(map(flops.vision.flops, work.grids)),
        project_flops=sum(flops.project.flops(grid, work.qformer_tokens) for grid in work.grids),
        prefill_flops=rows * flops.prefill.flops(work.prompt_tokens),
        decode_flops=rows * flops.decode.flops(work.prompt_tokens, work.generated_tokens),
        padding_flops=0,
    )


def sum_of_squared_windows(grid: Grid, window: int) -> int:
    """Sum over the attention windows of a grid of their patches squared. Windows tile rows and columns
    independently.
    """
    rows, columns = (length // window * window**2 + (length % window) ** 2 for length in grid)
    return rows * columns


def _known(grid: Grid | None) -> Grid:
    if grid is None:
        raise CostError(
            "this model's cost depends on the image's patch grid, and the sample has no vision_grid"
        )
    return grid
