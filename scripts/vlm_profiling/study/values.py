"""The kinds of values that settings have, and what every section of config.yaml has in common."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from vlm_profiling.study.canonical import canonical_json

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
HUB_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
COMMIT_PATTERN = r"^[0-9a-f]{40}$"
PLAIN_PATH_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*"
PROJECT_FOLDERS = frozenset(
    [
        "benchmarks",
        "checkpoints",
        "containers",
        "datasets",
        "docs",
        "envs",
        "logs",
        "makefile",
        "profiles",
        "rules",
        "scripts",
        "snakefile",
        "tests",
        "tools",
    ]
)
"""What the project keeps at its top, where no study may write its results; hidden folders begin with a dot,
which none may.
"""

Name: TypeAlias = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
HubId: TypeAlias = Annotated[str, StringConstraints(pattern=HUB_ID_PATTERN)]
Revision: TypeAlias = Annotated[str, StringConstraints(pattern=COMMIT_PATTERN)]


def _inside_project(path: str) -> str:
    parts = PurePosixPath(path).parts
    if (
        not path
        or "\\" in path
        or "\0" in path
        or PurePosixPath(path).is_absolute()
        or ".." in parts
        or parts[:1] == ("~",)
    ):
        raise ValueError(
            "a path outside the project; allowed: a relative path below the project's folder, without '..'"
        )
    if not path.isprintable() or set(path) & set(",:"):
        raise ValueError(
            "a path with a control character, ',' or ':', which binds of a container cannot hold"
        )
    return str(PurePosixPath(path))


ProjectPath: TypeAlias = Annotated[
    str, AfterValidator(_inside_project), Field(json_schema_extra={"format": "project-path"})
]


def _plain_path(path: str) -> str:
    """A path inside the project that means the same to a shell, to Snakemake's patterns and to a container's
    command line.
    """
    inside = _inside_project(path)
    if re.fullmatch(PLAIN_PATH_PATTERN, inside) is None:
        raise ValueError(
            "a path with other characters; allowed: folders of letters, digits, '.', '_' and '-', "
            "such as results/demo"
        )
    return inside


def _results_path(path: str) -> str:
    results = _plain_path(path)
    first = PurePosixPath(results).parts[0]
    if first.casefold() in PROJECT_FOLDERS:
        raise ValueError(
            f"{first} is a folder of the project itself; allowed: a folder of results, such as results/demo"
        )
    return results


ResultsPath: TypeAlias = Annotated[
    str, AfterValidator(_results_path), Field(json_schema_extra={"format": "results-path"})
]


def _pinned_image(image: str) -> str:
    if image == "none":
        return image
    if "://" not in image:
        return _plain_path(image)
    if re.fullmatch(r"docker://[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}", image) is None:
        raise ValueError(
            "not pinned; allowed: a .sif file inside the project, docker://repository@sha256:digest, or none"
        )
    return image


ContainerReference: TypeAlias = Annotated[
    str, AfterValidator(_pinned_image), Field(json_schema_extra={"format": "pinned-image"})
]


class ConfigSection(BaseModel):
    """A section of config.yaml: unknown keys are errors, values are not converted between types, numbers are
    finite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @cached_property
    def canonical(self) -> str:
        """The canonical JSON of what is set."""
        return canonical_json(self.model_dump(exclude_none=True))
