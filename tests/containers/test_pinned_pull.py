"""An image named docker://repository@sha256:digest is pulled by that digest, and by no other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import registry
from small_project import SNAKEMAKE

pytestmark = pytest.mark.container

SNAKEFILE = """
rule all:
    output: "said.txt"
    container: "{image}"
    shell: "echo \\"$APPTAINER_NAME\\" > {{output}}"
"""


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Repository and digest of an image in a loopback registry."""
    reason = registry.why_not()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("registry")
    with registry.serve(folder) as address:
        yield f"docker://{address}/vlm/small", registry.push_small_image(address, folder)


def run_in(image: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Snakemake's one job in an image."""
    (folder / "Snakefile").write_text(SNAKEFILE.format(image=image))
    variables = {**os.environ, "APPTAINER_NOHTTPS": "1", "APPTAINER_CACHEDIR": str(folder / "cache")}
    command = [str(SNAKEMAKE), "-c1", "--sdm", "apptainer"]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


def test_the_image_of_that_digest_is_pulled_and_run(pushed: tuple[str, str], tmp_path: Path) -> None:
    repository, digest = pushed
    done = run_in(f"{repository}@{digest}", tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "said.txt").read_text().endswith(".simg\n")


def test_another_digest_is_refused_and_named(pushed: tuple[str, str], tmp_path: Path) -> None:
    repository, _ = pushed
    wrong = f"{repository}@sha256:{'0' * 64}"
    done = run_in(wrong, tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Failed to pull singularity image" in said and wrong in said
    assert "manifest unknown" in said
    assert not (tmp_path / "said.txt").exists()
