#!/usr/bin/env python3
"""Peak host memory of drawing a full-size model's random weights in bf16, over the bytes of its weights, and
the seconds.

benchmarks/random_weights_memory.py [ARCHITECTURE]

The process may hold no more than 1.25 times the weights and 2 GiB: a loader that keeps two copies fails
instead of swapping.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))


def main() -> None:
    """Print one line: weights, what the process held at most beyond its imports, their ratio, seconds."""
    import torch

    from vlm_profiling.engines.transformers.stored import tensor_bytes
    from vlm_profiling.models.full_size import full_size_config
    from vlm_profiling.models.random_weights import model_from_config

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("architecture", nargs="?", default="llava-1.5-7b-hf")
    config = full_size_config(parser.parse_args().architecture)
    settings = {"dtype": torch.bfloat16, "attention": "sdpa", "draw_once": True}
    weights = sum(map(tensor_bytes, model_from_config(config, device="meta", **settings).parameters()))
    imported = _peak_bytes()
    allowed = round(1.25 * weights) + 2 * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
    started = time.perf_counter()
    model = model_from_config(config, device="cpu", **settings)
    seconds = time.perf_counter() - started
    peak = _peak_bytes()
    assert sum(map(tensor_bytes, model.parameters())) == weights
    print(
        f"{weights / 1e9:.2f} GB of weights, peak {peak / 1e9:.2f} GB ({imported / 1e9:.2f} GB before): "
        f"{peak / weights:.3f} of the weights, {(peak - imported) / weights:.3f} beyond the "
        f"imports, {seconds:.0f} s"
    )


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
