"""A sample's answer does not depend on who shares its batch: every family, in float32, with the padding that
it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from other_families import OTHER_FAMILIES, build_other_checkpoint
from PIL import Image

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.study.inputs import ModelConfig

SAMPLES = 16
STEPS = 2
ROUNDING = 1e-5
"""Of logits whose spread is 0.1: another batch adds numbers in another order."""
KOSMOS2 = (
    "transformers 5.23 counts padding into the positions of Kosmos-2's cached steps: "
    "padded rows answer otherwise"
)


@pytest.fixture(scope="module")
def family(
    load: Callable[..., LoadedCheckpoint], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], LoadedCheckpoint]:
    def load_family(name: str) -> LoadedCheckpoint:
        if name in TINY_ARCHITECTURES:
            return load(name)
        project = tmp_path_factory.mktemp("other")
        build_other_checkpoint(name, project / name)
        manifest = describe_checkpoint(name, ModelConfig(folder=name), project, project / "built")
        return load_checkpoint(manifest, project, device="cpu", dtype="float32", attention="sdpa")

    return load_family


@torch.inference_mode()
def decide(loaded: LoadedCheckpoint, images: list[Image.Image], requests: list[str]) -> torch.Tensor:
    """Logits that each row's tokens were chosen by: rows x STEPS x vocabulary."""
    prepared = loaded.family.prepare(loaded.processor, images, requests)
    model: Any = loaded.model
    arguments = loaded.family.generate_arguments(model)
    known = {
        "do_sample": False,
        "output_logits": True,
        "return_dict_in_generate": True,
        "min_new_tokens": STEPS,
    }
    return torch.stack(
        model.generate(**prepared.inputs, **arguments, **known, max_new_tokens=STEPS).logits, dim=1
    )


@pytest.mark.parametrize(
    "name",
    [
        *TINY_ARCHITECTURES,
        *(
            pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=KOSMOS2))
            if name == "kosmos2"
            else name
            for name in OTHER_FAMILIES
        ),
    ],
)
def test_answers_at_batches_of_4_8_and_16_are_those_at_1(
    family: Callable[[str], LoadedCheckpoint], images: list[Image.Image], requests: list[str], name: str
) -> None:
    loaded = family(name)
    repeated = [images[number % 4] for number in range(SAMPLES)]
    texts = [f"{requests[number % 3]} {'again ' * (number % 5)}" for number in range(SAMPLES)]
    lengths = loaded.family.prepare(loaded.processor, repeated, texts).prompt_tokens
    assert len(set(lengths)) > 4, "rows of uneven lengths, so that some are padded"

    def in_batches(size: int) -> torch.Tensor:
        return torch.cat(
            [
                decide(loaded, repeated[start : start + size], texts[start : start + size])
                for start in range(0, SAMPLES, size)
            ]
        )

    alone = in_batches(1)
    assert alone.std(dim=0).mean() > 100 * ROUNDING, "samples that are told apart"
    for size in (4, 8, 16):
        together = in_batches(size)
        assert torch.equal(together.argmax(-1), alone.argmax(-1)), f"batch {size}"
        assert (together - alone).abs().max() < ROUNDING, f"batch {size}"
