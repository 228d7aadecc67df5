"""What the doctor's tests share: a driver that is none, and commands that stand in for the machine's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """stand_in(name, output, status=0): a command on an otherwise empty PATH that prints and ends so."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, output: str, status: int = 0) -> None:
        program = folder / name
        channel = " >&2" if status else ""
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' '{output}'{channel}\nexit {status}\n")
        program.chmod(0o755)

    return put
