#!/usr/bin/env python3
"""What the headline pass costs: its generate() time against a bare model.generate loop over the same prepared inputs.

The two are interleaved batch by batch, in alternating order, and compared as pairs, so that what else the machine does
falls on both. Prints the median ratio with its 95 % bootstrap interval; the aim is <= 1.01.

    .venv/bin/python benchmarks/headline_overhead.py [--architecture llava] [--pairs 200]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny model's work is too small to share between cores
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))


def main() -> None:
    """Build a tiny checkpoint, run the pairs, print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", nargs="*", help="tiny architectures; all six by default")
    parser.add_argument("--pairs", type=int, default=200)
    options = parser.parse_args()

    from vlm_profiling.checkpoints.tiny import TINY_ARCHITECTURES
    from vlm_profiling.measure.progress import quiet_libraries

    quiet_libraries()
    print(f"{'tiny checkpoint':<18}{'headline / bare':>16}{'95 % interval':>18}{'pairs':>8}{'ms a batch':>12}")
    for architecture in options.architecture or TINY_ARCHITECTURES:
        ratios, batch_s = measure(architecture, options.pairs)
        median, (low, high) = median_with_interval(ratios)
        print(f"{architecture:<18}{median:>16.4f}{f'[{low:.4f}, {high:.4f}]':>18}{len(ratios):>8}{batch_s * 1e3:>12.2f}")


def measure(architecture: str, pairs: int) -> tuple[list[float], float]:
    """Ratios headline / bare, pair by pair, and the median bare time in seconds."""
    import numpy
    from PIL import Image

    from vlm_profiling.checkpoints.describe import describe_checkpoint
    from vlm_profiling.checkpoints.loader import load_checkpoint
    from vlm_profiling.measure.passes import Session, make_batches, prepare_batches, run_batch
    from vlm_profiling.record.manifests import DatasetSample
    from vlm_profiling.record.schema import Point
    from vlm_profiling.study.config import ModelConfig, ProtocolConfig

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        manifest = describe_checkpoint("tiny", ModelConfig(tiny=architecture), project, project / "tiny")
        loaded = load_checkpoint(manifest, project, device="cpu", dtype="float32", attention="sdpa")
    session = Session(loaded, "cpu", Point(device="cpu", optimization="fp32", batch_size=4), ProtocolConfig(max_new_tokens=8))
    generator = numpy.random.default_rng(0)
    pictures = [Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=numpy.uint8)) for _ in range(4)]
    samples = [DatasetSample(id=str(n), image="", image_sha256="", request="what is this ?", references=["x"]) for n in range(4)]
    (batch,) = make_batches(samples, pictures, 4)
    prepare_batches(session, [batch])
    assert batch.prepared is not None
    inputs = batch.prepared.inputs.to("cpu", session.inference_dtype)

    def bare() -> float:
        started = time.perf_counter()
        loaded.model.generate(**inputs, **session.generation)
        return time.perf_counter() - started

    def headline() -> float:
        return run_batch(session, batch).times.generate_s

    for _ in range(10):
        bare(), headline()
    ratios, bare_s = [], []
    for number in range(pairs):
        if number % 2:
            first, second = bare(), headline()
        else:
            second, first = headline(), bare()
        ratios.append(second / first)
        bare_s.append(first)
    return ratios, float(numpy.median(bare_s))


def median_with_interval(ratios: list[float]) -> tuple[float, tuple[float, float]]:
    """Median and its 95 % bootstrap interval."""
    import numpy
    from scipy.stats import bootstrap

    interval = bootstrap((ratios,), numpy.median, rng=0, method="percentile").confidence_interval
    return float(numpy.median(ratios)), (interval.low, interval.high)


if __name__ == "__main__":
    main()
