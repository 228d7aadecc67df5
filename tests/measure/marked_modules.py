"""Which modules of a session's model have a mark around their call."""

from __future__ import annotations

from vlm_profiling.measure.passes.headline import Session


def marked_modules(session: Session) -> list[str]:
    """Their names; a compiled module counts, too."""
    modules = session.checkpoint.model.named_modules()
    return [name for name, module in modules if module._compiled_call_impl is not None]
