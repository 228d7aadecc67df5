"""count_cost.py works alone: from a manifest to a file, with reasons a person can mend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from vlm_profiling.cost.counting.count import checkpoint_cost
from vlm_profiling.cost.functions import CostError, read_cost
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.record.manifests import CheckpointManifest, write_manifest
from vlm_profiling.study.inputs import ModelConfig

SCRIPT = Path(__file__).parents[2] / "scripts" / "count_cost.py"
UNKNOWN = CheckpointManifest(
    name="new-vlm",
    source="someone/new-vlm",
    hub="someone/new-vlm",
    revision="0" * 40,
    model_type="new_vlm",
    architecture="NewVlm",
    family="generic",
    content_sha256="0" * 64,
)


def count_cost(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], cwd=project, capture_output=True, text=True, check=False
    )


def test_a_checkpoint_of_an_unknown_type_has_a_reason_instead_of_numbers(tmp_path: Path) -> None:
    write_manifest(tmp_path / "new-vlm.json", UNKNOWN)
    done = count_cost(tmp_path, "--checkpoint", "new-vlm.json", "--output", "costs/new-vlm.json")
    assert done.returncode == 0, done.stderr
    cost = read_cost(tmp_path / "costs" / "new-vlm.json")
    assert (
        cost.absent == "the stages of model type 'new_vlm' are not known; "
        "known: blip-2, fuyu, instructblip, llava, qwen2_5_vl"
    )
    assert (cost.flops, cost.weights, cost.cache, cost.parameters, cost.checks) == (
        None,
        None,
        None,
        None,
        [],
    )


def test_a_manifest_in_gives_a_cost_file_out(tmp_path: Path) -> None:
    manifest = describe_checkpoint(
        "tiny-llava", ModelConfig(tiny="llava"), tmp_path, tmp_path / "checkpoints" / "tiny-llava"
    )
    write_manifest(tmp_path / "checkpoints" / "tiny-llava.json", manifest)
    done = count_cost(
        tmp_path, "--checkpoint", "checkpoints/tiny-llava.json", "--output", "costs/tiny-llava.json"
    )
    assert done.returncode == 0, done.stderr
    cost = read_cost(tmp_path / "costs" / "tiny-llava.json")
    assert cost == checkpoint_cost(manifest, tmp_path)
    assert (cost.name, cost.source, cost.model_type) == ("tiny-llava", "tiny:llava", "llava")


def test_a_missing_manifest_ends_with_its_name(tmp_path: Path) -> None:
    done = count_cost(tmp_path, "--checkpoint", "nowhere.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nowhere.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_vanished_folder_is_said() -> None:
    with pytest.raises(CostError, match="prepare the checkpoint again"):
        checkpoint_cost(
            replace(UNKNOWN, hub=None, revision=None, folder="gone", model_type="llava"), Path("nowhere")
        )


def test_a_checkpoint_with_code_of_its_own_is_not_counted_as_another_model() -> None:
    cost = checkpoint_cost(replace(UNKNOWN, model_type="llava", trust_remote_code=True), Path())
    assert cost.flops is None
    assert cost.absent == "the checkpoint may run code of its own, whose stages are not known"
