"""A file is there whole or not at all, whatever happens to its writer."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vlm_profiling.record.files import atomic_path, write_bytes, write_if_changed, write_text

SCRIPTS = Path(__file__).parents[2] / "scripts"


def start_writer(code: str, target: Path) -> subprocess.Popen[str]:
    """A process that runs `code` with `target` and the library at hand."""
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys, time; from pathlib import Path\n{code}", str(target)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


HALF_WRITTEN = """
from vlm_profiling.record.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    with temporary.open("w") as file:
        file.write("half of it")
        file.flush()
        print("half", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("before", [None, "the old content"])
@pytest.mark.parametrize("killed_by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_writer_leaves_the_old_file_or_none(
    tmp_path: Path, before: str | None, killed_by: signal.Signals
) -> None:
    target = tmp_path / "record.json"
    if before is not None:
        target.write_text(before)
    writer = start_writer(HALF_WRITTEN, target)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half\n"
    writer.send_signal(killed_by)
    writer.communicate()
    assert (target.read_text() if target.exists() else None) == before
    write_text(target, "the next one")
    assert target.read_text() == "the next one"


TOO_LARGE = """
import resource, signal
from vlm_profiling.record.files import write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bytes(Path(sys.argv[1]), b"x" * 10_000)
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("before", [None, "the old content"])
def test_a_full_disk_leaves_the_old_file_or_none_and_nothing_else(tmp_path: Path, before: str | None) -> None:
    target = tmp_path / "runs" / "record.json"
    target.parent.mkdir()
    if before is not None:
        target.write_text(before)
    printed, _ = start_writer(TOO_LARGE, target).communicate()
    assert printed == "File too large\n"
    assert [path.read_text() for path in target.parent.iterdir()] == ([before] if before else [])


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "record.json"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_text("new")
        1 / 0  # noqa: B018
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_folder_is_made(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a/b/c.json", b"{}")
    assert (tmp_path / "a/b/c.json").read_bytes() == b"{}"


def test_the_temporary_file_stands_beside_the_target_and_is_hidden(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "record.json") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".record.json.")
        assert temporary.name.endswith(".tmp")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_file_has_the_mode_that_the_umask_gives(tmp_path: Path, mask: int, mode: int) -> None:
    previous = os.umask(mask)
    try:
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    code = (
        "from vlm_profiling.record.files import write_text\n"
        "import os\nfor number in range(30): write_text(Path(sys.argv[1]), str(os.getpid()) * 10_000)"
    )
    writers = [start_writer(code, tmp_path / "file") for _ in range(2)]
    for writer in writers:
        writer.communicate()
    assert (tmp_path / "file").read_text() in {str(writer.pid) * 10_000 for writer in writers}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unchanged_file_keeps_its_time(tmp_path: Path) -> None:
    target = tmp_path / "study.json"
    assert write_if_changed(target, b"one")
    os.utime(target, (1, 1))
    assert not write_if_changed(target, b"one")
    assert target.stat().st_mtime == 1
    assert write_if_changed(target, b"two")
    assert target.read_bytes() == b"two"


def test_text_is_written_as_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "Größe 尺寸 \u202e")
    assert (tmp_path / "file").read_bytes() == "Größe 尺寸 \u202e".encode()
