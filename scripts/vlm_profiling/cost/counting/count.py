"""FLOPs and bytes counted on a model's own code, stage by stage on the meta device: no weights, no GPU.

A stage's cost is a polynomial of its token counts, so a few counts fix its coefficients exactly and one more
checks them.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from vlm_profiling.cost.counting.counter import StageCounter
from vlm_profiling.cost.counting.fit import fit
from vlm_profiling.cost.counting.meta_operators import KnownShapes
from vlm_profiling.cost.cross_checks import cross_checks
from vlm_profiling.cost.functions import (
    CONVENTION,
    CacheElements,
    CostError,
    DecodeFlops,
    LinearLayers,
    ModelCost,
    OpCounts,
    PrefillFlops,
    ProjectFlops,
    StageFlops,
    VisionFlops,
    WeightReads,
    sum_of_squared_windows,
)
from vlm_profiling.cost.memory.allocations import memory_functions
from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.full_size import full_size_config
from vlm_profiling.models.image_tokens import Grid
from vlm_profiling.models.linear_layers import kept_by_class, linear_layers
from vlm_profiling.models.random_weights import model_from_config
from vlm_profiling.models.registry import cost_rules
from vlm_profiling.models.stages import DTYPE
from vlm_profiling.record.manifests import CheckpointManifest

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig

QFORMER_TOKENS = (8, 24, 56)
GENERATIONS = ((8, 1), (24, 1), (56, 2))
"""Prompt tokens, decode steps: three prompts fix prefill's quadratic, and the three pairs fix decode."""
CHECK_QFORMER_TOKENS = 72
CHECK_GENERATION = (72, 3)


def checkpoint_cost(manifest: CheckpointManifest, project: Path) -> ModelCost:
    """The cost functions of a prepared checkpoint, of which only config.json is read, from its folder or the
    hub's cache.

    A model whose stages are unknown, or whose counts are not exact, gives a ModelCost whose `absent` says so.
    Raises CostError when there is no config.json.
    """
    from transformers import AutoConfig, ImageProcessingMixin

    cost = ModelCost(
        name=manifest.name, source=manifest.source, model_type=manifest.model_type, convention=CONVENTION
    )
    if manifest.model_type not in (known := cost_rules()):
        names = ", ".join(sorted(known))
        cost.absent = f"the stages of model type {manifest.model_type!r} are not known; known: {names}"
        return cost
    if manifest.trust_remote_code:
        cost.absent = "the checkpoint may run code of its own, whose stages are not known"
        return cost
    place = manifest.hub or project / str(manifest.folder)
    try:
        config = AutoConfig.from_pretrained(place, revision=manifest.revision, local_files_only=True)
    except OSError as error:
        raise CostError(
            f"{manifest.source}: no config.json in {place}; prepare the checkpoint again"
        ) from error
    try:
        cost = count_cost(manifest.name, manifest.source, config, manifest.image_size_mode)
    except CostError as error:
        cost.absent = str(error)
        return cost
    settings, _ = ImageProcessingMixin.get_image_processor_dict(
        place, revision=manifest.revision, local_files_only=True
    )
    rules, interpolates = known[manifest.model_type], manifest.image_size_mode == "interpolate"
    cost.images = rules.image_tokens(config, settings, interpolates)
    return cost


def architecture_cost(name: str) -> ModelCost:
    """The cost functions of a full-size architecture from its embedded config. Raises CostError for an
    unknown name.
    """
    try:
        config = full_size_config(name)
    except CheckpointError as error:
        raise CostError(str(error)) from error
    return count_cost(name, f"architecture:{name}", config)


