"""InstructBLIP: BLIP-2 whose Q-Former reads the request too (arXiv 2305.06500)."""

from __future__ import annotations

from vlm_profiling.models.families.blip2 import Blip2


class InstructBlip(Blip2):
    """As BLIP-2; the request is tokenized a second time, for the Q-Former."""

    name = "instructblip"
    model_types = ("instructblip",)
