"""The engine that runs models with transformers, in this process."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from vlm_profiling.engines.base import EngineOptions
from vlm_profiling.engines.transformers.kernels import force_attention_backend
from vlm_profiling.engines.transformers.loader import load_checkpoint
from vlm_profiling.engines.transformers.model import TransformersModel
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.inputs import OptimizationConfig


class TransformersEngine:
    """Loads checkpoints with transformers."""

    def settings(self, asked: OptimizationConfig) -> AbstractContextManager[None]:
        """The attention kernel that the optimization asks for, and no other, until the block ends."""
        return force_attention_backend(asked)

    def load(self, manifest: CheckpointManifest, project: Path, options: EngineOptions) -> TransformersModel:
        """The checkpoint that a manifest describes, on the device.

        Args:
            manifest: as prepare_checkpoint.py wrote it.
            project: folder that the manifest's paths start from.
            options: the settings of the run.

        Raises Unsupported for a combination that cannot run, CheckpointError for unusable files.
        """
        loaded = load_checkpoint(
            manifest,
            project,
            device=options.point.device,
            dtype=options.optimization.dtype,
            attention=options.optimization.attention,
            quantisation=options.optimization.quantisation,
            gpus=options.gpus,
        )
        return TransformersModel(loaded, options)
