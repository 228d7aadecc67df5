"""A study's checkpoint made ready to load: built, fetched or checked, and described in a manifest."""

from __future__ import annotations

from pathlib import Path

from vlm_profiling.models.identify import Handling, describe_folder, describe_hub
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.inputs import ModelConfig


def describe_checkpoint(name: str, config: ModelConfig, project: Path, built: Path) -> CheckpointManifest:
    """Make a checkpoint ready and describe it.

    A tiny one, and the config and processor of an architecture, are written into the folder `built` below the
    project; one of the hub is fetched into the hub's cache; a folder is checked where it lies. Raises
    CheckpointError when it cannot be used, saying what to do.
    """
    handling = Handling(
        config.family, config.trust_remote_code, config.processor_backend, config.image_size_mode
    )
    if config.hub is not None:
        return describe_hub(name, config.hub, config.revision, handling)
    if config.tiny is not None:
        from vlm_profiling.models.tiny import build_tiny_checkpoint

        build_tiny_checkpoint(config.tiny, built)
        return _describe_built(name, f"tiny:{config.tiny}", handling, project, built)
    if config.architecture is not None:
        from vlm_profiling.models.full_size import write_full_size_checkpoint

        write_full_size_checkpoint(config.architecture, built)
        return _describe_built(name, f"architecture:{config.architecture}", handling, project, built)
    return describe_folder(
        project / str(config.folder), handling, name=name, source=str(config.folder), folder=config.folder
    )


def _describe_built(
    name: str, source: str, handling: Handling, project: Path, built: Path
) -> CheckpointManifest:
    folder = built.resolve().relative_to(project.resolve()).as_posix()
    return describe_folder(built, handling, name=name, source=source, folder=folder, random_weights=True)
