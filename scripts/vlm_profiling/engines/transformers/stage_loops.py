"""The parts of generate() that can be run alone: captured calls of the vision encoder and the projector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vlm_profiling.cost.counting.module_events import wrapped_call
from vlm_profiling.engines.base import StageLoops
from vlm_profiling.engines.transformers.events import stage_modules

if TYPE_CHECKING:
    from vlm_profiling.engines.transformers.model import TransformersModel


@dataclass(frozen=True)
class Call:
    """A module, and what it was called with."""

    module: nn.Module
    arguments: tuple[Any, ...]
    named: dict[str, Any]

    def repeat(self) -> None:
        """The same call once more."""
        self.module(*self.arguments, **self.named)


def stage_loops(loaded: TransformersModel, inputs: Sequence[Any]) -> StageLoops:
    """The loops over the inputs of some batches, which are on the device."""
    modules, absent = stage_modules(loaded)
    one_token = {"max_new_tokens": 1, "min_new_tokens": min(1, loaded.generation["min_new_tokens"])}

    def first_token() -> list[Any]:
        return [loaded.generate(batch, **one_token) for batch in inputs]

    parts: dict[str, Callable[[], object]] = {}
    for stage in ("vision", "project"):
        names = [name for name, bounded in modules.items() if bounded == stage]
        if names:
            with _calls_of(loaded.checkpoint.model, names) as calls:
                first_token()
            parts[stage] = partial(_repeat, calls)
    encoders = [name for name, stage in modules.items() if stage == "vision"]
    projectors = [name for name, stage in modules.items() if stage == "project"]
    return StageLoops(
        parts=parts,
        first_token=first_token,
        encoder_projects=any(inner.startswith(f"{outer}.") for inner in projectors for outer in encoders),
        absent=absent,
    )


def _repeat(calls: Sequence[Call]) -> None:
    with torch.no_grad():
        for call in calls:
            call.repeat()


@contextmanager
def _calls_of(model: nn.Module, names: Sequence[str]) -> Iterator[list[Call]]:
    """A list of all calls of some modules while the block runs."""
    calls: list[Call] = []

    def keeping(call: Callable[..., Any], module: nn.Module) -> Callable[..., Any]:
        def kept(*arguments: Any, **named: Any) -> Any:
            calls.append(Call(module, arguments, named))
            return call(*arguments, **named)

        return kept

    with ExitStack() as undo:
        for name in names:
            module = model.get_submodule(name)
            undo.enter_context(wrapped_call(module, partial(keeping, module=module)))
        yield calls
