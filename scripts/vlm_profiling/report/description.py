"""The study that a report is about, from the JSON file that the workflow writes in its results folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from vlm_profiling.study import ConfigError, Runs, Study, study_from_mapping
from vlm_profiling.study.errors import Problem


class _Description(msgspec.Struct):
    study: dict
    environment: str


def read_description(path: Path) -> tuple[Study, Runs]:
    """The study in a description file, and every run that it expects. Raises ConfigError when the file holds
    neither.
    """
    try:
        description = msgspec.json.decode(path.read_bytes(), type=_Description)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(
            [Problem("(file)", f"not a study description: {error}", has_value=False)], str(path)
        ) from None
    study = study_from_mapping(description.study, source=str(path))
    return study, Runs(study, description.environment)
