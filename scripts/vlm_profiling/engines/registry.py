"""The engines there are, by name. A new engine is a folder beside this file and a line here."""

from __future__ import annotations

from vlm_profiling.engines.base import Engine
from vlm_profiling.engines.transformers.engine import TransformersEngine

ENGINES: dict[str, Engine] = {
    "transformers": TransformersEngine(),
}
DEFAULT = "transformers"
