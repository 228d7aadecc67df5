"""Which blocks of a model lie on which of several GPUs: one after another, as `device_map` has it, every GPU
in use.

A model is cut only between two layers of a stack: what is added up inside a layer, and the embeddings, norms
and projections between two stacks, stay on one GPU. Of all such cuts the one is taken whose fullest GPU holds
the fewest bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from torch import Tensor, nn

from vlm_profiling.models.errors import Unsupported


def place_blocks(model: nn.Module, gpus: int) -> dict[str, int]:
    """The GPU, 0 to gpus - 1, of each part of a model (on any device, "meta" too) by its name; all tensors
    are in one part.

    Weights that are tied lie on one GPU, that of the first part that holds them, and are counted once.
    Raises Unsupported for a model with fewer layers than GPUs.
    """
    groups = list(_groups(model))
    if len(groups) < gpus:
        raise Unsupported(
            f"gpus: {gpus}: the model has {len(groups)} layers to lay on them; allowed: at most as many GPUs"
        )
    homes: dict[int, int] = {}
    sizes = []
    for number, group in enumerate(groups):
        own = [
            tensor
            for _, part in group
            for tensor in _tensors(part)
            if homes.setdefault(id(tensor), number) == number
        ]
        sizes.append(sum(tensor.nbytes for tensor in {id(tensor): tensor for tensor in own}.values()))
    gpu_of_group = [gpu for gpu, count in enumerate(even_cuts(sizes, gpus)) for _ in range(count)]
    placement = {}
    for number, group in enumerate(groups):
        for name, part in group:
            placement[name] = gpu_of_group[
                min((homes[id(tensor)] for tensor in _tensors(part)), default=number)
            ]
    return placement


def even_cuts(sizes: Sequence[int], parts: int) -> list[int]:
    """How many of the sizes, in their order, go to each part, at least one to each: the largest part is as
    small as can be.

    By dynamic programming over (parts, sizes): Hopcroft's and others' linear partition problem, as in Skiena,
    The Algorithm Design Manual, 8.5.
    """
    until = [0, *accumulate(sizes)]
    # least[n], cuts[n]: of the first n sizes in as many parts as rounds were made
    least: list[float] = [float("inf") if n == 0 else until[n] for n in range(len(sizes) + 1)]
    cuts: list[list[int]] = [[n] for n in range(len(sizes) + 1)]
    for made in range(1, parts):
        options = [
            min(
                ((max(least[start], until[n] - until[start]), start) for start in range(made, n)),
                default=(float("inf"), 0),
            )
            for n in range(len(sizes) + 1)
        ]
        least, cuts = (
            [most for most, _ in options],
            [[*cuts[start], n - start] for n, (_, start) in enumerate(options)],
        )
    return cuts[len(sizes)]


def _groups(model: nn.Module) -> Iterator[list[tuple[str, nn.Module | Tensor]]]:
    """Parts by name that belong on one GPU: a layer of a stack, and what stands before the first and after
    the last one.
    """
    group: list[tuple[str, nn.Module | Tensor]] = []
    before = ""
    for name, part, stack in _parts(model):
        if stack and stack == before:
            yield group
            group = []
        group.append((name, part))
        before = stack
    yield group


def _parts(
    module: nn.Module, name: str = "", stack: str = ""
) -> Iterator[tuple[str, nn.Module | Tensor, str]]:
    """Name, part and the stack it is a layer of ("" outside one): layers, and what holds none whole.

    Parts that only compute (rotary embeddings) come before their neighbours: the first layer needs them.
    """
    if stack or not any(isinstance(inner, nn.ModuleList) for inner in module.modules()):
        yield name, module, stack
        return
    prefix = f"{name}." if name else ""
    for own, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
        yield prefix + own, tensor, ""
    for own, child in sorted(
        module.named_children(), key=lambda item: next(item[1].parameters(), None) is not None
    ):
        yield from _parts(child, prefix + own, name if isinstance(module, nn.ModuleList) else "")


def _tensors(part: nn.Module | Tensor) -> Iterator[Tensor]:
    if isinstance(part, Tensor):
        yield part
    else:
        yield from part.parameters()
        yield from part.buffers()
