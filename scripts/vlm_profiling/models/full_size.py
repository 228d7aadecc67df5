"""Full-size architectures without a download: a config, a processor that makes prompts, and no weights.

With random weights (models/random_weights.py) latency, energy, FLOPs and memory are real; answers mean
nothing. Each family holds its own in models/FAMILY/full_size.py.
"""

from __future__ import annotations

from pathlib import Path

from transformers import PreTrainedConfig

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.folders import whole_folder
from vlm_profiling.models.registry import FAMILIES
from vlm_profiling.models.synthetic import FullSizeModel
from vlm_profiling.study.errors import allowed_names

ARCHITECTURES: dict[str, FullSizeModel] = {
    name: model for family in FAMILIES for name, model in family.full_size_models().items()
}
"""The embedded architectures by the name that `architecture` of config.yaml takes."""


def full_size_config(name: str) -> PreTrainedConfig:
    """A new config of a published architecture. Raises CheckpointError for a name that is not embedded."""
    if name not in ARCHITECTURES:
        raise CheckpointError(f"unknown architecture {name!r}; {allowed_names(ARCHITECTURES, name)}")
    return ARCHITECTURES[name].config()


def write_full_size_checkpoint(name: str, folder: Path) -> None:
    """Write config and processor of an embedded architecture into a folder, which appears whole.

    Raises CheckpointError for a name that is not embedded.
    """
    config = full_size_config(name)
    processor = ARCHITECTURES[name].processor(config)
    with whole_folder(folder) as temporary:
        config.save_pretrained(temporary)
        processor.save_pretrained(temporary)
