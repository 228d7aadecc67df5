#!/usr/bin/env python3
"""FLOPs counted without weights: equal to real ones, quick at full size, and an explanation of published
numbers.

    .venv/bin/python benchmarks/flops.py [--published FILE.csv]

Prints (a) for the six tiny checkpoints the FLOPs counted inside a real generate(), a padded batch of three
rows, and those of the cost functions (the aim: no difference); (b) for the full-size architectures the
parameters, the time of counting (the aim: <= 10 s each), and the FLOPs of closed formulas and of ptflops
against those counted, the largest difference of any stage; (c) published FLOPs and those of the functions at
the same work (the aim: <= 0.1 %).
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlm_profiling.cost.functions import ModelCost

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / folder) for folder in ("scripts", "tests", "tests/cost")]

STUDY_SAMPLES = 300
REFERENCE = PROJECT / "scripts" / "vlm_profiling" / "report" / "reference"
PUBLISHED = (("TextVQA", 1, 8), ("ScienceQA", 16, 67))
"""Of blip2-opt-2.7b at 224 px in fp16 on a GPU: data set, batch size, text tokens of the last batch's prompt.
"""
PUBLISHED_NEW_TOKENS = 2


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--published", type=Path, default=REFERENCE / "published_results.csv")
    options = parser.parse_args()

    from closed_form import differences
    from transformers.utils.logging import disable_progress_bar

    from vlm_profiling.cost.counting.count import architecture_cost
    from vlm_profiling.models.full_size import ARCHITECTURES, full_size_config
    from vlm_profiling.models.tiny import TINY_ARCHITECTURES

    disable_progress_bar()
    print("(a) FLOPs of generate(), 3 rows, 5 new tokens: counted inside it, and by the cost functions")
    print(f"{'tiny checkpoint':<18}{'generate()':>14}{'functions':>14}  difference")
    for architecture in TINY_ARCHITECTURES:
        real, functions = tiny_flops(architecture)
        difference = "none" if real == functions else f"{real} {functions}"
        print(f"{architecture:<18}{sum(real.values()):>14}{sum(functions.values()):>14}  {difference}")

    print("\n(b) full-size architectures, counted and cross-checked without weights")
    titles = ("parameters", "wall s", "CPU s", "closed form", "ptflops")
    print(f"{'architecture':<28}" + "".join(f"{title:>14}" for title in titles))
    costs = {}
    for architecture in ARCHITECTURES:
        wall, cpu = time.perf_counter(), time.process_time()
        cost = costs[architecture] = architecture_cost(architecture)
        wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        closed = max(differences(full_size_config(architecture), cost).values(), key=abs)
        ptflops = max((check.relative_difference for check in cost.checks), key=abs)
        print(
            f"{architecture:<28}{(cost.parameters or 0) / 1e9:>12.3f} B{wall_s:>14.1f}{cpu_s:>14.1f}"
            f"{closed:>+14.2%}{ptflops:>+14.2%}"
        )

    print(
        "\n(c) published FLOPs of blip2-opt-2.7b: the whole generate() of the last batch, "
        "logits at every prompt position"
    )
    print(
        f"{'data set':<12}{'batch':>6}{'last batch':>12}{'published':>14}{'functions':>14}{'difference':>12}"
    )
    for dataset, batch_size, text_tokens in PUBLISHED:
        published = published_flops(options.published, dataset, batch_size)
        rows = STUDY_SAMPLES % batch_size or batch_size
        functions = all_logits_flops(costs["blip2-opt-2.7b"], rows, text_tokens)
        difference = functions / published - 1
        print(
            f"{dataset:<12}{batch_size:>6}{rows:>7} rows"
            f"{published:>14.4g}{functions:>14.5g}{difference:>+12.3%}"
        )


def tiny_flops(architecture: str) -> tuple[dict[str, int], dict[str, int]]:
    """FLOPs by stage of a tiny checkpoint: counted inside generate(), and by its functions."""
    from real_flops import IMAGE_SIZES, noise_image, real_and_expected_flops

    from vlm_profiling.cost.counting.count import checkpoint_cost
    from vlm_profiling.engines.transformers.loader import load_checkpoint
    from vlm_profiling.models.describe import describe_checkpoint
    from vlm_profiling.study.inputs import ModelConfig

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        manifest = describe_checkpoint("tiny", ModelConfig(tiny=architecture), project, project / "tiny")
        loaded = load_checkpoint(manifest, project, device="cpu", dtype="float32", attention="sdpa")
        cost = checkpoint_cost(manifest, project)
    return real_and_expected_flops(loaded, cost, [noise_image(*size) for size in IMAGE_SIZES])


def published_flops(table: Path, dataset: str, batch_size: int) -> float:
    """FLOPs a batch that the reference study printed for blip2-opt-2.7b."""
    wanted = {
        "model": "Salesforce/blip2-opt-2.7b",
        "dataset": dataset,
        "device": "cuda",
        "batch_size": str(batch_size),
        "optimization": "fp16",
        "metric": "flops",
    }
    with table.open(encoding="utf-8", newline="") as file:
        (value,) = {row["value"] for row in csv.DictReader(file) if wanted.items() <= row.items()}
    return float(value)


def all_logits_flops(cost: ModelCost, rows: int, text_tokens: int) -> int:
    """FLOPs of generate() as the reference study counted them: its library computed logits at every position
    of the prompt.
    """
    from vlm_profiling.cost.functions import Work, work_flops
    from vlm_profiling.models.full_size import full_size_config

    config = full_size_config("blip2-opt-2.7b")
    text = config.get_text_config()
    prompt_tokens = config.num_query_tokens + text_tokens
    work = Work(grids=((16, 16),) * rows, prompt_tokens=prompt_tokens, generated_tokens=PUBLISHED_NEW_TOKENS)
    logits = 2 * text.hidden_size * text.vocab_size
    assert cost.flops is not None, cost.absent
    return work_flops(cost.flops, work).total_flops + rows * (prompt_tokens - 1) * logits


if __name__ == "__main__":
    main()
