"""Whether a secret of the environment shows where others can read it: in command lines, in files, in what is
printed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECRET = "hf_thisIsNobodysToken1234567890"


@contextmanager
def watched_command_lines() -> Iterator[set[str]]:
    """Look at the command lines of all processes again and again; collects those that hold the secret."""
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for entry in Path("/proc").iterdir():
                try:
                    command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
                except OSError:
                    continue
                if SECRET.encode() in command:
                    seen.add(command.replace(b"\0", b" ").decode(errors="replace"))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    yield seen
    over.set()
    watcher.join()


def files_that_tell(folder: Path) -> list[str]:
    """Files below a folder that hold the secret, hidden ones too; links are not followed."""
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != ".sif"
    ]
    return [str(path.relative_to(folder)) for path in files if SECRET.encode() in path.read_bytes()]
