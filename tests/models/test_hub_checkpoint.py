"""A hub checkpoint comes from the hub's cache at its commit; without cache and network the error says what to
do.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from vlm_profiling.engines.transformers.loader import load_checkpoint
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.identify import describe_local_or_hub
from vlm_profiling.study.inputs import ModelConfig

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = "owner/tiny-llava"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache on a machine without network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


@pytest.fixture
def cached(cache: Path, project: Path, manifests) -> Path:
    """The tiny LLaVA laid into the cache as the hub's client does: blobs, the large one named by its SHA-256,
    and links.
    """
    root = cache / f"models--{HUB.replace('/', '--')}"
    snapshot = root / "snapshots" / COMMIT
    for folder in (root / "blobs", root / "refs", snapshot):
        folder.mkdir(parents=True)
    (root / "refs/main").write_text(COMMIT)
    for file in (project / "llava").iterdir():
        sha256 = manifests["llava"].files[file.name].sha256
        blob = root / "blobs" / (sha256 if file.suffix == ".safetensors" else sha256[:40])
        blob.write_bytes(file.read_bytes())
        (snapshot / file.name).symlink_to(blob)
    return snapshot


def test_a_pinned_revision_is_described_and_loaded_from_the_cache(
    cached: Path, manifests, tmp_path: Path
) -> None:
    config = ModelConfig(hub=HUB, revision=COMMIT)
    manifest = describe_checkpoint("llava", config, tmp_path, tmp_path / "unused")
    assert (manifest.hub, manifest.revision, manifest.folder, manifest.source) == (HUB, COMMIT, None, HUB)
    assert manifest.content_sha256 == manifests["llava"].content_sha256
    loaded = load_checkpoint(manifest, tmp_path, device="cpu", dtype="float32", attention="sdpa")
    assert loaded.family.name == "llava"


def test_without_a_revision_the_newest_commit_is_told(cached: Path) -> None:
    manifest = describe_local_or_hub(HUB)
    assert (manifest.name, manifest.revision) == ("tiny-llava", COMMIT)


def test_pickles_in_the_cache_are_no_part_of_the_checkpoint(cached: Path, manifests) -> None:
    (cached / "pytorch_model.bin").write_bytes(b"fetched by another program")
    assert describe_local_or_hub(HUB).content_sha256 == manifests["llava"].content_sha256


def test_no_network_says_what_to_do(cache: Path) -> None:
    reason = (
        rf"^{HUB} at revision {COMMIT}: .*the hub cannot be reached; prepare it on a machine with network$"
    )
    with pytest.raises(CheckpointError, match=reason):
        describe_checkpoint("llava", ModelConfig(hub=HUB, revision=COMMIT), cache, cache / "unused")


def test_a_checkpoint_that_left_the_cache_is_not_fetched_by_a_run(cached: Path, tmp_path: Path) -> None:
    manifest = describe_local_or_hub(HUB)
    (cached / "config.json").unlink()
    cached.rename(cached.with_name("0" * 40))
    with pytest.raises(CheckpointError, match="not in the local cache"):
        load_checkpoint(manifest, tmp_path, device="cpu", dtype="float32", attention="sdpa")
