#!/usr/bin/env python3
"""Every standard optimization of every family on the CPU: measured, or unsupported and why; and what
quantised weights prove.

benchmarks/optimizations.py [--samples 64] [--without compile] [MODEL ...]

Prints two tables in Markdown. Each cell is a whole run (`profile`) of a tiny checkpoint on easy-vqa in
batches of 8, judged by the audit "optimization took effect". Of the trained tiny LLaVA the second table also
says how answers change against bfloat16, which all quantised ones have beside. Each model has a process of
its own. Times mean nothing here and are not told.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlm_profiling.record.schema import RunRecord

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "scripts"))
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
TRAINED = "tiny-llava-easy-vqa"
NEW_TOKENS = 4


def main() -> None:
    """Print the tables; exit with an error where a cell ended as anything else, or its audit failed."""
    from vlm_profiling.models.tiny import TINY_ARCHITECTURES
    from vlm_profiling.study.inputs import STANDARD_OPTIMIZATIONS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=[*TINY_ARCHITECTURES, TRAINED], metavar="MODEL")
    parser.add_argument("--samples", type=int, default=64, metavar="N")
    parser.add_argument("--without", nargs="*", default=[], choices=list(STANDARD_OPTIMIZATIONS))
    options = parser.parse_args()
    names = [name for name in STANDARD_OPTIMIZATIONS if name not in options.without]
    run = partial(_records, samples=options.samples, names=names)
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        records = dict(zip(options.models, processes.map(run, options.models), strict=True))
    wrong = [line for model, ran in records.items() for line in _wrong(model, ran)]
    _print_outcomes(records, names)
    _print_quantised(records)
    if wrong:
        raise SystemExit("\n".join(wrong))


def _records(model: str, samples: int, names: list[str]) -> dict[str, RunRecord]:
    """The records of one model, by optimization."""
    import torch._dynamo

    from vlm_profiling.datasets.prepare import prepare_dataset
    from vlm_profiling.datasets.read import read_samples
    from vlm_profiling.measure.request import RunRequest
    from vlm_profiling.measure.run import profile
    from vlm_profiling.models.describe import describe_checkpoint
    from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig
    from vlm_profiling.study.inputs import STANDARD_OPTIMIZATIONS, DatasetConfig, ModelConfig
    from vlm_profiling.study.point import Point
    from vlm_profiling.study.spec import RunSpec

    protocol = ProtocolConfig(
        max_new_tokens=NEW_TOKENS,
        warmup=WarmupConfig(window=2, max_batches=2),
        repeats=RepeatsConfig(max_s=0.1),
    )
    ran = {}
    with tempfile.TemporaryDirectory() as folder:
        project = PROJECT if model == TRAINED else Path(folder)
        config = (
            ModelConfig(folder=f"checkpoints/{TRAINED}", family="llava")
            if model == TRAINED
            else ModelConfig(tiny=model)
        )
        manifest = describe_checkpoint(model, config, project, Path(folder, model))
        data = Path(folder, "easy-vqa")
        settings = DatasetConfig(package="easy-vqa", split="test", samples=samples)
        prepare_dataset("easy-vqa", settings, project, data)
        for name in names:
            torch._dynamo.reset()  # as in a process of its own
            dataset, drawn = read_samples(data)
            asked = RunRequest(
                spec=RunSpec(
                    model=config,
                    dataset=settings,
                    optimization=STANDARD_OPTIMIZATIONS[name],
                    point=Point(device="cpu", optimization=name, batch_size=8),
                    protocol=protocol,
                ),
                checkpoint=manifest,
                dataset=dataset,
                samples=drawn,
                media_folder=data,
                project=project,
                code_sha256="",
            )
            ran[name] = profile(asked)
    return ran


def _wrong(model: str, ran: dict[str, RunRecord]) -> list[str]:
    """What ended otherwise than measured or unsupported, and what its record does not prove."""
    from vlm_profiling.audits import optimization
    from vlm_profiling.audits.base import Context, Siblings
    from vlm_profiling.record.facts import count_facts
    from vlm_profiling.study import study_from_mapping

    study = study_from_mapping(
        {
            "name": "optimizations",
            "models": {model: {"tiny": "llava"}},
            "datasets": {"easy-vqa": {"package": "easy-vqa"}},
            "baseline": {"device": "cpu", "optimization": "fp32"},
        }
    )
    lines = []
    for name, record in ran.items():
        if record.status == "ok":
            finding = optimization.judge(
                Context(study, record, Siblings([record]), None, {}, count_facts([record]))
            )
            if finding.verdict == "fail":
                lines.append(f"{model}, {name}: {finding.evidence}")
        elif record.status != "unsupported":
            lines.append(f"{model}, {name}: {record.status}: {record.failure and record.failure.reason}")
    return lines


def _print_outcomes(records: dict[str, dict[str, RunRecord]], names: list[str]) -> None:
    reasons: dict[str, int] = {}
    print(f"| optimization | {' | '.join(records)} |\n|---|{'---|' * len(records)}")
    for name in names:
        cells = []
        for ran in records.values():
            reason = (failure := ran[name].failure) and failure.reason
            cells.append(
                ran[name].status
                if not reason
                else f"{ran[name].status} ({reasons.setdefault(reason, len(reasons) + 1)})"
            )
        print(f"| {name} | {' | '.join(cells)} |")
    print(*("", *(f"{number}. {reason}" for reason, number in reasons.items()), ""), sep="\n")


def _print_quantised(records: dict[str, dict[str, RunRecord]]) -> None:
    from vlm_profiling.study.quantisation import SCHEMES

    print(
        "| optimization | model | layers stored | left as they are | bytes of the weights | "
        "read by | answers changed |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in SCHEMES:
        for model, ran in records.items():
            record = ran.get(name)
            loaded = record.checkpoint if record else None
            if record is None or record.status != "ok" or loaded is None or not loaded.unquantised_bytes:
                continue
            left = (
                "; ".join(f"{count}: {reason}" for reason, count in (loaded.unquantised_layers or {}).items())
                or "none"
            )
            read = ", ".join(f"`{operator}`" for operator in loaded.quantisation_operators or {})
            share = loaded.weight_bytes / loaded.unquantised_bytes
            stored = (
                f"{loaded.quantised_modules} of {loaded.linear_layers} as "
                f"{next(iter(set(loaded.dtypes) - {'bfloat16'}))}"
            )
            print(
                f"| {name} | {model} | {stored} | {left} | {share:.0%} | {read} | "
                f"{_drift(record, ran.get('bf16'))} |"
            )


def _drift(record: RunRecord, reference: RunRecord | None) -> str:
    from vlm_profiling.quality.answers import answer_drift

    drift = answer_drift(record, reference) if reference and reference.samples else "no bf16"
    if isinstance(drift, str):
        return drift
    words = f"{drift.changed} of {drift.common}"
    if change := drift.exact_match_change:
        words += f"; exact match {change.mean:+.1%} [{change.low:+.1%}, {change.high:+.1%}]"
    return words


if __name__ == "__main__":
    main()
