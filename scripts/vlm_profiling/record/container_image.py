"""What a container image is: which one a study names, and which file or digest that means."""

from __future__ import annotations

import uuid
from pathlib import Path

from msgspec import Struct

RUNTIME_VARIABLE = "VLM_PROFILING_CONTAINER_RUNTIME"
"""In a container: which program runs it, and its version, which nothing inside tells."""
SIF_HEAD_BYTES = 64
"""32 of launch script, 10 of magic, 3 of version, 3 of architecture, 16 of identifier (apptainer/sif,
pkg/sif/sif.go).
"""


class ContainerImage(Struct, kw_only=True):
    """The image that a study's runs belong in, as a small file that a rule compares by content."""

    container: str | None
    """As the study names it: a .sif file or docker://repository@sha256:digest; null when it says `container:
    none`.
    """
    digest: str | None = None
    """The pinned OCI digest ("sha256:..."), or the identifier of the SIF file ("sif:..."); null where neither
    is there.
    """


def study_image(container: str) -> ContainerImage:
    """The image that a study's `container` means now; a .sif file that is not there has no digest."""
    if container == "none":
        return ContainerImage(container=None)
    if "@" in container:
        return ContainerImage(container=container, digest=container.partition("@")[2])
    return ContainerImage(container=container, digest=sif_identifier(Path(container)))


def sif_identifier(path: Path) -> str | None:
    """ "sif:" and the identifier that every build of a SIF file draws anew; None for a file that is no SIF or
    not there.

    It is in the file's head, so that a file of many gigabytes is told from another at once. Images built to
    be reproducible have an identifier of zeros, which tells nothing: None.
    """
    try:
        with path.open("rb") as file:
            head = file.read(SIF_HEAD_BYTES)
    except OSError:  # a container need not see its own image
        return None
    if head[32:42] != b"SIF_MAGIC\0" or len(head) < SIF_HEAD_BYTES or not any(head[48:]):
        return None
    return f"sif:{uuid.UUID(bytes=head[48:])}"