def count_cost(
    name: str, source: str, config: PreTrainedConfig, image_size_mode: str = "processor"
) -> ModelCost:
    """The cost functions of the model that a transformers config describes, cross-checked.

    Raises CostError when a stage's counts are not the polynomial that its architecture promises, and KeyError
    for a model type of a family without cost rules.
    """
    rules, interpolates = cost_rules()[config.model_type], image_size_mode == "interpolate"
    with KnownShapes():
        model = model_from_config(config, device="meta", dtype=DTYPE, attention="eager")
        stages = rules.stages(model, interpolates)
        counter = StageCounter(stages)
        flops = StageFlops(
            vision=_vision_flops(counter),
            project=_project_flops(counter),
            prefill=_prefill_flops(counter),
            decode=_decode_flops(counter),
        )
        return ModelCost(
            name=name,
            source=source,
            model_type=config.model_type,
            convention=CONVENTION,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            flops=flops,
            weights=_weight_reads(counter),
            cache=_cache_elements(counter),
            ops=_op_counts(counter),
            memory=memory_functions(config, rules, interpolates),
            linear_layers=_linear_layers(model),
            checks=cross_checks(model, stages, flops),
        )


def _linear_layers(model: nn.Module) -> list[LinearLayers]:
    """By shape, those that the loader may quantise."""
    shapes = Counter(
        tuple(one.weight.shape)
        for name, one in linear_layers(model).items()
        if not kept_by_class(model, name)
    )
    return [
        LinearLayers(rows=rows, columns=columns, layers=layers) for (rows, columns), layers in shapes.items()
    ]


def _vision_flops(counter: StageCounter) -> VisionFlops | None:
    if counter.stages.encode is None:
        return None

    def measure(rows: int, grid: Grid) -> int:
        return counter.encode(rows, grid)[0].flops

    grids, check = _grids(counter)
    window = counter.stages.window
    if counter.stages.grid is None and counter.stages.own_grid is not None:
        constant, patch, square = fit(
            "vision", measure, lambda size: _quadratic(size[0] * size[1]), grids, check
        )
        return VisionFlops(constant=constant, per_patch=patch, per_patch_square=square)
    if window is None:
        return VisionFlops(
            grid=counter.stages.grid, constant=fit("vision", measure, _constant, grids, check)[0]
        )

    def terms(grid: Grid) -> tuple[int, int, int]:
        patches = grid[0] * grid[1]
        return patches, patches**2, sum_of_squared_windows(grid, window)

    patch, square, window_square = fit("vision", measure, terms, grids, check)
    return VisionFlops(
        per_patch=patch, per_patch_square=square, per_window_square=window_square, window=window
    )


def _project_flops(counter: StageCounter) -> ProjectFlops:
    (grid, *_), check = _grids(counter)

    def measure(rows: int, grid: Grid) -> int:
        return counter.project(rows, grid).flops

    def measure_question(rows: int, tokens: int) -> int:
        return counter.project(rows, grid, tokens).flops

    if counter.stages.grid is None and counter.stages.own_grid is not None:
        return _project_of_any_grid(counter)
    if counter.stages.reads_question:
        constant, linear, square = fit(
            "project", measure_question, _quadratic, QFORMER_TOKENS, CHECK_QFORMER_TOKENS
        )
        return ProjectFlops(constant=constant, per_qformer_token=linear, per_qformer_token_square=square)
    if counter.stages.grid is not None:
        return ProjectFlops(constant=fit("project", measure, _constant, [grid], check)[0])
    return ProjectFlops(
        per_patch=fit("project", measure, lambda size: (size[0] * size[1],), [grid], check)[0]
    )


