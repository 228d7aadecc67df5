"""The script: the reference study's command line, a record on disk, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vlm_profiling.record.files import read_record
from vlm_profiling.record.manifests import CheckpointManifest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "profile_run.py"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], cwd=folder, capture_output=True, text=True
    )


@pytest.fixture
def llava(tiny: Callable[[str], tuple[Path, CheckpointManifest]]) -> str:
    project, _ = tiny("llava")
    return str(project / "llava")


def test_the_reference_command_line_writes_a_record(llava: str, shapes: Path, tmp_path: Path) -> None:
    options = (
        f"--src_folder {shapes} --model_name {llava} --img_size 28 --batch_size 2 "
        "--optimization fp32 --device cpu"
    )
    done = run(tmp_path, *options.split(), "--max_input_len", "200", "--cached", "--max-new-tokens", "2")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.rglob("*.json")
    assert done.stdout.splitlines()[-1].split(maxsplit=1)[1] == str(path.relative_to(tmp_path))
    record = read_record(path)
    assert record.status == "ok" and len(record.samples) == 4
    assert json.loads(record.spec)["protocol"]["cached"] is True
    assert (record.point.image_size, record.point.max_input_len, record.point.batch_size) == (28, 200, 2)
    assert f"status{'':<18}ok" in done.stdout and "ms a batch" in done.stdout


def test_a_prompt_length_brings_every_question_to_it(llava: str, shapes: Path, tmp_path: Path) -> None:
    options = (
        f"--src_folder {shapes} --model_name {llava} --device cpu --optimization fp32 "
        "--max-new-tokens 1 --prompt-len 30"
    )
    done = run(tmp_path, *options.split())
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.rglob("*.json")
    record = read_record(path)
    assert record.point.prompt_len == 30 and "text brought to 30 tokens" in done.stdout
    assert len({sample.prompt_tokens for sample in record.samples}) == 1
    assert all(sample.added_tokens > 0 for sample in record.samples)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "--src_folder and --model_name missing"),
        (
            "--src_folder {shapes} --model_name {llava} --device cpu --batch_size 0",
            "batch_size = 0\n    allowed: integer, at least 1",
        ),
        ("--src_folder {shapes} --model_name {llava} --device cpu --prompt-len 0", "prompt_len"),
        ("--src_folder {shapes}/nothing --model_name {llava} --device cpu", "nothing"),
        ("--src_folder {shapes} --model_name {shapes} --device cpu", "config.json"),
        (
            "--src_folder {shapes} --model_name ../no/such/folder --device cpu",
            "../no/such/folder: there is no such folder",
        ),
        ("--src_folder {shapes} --model_name {llava} --optimization fp17", "invalid choice: 'fp17'"),
    ],
)
def test_what_a_person_must_mend_is_said_without_a_traceback(
    options: str, message: str, llava: str, shapes: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, *options.format(shapes=shapes, llava=llava).split())
    assert done.returncode == (2 if "invalid choice" in message else 1)
    assert message in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.rglob("*.json")) == []
