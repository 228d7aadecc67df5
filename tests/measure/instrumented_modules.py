"""The modules of a session's model that have events around their call."""

from __future__ import annotations

from dataclasses import replace

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.engines.transformers.model import TransformersModel
from vlm_profiling.measure.passes.headline import Session
from vlm_profiling.models.generic.family import Generic


def checkpoint_of(session: Session) -> LoadedCheckpoint:
    """What the transformers engine loaded."""
    assert isinstance(session.loaded, TransformersModel)
    return session.loaded.checkpoint


def as_generic(session: Session) -> None:
    """Serve the session's model by the generic family."""
    assert isinstance(session.loaded, TransformersModel)
    checkpoint = session.loaded.checkpoint
    session.loaded.checkpoint = replace(checkpoint, family=Generic(checkpoint.model.config))


def instrumented_modules(session: Session) -> list[str]:
    """Their names; a compiled module counts, too."""
    modules = checkpoint_of(session).model.named_modules()
    return [name for name, module in modules if module._compiled_call_impl is not None]
