"""Whether a run is where its study says: in the named image, or on the host because the study says so."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from vlm_profiling.measure.outcomes import MachineError
from vlm_profiling.record.container_image import ContainerImage, sif_identifier

APPTAINER_FOLDER = Path("/.singularity.d")
"""What Apptainer puts into every container, whatever the environment says."""


def refuse_outside(image: ContainerImage) -> None:
    """Raise MachineError when the study's runs belong in an image and this process is not in it.

    Snakemake ignores a rule's image unless it is told --sdm apptainer, and says nothing: the figures would be
    the host's. An image pinned by digest is pulled by that digest, under a name of Snakemake's; a .sif is
    told by name and identifier.
    """
    if image.container is None:
        return
    inside = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER")
    if inside is None or not APPTAINER_FOLDER.is_dir():
        raise MachineError(
            f"runs of this study belong in {image.container}, but this process is in no container: "
            "add --sdm apptainer (the profiles workstation and slurm-h100 have it), "
            "or say `container: none` in the study to measure on the host"
        )
    if "://" in image.container:
        return
    if PurePath(inside).name != PurePath(image.container).name:
        raise MachineError(
            f"runs of this study belong in {image.container}, but this process is in {PurePath(inside).name}"
        )
    found = sif_identifier(Path(inside))
    if found is not None and found != image.digest:
        raise MachineError(
            f"{image.container} is {found}, but was {image.digest} when the workflow started: start it again"
        )
