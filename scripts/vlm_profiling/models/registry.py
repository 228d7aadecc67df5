"""The model families that the project knows. A model of any other type is served by the generic one.

To add a family: a folder models/NAME with a subclass of Family in family.py, and its class in FAMILIES. Its
cost rules (cost.py), tiny checkpoints (tiny.py) and full-size architectures (full_size.py) are optional; the
class gives them by methods of Family.
"""

from __future__ import annotations

from vlm_profiling.models.base import Family
from vlm_profiling.models.blip2.family import Blip2
from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.fuyu.family import Fuyu
from vlm_profiling.models.generic.family import Generic
from vlm_profiling.models.instructblip.family import InstructBlip
from vlm_profiling.models.llava.family import Llava
from vlm_profiling.models.qwen2_5_vl.family import Qwen25VL
from vlm_profiling.models.stages import CostRules

FAMILIES: tuple[type[Family], ...] = (Blip2, InstructBlip, Fuyu, Llava, Qwen25VL, Generic)


def family_for(model_type: str, name: str | None = None) -> type[Family]:
    """The family of a model.

    Args:
        model_type: model_type of its config.json. One that no family names is served by Generic.
        name: The family asked for by the study, whatever the model_type; None where it asks for none.

    Raises:
        CheckpointError: No family has the name.
    """
    if name is None:
        return next((family for family in FAMILIES if model_type in family.model_types), Generic)
    for family in FAMILIES:
        if family.name == name:
            return family
    raise CheckpointError(
        f"unknown family {name!r}; allowed: {', '.join(family.name for family in FAMILIES)}"
    )


def cost_rules() -> dict[str, CostRules]:
    """The cost rules of all families that have them, by model_type of config.json."""
    rules = ((family, family.cost_rules()) for family in FAMILIES)
    return {model_type: known for family, known in rules if known for model_type in family.model_types}
