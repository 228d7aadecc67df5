"""The cost functions of tiny checkpoints, which take seconds to count, each counted once."""

from __future__ import annotations

from pathlib import Path

import msgspec

from vlm_profiling.cost.counting.count import checkpoint_cost
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.record.manifests import CheckpointManifest

_counted: dict[bytes, ModelCost] = {}
"""By all that its manifest says."""


def counted_cost(manifest: CheckpointManifest, project: Path) -> ModelCost:
    """What checkpoint_cost gives; to be read only."""
    key = msgspec.json.encode(manifest)
    if key not in _counted:
        _counted[key] = checkpoint_cost(manifest, project)
    return _counted[key]
