"""The families known to the project. A model of any other type is served by the generic one.

To add a family: one file with a subclass of Family, and its name in the registry below.
"""

from __future__ import annotations

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.families.base import Family, Prepared
from vlm_profiling.models.families.blip2 import Blip2
from vlm_profiling.models.families.fuyu import Fuyu
from vlm_profiling.models.families.generic import Generic
from vlm_profiling.models.families.instructblip import InstructBlip
from vlm_profiling.models.families.llava import Llava
from vlm_profiling.models.families.qwen2_5_vl import Qwen25VL

__all__ = ["FAMILIES", "Family", "Prepared", "family_for"]

FAMILIES: tuple[type[Family], ...] = (Blip2, InstructBlip, Fuyu, Llava, Qwen25VL, Generic)


def family_for(model_type: str, asked: str | None = None) -> type[Family]:
    """The family asked for by name; else the one that serves this model_type of a config.json, else the
    generic one.

    Raises CheckpointError when no family bears the name.
    """
    if asked is None:
        return next((family for family in FAMILIES if model_type in family.model_types), Generic)
    for family in FAMILIES:
        if family.name == asked:
            return family
    raise CheckpointError(
        f"unknown family {asked!r}; allowed: {', '.join(family.name for family in FAMILIES)}"
    )
