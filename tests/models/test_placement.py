"""A model laid on several GPUs, pretended on the CPU: every GPU in use, no tensor met on another one, the
same answers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
import torch
from fakes.pretended_gpus import pretended_gpus
from msgspec.structs import replace

from vlm_profiling.engines.base import EngineOptions
from vlm_profiling.engines.transformers.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.engines.transformers.model import TransformersModel
from vlm_profiling.engines.transformers.placement import even_cuts, place_blocks
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.full_size import ARCHITECTURES, full_size_config
from vlm_profiling.models.random_weights import model_from_config
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.inputs import OptimizationConfig
from vlm_profiling.study.point import Point


def largest_part(sizes: list[int], counts: list[int]) -> int:
    taken = iter(sizes)
    return max(sum(next(taken) for _ in range(count)) for count in counts)


def test_cuts_make_the_largest_part_as_small_as_any_cuts_do() -> None:
    draw = Random(0)
    for _ in range(300):
        sizes = [draw.randint(0, 9) for _ in range(draw.randint(1, 9))]
        parts = draw.randint(1, len(sizes))
        counts = even_cuts(sizes, parts)
        assert (len(counts), sum(counts), min(counts) >= 1) == (parts, len(sizes), True)
        every = combinations(range(1, len(sizes)), parts - 1)
        best = min(
            largest_part(
                sizes, [end - start for start, end in zip((0, *cut), (*cut, len(sizes)), strict=True)]
            )
            for cut in every
        )
        assert largest_part(sizes, counts) == best, sizes


def bytes_by_gpu(model: torch.nn.Module, placement: Mapping[str, int]) -> dict[int, int]:
    """Bytes of parameters and buffers on each GPU, tied ones once; each must lie in exactly one part."""
    placed: dict[int, tuple[int, int]] = {}
    for name, tensor in (
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ):
        (gpu,) = {gpu for part, gpu in placement.items() if f"{name}.".startswith(f"{part}.")}
        assert placed.setdefault(id(tensor), (gpu, tensor.nbytes)) == (gpu, tensor.nbytes), (
            f"{name} is tied across GPUs"
        )
    return {
        gpu: sum(size for own, size in placed.values() if own == gpu)
        for gpu in {own for own, _ in placed.values()}
    }


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_full_size_architectures_fill_every_gpu_about_evenly(name: str) -> None:
    model = model_from_config(full_size_config(name), device="meta", dtype=torch.bfloat16, attention="sdpa")
    whole = sum(bytes_by_gpu(model, place_blocks(model, 1)).values())
    for gpus in (2, 4):
        held = bytes_by_gpu(model, place_blocks(model, gpus))
        assert sorted(held) == list(range(gpus))
        assert sum(held.values()) == whole
        assert max(held.values()) < 1.3 * whole / gpus


def test_parts_follow_each_other_and_no_layer_is_cut() -> None:
    model = model_from_config(
        full_size_config("llava-1.5-7b-hf"), device="meta", dtype=torch.bfloat16, attention="sdpa"
    )
    placement = place_blocks(model, 3)
    layers = [placement[f"model.language_model.layers.{number}"] for number in range(32)]
    assert layers == sorted(layers) and set(layers) == {0, 1, 2}
    assert not any(name.startswith("model.language_model.layers.0.") for name in placement)
    assert placement["lm_head"] == placement["model.language_model.norm"] == 2


@pytest.fixture
def load_on(project: Path, manifests: dict[str, CheckpointManifest]) -> Callable[..., LoadedCheckpoint]:
    def load(architecture: str, gpus: int, **settings: str) -> LoadedCheckpoint:
        asked = {"dtype": "float32", "attention": "sdpa", **settings}
        return load_checkpoint(manifests[architecture], project, device="cuda", gpus=gpus, **asked)

    return load


def answer(loaded: LoadedCheckpoint, images, requests, steps: int) -> list[list[int]]:
    """New token ids, row by row, of a batch asked as a run asks it."""
    point = Point(device="cuda" if loaded.gpus else "cpu", optimization="fp32", batch_size=2)
    asked = OptimizationConfig(dtype="float32", attention="sdpa")
    laid = TransformersModel(loaded, EngineOptions(point, asked, loaded.gpus, steps, steps))
    inputs = laid.transfer(laid.prepare(images, requests, []))
    return laid.detokenise(inputs, laid.generate(inputs)).ids.tolist()


@pytest.mark.parametrize("gpus", [2, 3])
def test_answers_are_those_of_the_model_on_one_device(
    loaded, load_on, images, requests, gpus, monkeypatch
) -> None:
    architecture = loaded.manifest.name
    expected = answer(loaded, images[:2], requests[:2], steps=4)
    with pretended_gpus(monkeypatch, gpus) as places:
        if architecture == "fuyu" and gpus == 3:
            with pytest.raises(Unsupported, match=r"gpus: 3: the model has 2 layers to lay on them"):
                load_on(architecture, gpus)
            return
        laid = load_on(architecture, gpus)
        assert {parameter.device.index for parameter in laid.model.parameters()} == set(range(gpus))
        assert answer(laid, images[:2], requests[:2], steps=4) == expected
        assert places.moved
    for (name, ours), theirs in zip(loaded.model.named_parameters(), laid.model.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_weights_are_drawn_on_every_gpu_where_a_checkpoint_has_none(
    loaded, project: Path, manifests, images, requests, tmp_path: Path, monkeypatch
) -> None:
    manifest = manifests[loaded.manifest.name]
    shutil.copytree(
        project / str(manifest.folder), tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors")
    )
    bare = replace(manifest, folder="bare")
    with pretended_gpus(monkeypatch, 2):
        drawn = load_checkpoint(bare, tmp_path, device="cuda", dtype="float32", attention="sdpa", gpus=2)
        assert {parameter.device.index for parameter in drawn.model.parameters()} == {0, 1}
        assert [len(ids) for ids in answer(drawn, images[:2], requests[:2], steps=3)] == [3, 3]
    usual = dict(loaded.model.named_parameters())
    for name, parameter in drawn.model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert parameter.std(correction=0).item() == pytest.approx(
            usual[name].std(correction=0).item(), rel=0.5, abs=1e-3
        ), name
    buffers = dict(loaded.model.named_buffers())
    for name, buffer in drawn.model.named_buffers():
        assert torch.equal(buffer, buffers[name]), name


def test_pretended_gpus_refuse_what_cuda_refuses(monkeypatch) -> None:
    with pretended_gpus(monkeypatch, 2):
        first, second = torch.ones(3, device="cuda:0"), torch.ones(3, device=1)
        assert (first.device, second.device, (second * 2).device) == (
            torch.device("cuda", 0),
            torch.device("cuda", 1),
            torch.device("cuda", 1),
        )
        with pytest.raises(RuntimeError, match="cuda:0 and cuda:1"):
            _ = first + second
        with pytest.raises(RuntimeError, match="cpu and cuda:1"):
            _ = second + torch.ones(3)
        assert (first + second.to("cuda")).device.index == 0
        assert second[torch.tensor([0, 1])].sum().item() == 2


def test_quantised_layers_are_refused_on_several_gpus(load_on) -> None:
    with pytest.raises(Unsupported, match="quantisation int8 with gpus: 2"):
        load_on("llava", 2, quantisation="int8")
