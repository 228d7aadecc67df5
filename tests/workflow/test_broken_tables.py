"""What is done at a workflow's end looks at its tables, and must not hide what the workflow itself said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from vlm_profiling.recovery import set_aside_broken_records


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_a_broken_table_sets_nothing_aside_and_raises_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "runs.parquet").write_bytes(content)
    workflow = SimpleNamespace(study=SimpleNamespace(results=str(tmp_path)), runs={})
    assert list(set_aside_broken_records(workflow)) == []  # type: ignore[arg-type]
