"""Random weights of a large model are drawn once, in place, and take no more memory than they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from generation import answer

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.models.random_weights import model_from_config

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
MAX_RATIO = 1.1

PEAK = """
from pathlib import Path
import torch
from vlm_profiling.models.full_size import full_size_config
from vlm_profiling.models.random_weights import model_from_config

def peak_bytes():
    # ru_maxrss would begin with what the process that started this one held
    status = Path("/proc/self/status").read_text().split()
    return 1024 * int(status[status.index("VmHWM:") + 1])

config = full_size_config("blip2-opt-2.7b")
config.text_config.num_hidden_layers, config.vision_config.num_hidden_layers = {layers}
small = full_size_config("blip2-opt-2.7b")  # what the first model of a process imports is no part of it
for part in (small.text_config, small.vision_config, small.qformer_config):
    part.num_hidden_layers = 1
small.text_config.vocab_size = 128
model_from_config(small, device="cpu", dtype=torch.bfloat16, attention="sdpa", draw_once=True)
before = peak_bytes()
model = model_from_config(config, device="cpu", dtype=torch.bfloat16, attention="sdpa", draw_once=True)
weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
assert {{parameter.dtype for parameter in model.parameters()}} == {{torch.bfloat16}}
print((peak_bytes() - before) / weights)
"""


@pytest.mark.parametrize(
    "layers", [(1, 2), pytest.param((20, 8), marks=pytest.mark.soak)], ids=["0.6 GB", "4 GB"]
)
def test_the_host_holds_the_weights_and_a_tenth_at_most(layers: tuple[int, int]) -> None:
    command = [sys.executable, "-c", PEAK.format(layers=layers)]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(SCRIPTS), "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert 0.5 < float(done.stdout) <= MAX_RATIO


def test_every_weight_is_drawn_and_the_model_answers(loaded: LoadedCheckpoint, images, requests) -> None:
    config = loaded.family.config
    model = model_from_config(config, device="cpu", dtype=torch.float32, attention="sdpa", draw_once=True)
    usual = model_from_config(config, device="cpu", dtype=torch.float32, attention="sdpa")
    for (name, drawn), twice in zip(model.named_parameters(), usual.parameters(), strict=True):
        assert torch.isfinite(drawn).all(), name
        assert drawn.std(correction=0).item() == pytest.approx(
            twice.std(correction=0).item(), rel=0.5, abs=1e-3
        ), name
    once = LoadedCheckpoint(model, loaded.processor, loaded.family, loaded.manifest, 0.0)
    assert [len(ids) for ids in answer(once, images[:2], requests[:2], steps=3)] == [3, 3]
