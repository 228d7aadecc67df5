"""A small study on disk, from settings and one function that answers each run with a record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_study import SETTINGS, answer
from study_folder import StudyFolder, write_study

from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Run


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., StudyFolder]:
    """Write a study's description, costs and records: `make_study(answer, **changed_settings)`."""

    def make(answer: Callable[[Run], RunRecord] = answer, **changes: Any) -> StudyFolder:
        return write_study(tmp_path, SETTINGS | changes, answer)

    return make