def _project_of_any_grid(counter: StageCounter) -> ProjectFlops:
    """Of an encoder whose positions are interpolated: its features are as many as the image's patches."""
    grids, check = _grids(counter)
    if not counter.stages.reads_question:

        def measure(rows: int, grid: Grid) -> int:
            return counter.project(rows, grid).flops

        constant, patch = fit("project", measure, lambda size: (1, size[0] * size[1]), grids[:2], check)
        return ProjectFlops(constant=constant, per_patch=patch)

    def measure_both(rows: int, size: tuple[Grid, int]) -> int:
        return counter.project(rows, *size).flops

    def terms(size: tuple[Grid, int]) -> tuple[int, int, int, int]:
        (height, width), tokens = size
        return 1, height * width, tokens, tokens**2

    sizes = [*((grids[0], tokens) for tokens in QFORMER_TOKENS), (grids[1], QFORMER_TOKENS[0])]
    constant, patch, linear, square = fit(
        "project", measure_both, terms, sizes, (check, CHECK_QFORMER_TOKENS)
    )
    return ProjectFlops(
        constant=constant, per_patch=patch, per_qformer_token=linear, per_qformer_token_square=square
    )


def _prefill_flops(counter: StageCounter) -> PrefillFlops:
    def measure(rows: int, size: tuple[int, int]) -> int:
        return counter.generate(rows, *size).prefill.flops

    constant, linear, square = fit(
        "prefill", measure, lambda size: _quadratic(size[0]), GENERATIONS, CHECK_GENERATION
    )
    return PrefillFlops(constant=constant, per_prompt_token=linear, per_prompt_token_square=square)


def _decode_flops(counter: StageCounter) -> DecodeFlops:
    def measure(rows: int, size: tuple[int, int]) -> int:
        return counter.generate(rows, *size).last_decode.flops

    constant, prompt, step = fit("decode", measure, lambda size: (1, *size), GENERATIONS, CHECK_GENERATION)
    return DecodeFlops(constant=constant, per_prompt_token=prompt, per_step=step)


def _cache_elements(counter: StageCounter) -> CacheElements:
    def measure(rows: int, size: tuple[int, int]) -> int:
        return counter.generate(rows, *size).cache_elements

    constant, prompt, generated = fit(
        "cache", measure, lambda size: (1, *size), GENERATIONS, CHECK_GENERATION
    )
    return CacheElements(constant=constant, per_prompt_token=prompt, per_generated_token=generated)


def _weight_reads(counter: StageCounter) -> WeightReads:
    (grid, *_), _ = _grids(counter)
    generation = counter.generate(1, *GENERATIONS[0])
    return WeightReads(
        vision=None if counter.stages.encode is None else counter.encode(1, grid)[0].parameters_read,
        project=counter.project(
            1, grid, QFORMER_TOKENS[0] if counter.stages.reads_question else 0
        ).parameters_read,
        prefill=generation.prefill.parameters_read,
        decode=generation.last_decode.parameters_read,
    )


def _op_counts(counter: StageCounter) -> OpCounts:
    (grid, *wider), _ = _grids(counter)
    generation = counter.generate(1, *GENERATIONS[0])
    vision = None if counter.stages.encode is None else counter.encode(1, grid)[0].ops
    return OpCounts(
        vision=vision,
        # the second grid is twice as wide as a window, the first one window
        vision_per_window=0
        if vision is None or counter.stages.window is None
        else counter.encode(1, wider[0])[0].ops - vision,
        project=counter.project(1, grid, QFORMER_TOKENS[0] if counter.stages.reads_question else 0).ops,
        prefill=generation.prefill.ops,
        decode=generation.last_decode.ops,
    )


def _grids(counter: StageCounter) -> tuple[list[Grid], Grid]:
    """Patch grids that fix the vision stage's terms, and one that checks them."""
    fixed, side = counter.stages.grid, counter.stages.window
    if fixed is not None:
        return [fixed], fixed
    if counter.stages.own_grid is not None:
        return [(4, 4), (4, 8), (8, 8)], (8, 12)
    if side is None:
        return [(8, 12)], (12, 16)
    # whole and cut windows, or their term could not be told from the others
    return [(side, side), (side, 2 * side), (side, side // 2)], (side + side // 2, 2 * side + side // 2)


def _constant(_size: object) -> tuple[int]:
    return (1,)


def _quadratic(tokens: int) -> tuple[int, int, int]:
    return 1, tokens, tokens**2
