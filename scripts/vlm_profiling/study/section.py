"""One section of a study, such as a model's settings, from its JSON text."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import BaseModel

from vlm_profiling.study.errors import ConfigError, Problem, section_problems

ConfigSection = TypeVar("ConfigSection", bound=BaseModel)


def read_section(section: type[ConfigSection], text: str, kind: str, name: str) -> ConfigSection:
    """The settings of one model or data set.

    Args:
        section: the pydantic model of the settings.
        text: the settings as JSON.
        kind: the section of config.yaml, "models" or "datasets".
        name: the model's or data set's name, for messages.

    Raises:
        ConfigError: the text is no JSON, or its settings are not valid; names every problem.
    """
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError([Problem(f"{kind}.{name}", f"no JSON: {error}", text)], name) from None
    if problems := section_problems(section, settings, (kind, name)):
        raise ConfigError(problems, name)
    return section.model_validate(settings)
