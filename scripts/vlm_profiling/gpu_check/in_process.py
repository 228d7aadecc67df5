"""What is measured in processes of their own beside runs: the device and its meters, and what the passes
cost.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from vlm_profiling.gpu_check.facts import DeviceFacts, Overhead
from vlm_profiling.record.files import write_bytes
from vlm_profiling.record.sections import Section

if TYPE_CHECKING:
    from collections.abc import Callable


IMPORTS = "import torch; from transformers import AutoModelForImageTextToText, AutoProcessor"
IDLE_S, LOAD_S = 5.0, 6.0
SIDE = 8192
"""Of the matrices that load the GPU, as in the calibration."""
PAIRS = 40
NEW_TOKENS = 8
"""Short answers make many pairs."""


def require_device(device: str) -> None:
    """End the process with status 2 when torch sees no such device, or cannot use it."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        print(
            f"torch {torch.__version__} sees no CUDA GPU here (built for CUDA {torch.version.cuda or 'no'})"
        )
        sys.exit(2)
    try:
        torch.ones(1, device=device).item()
    except RuntimeError as error:
        print(f"torch {torch.__version__} sees a CUDA GPU, but cannot use it: {error}")
        sys.exit(2)


def measure_device(device: str, lock: Path, output: Path) -> None:
    """Write facts of the machine and its meters as JSON, and every glance at the meters as CSV beside it."""
    import torch

    from vlm_profiling.gpu_check.power import power_facts, watch_power, write_glances
    from vlm_profiling.measure.environment.describe import describe_environment
    from vlm_profiling.measure.meters.base import MeterError
    from vlm_profiling.measure.meters.gpu import find_gpu

    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    facts = DeviceFacts(
        device=device,
        environment=describe_environment(device, lock, torch.get_num_threads()),
        import_s=time.perf_counter() - started,
    )
    write_json(output, facts)
    if device != "cuda":
        facts.power_absent = f"the device is {device}"
    else:
        try:
            glances = watch_power(find_gpu(0), _matrix_work(), idle_s=IDLE_S, load_s=LOAD_S)
            write_glances(output.with_name("power.csv"), glances)
            facts.power = power_facts(glances)
        except MeterError as error:
            facts.power_absent = str(error)
    write_json(output, facts)


def _matrix_work() -> Callable[[], None]:
    """Some 30 ms of matrix products on the GPU, closed by a synchronise; the matrices are there before it is
    called.
    """
    import torch

    left, right = (torch.randn(SIDE, SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    product = torch.empty_like(left)

    def work() -> None:
        for _ in range(20):
            torch.mm(left, right, out=product)
        torch.cuda.synchronize()

    work()
    return work


def measure_overhead(
    checkpoint: Path,
    dataset: Path,
    device: str,
    dtype: str,
    overhead_path: Path,
    decode_path: Path,
    budget_s: float,
) -> None:
    """Write as JSON what the passes cost on one model at batch size 1, and what its decode step is made of.

    The three comparisons share `budget_s`.
    """
    import torch

    from vlm_profiling.datasets.read import open_image, read_samples
    from vlm_profiling.gpu_check.decode import measure_decode_step, ratio_of
    from vlm_profiling.measure.overhead import bare_generate, headline_pairs, stage_pairs
    from vlm_profiling.measure.passes.headline import (
        Session,
        make_batches,
        no_long_collections,
        prepare_batches,
    )
    from vlm_profiling.models.loader import load_checkpoint
    from vlm_profiling.record.manifests import CheckpointManifest, read_manifest
    from vlm_profiling.record.schema import Point
    from vlm_profiling.study.config import ProtocolConfig

    if device == "cpu":
        torch.set_num_threads(1)  # a tiny model's work is too small to share between cores
    manifest = read_manifest(checkpoint, CheckpointManifest)
    loaded = load_checkpoint(manifest, Path.cwd(), device=device, dtype=dtype, attention="sdpa")
    point = Point(device=device, optimization=dtype, batch_size=1, image_size=224)
    session = Session(loaded, device, point, ProtocolConfig(max_new_tokens=NEW_TOKENS))
    _, samples = read_samples(dataset.parent)
    (batch,) = make_batches(samples[:1], [open_image(dataset.parent, samples[0])], 1)
    prepare_batches(session, [batch])
    with no_long_collections():
        bare = bare_generate(session, batch)
        bare()
        bare_s = median(bare() for _ in range(5))
        headline = headline_pairs(session, batch, PAIRS, warm_up=3, budget_s=budget_s / 3)
        stages, stages_sum = stage_pairs(session, batch, PAIRS // 2, warm_up=1, budget_s=budget_s / 3)
        write_json(
            overhead_path,
            Overhead(
                model=manifest.name,
                new_tokens=NEW_TOKENS,
                bare_s=bare_s,
                headline=ratio_of(headline),
                stages=ratio_of(stages),
                stages_sum=ratio_of(stages_sum),
            ),
        )
        write_json(decode_path, measure_decode_step(session, batch, budget_s / 3))


def write_json(path: Path, section: Section) -> None:
    """A section as indented JSON, atomically."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(section), indent=1) + b"\n")
