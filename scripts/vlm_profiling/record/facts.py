"""What a run was made of, as named facts that the runs of one table should share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from vlm_profiling.record.schema import RunRecord

Facts: TypeAlias = Counter[str]
"""How many runs have each value of one fact."""


def run_facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Name and value of each fact that a run has: a CPU run has no GPU, and so no driver to agree about."""
    environment = record.environment
    yield "measuring code", record.code_sha256[:10]
    yield "protocol version", str(record.protocol_version)
    yield "environment lock", (environment.lock_sha256 or "none")[:10]
    yield "container", environment.container or "none"
    yield "Python", environment.python
    yield "CPU", environment.cpu
    yield f"threads on {record.point.device}", str(environment.threads)
    yield from environment.packages.items()
    if environment.gpu:  # however many of one kind: how many is the model's setting
        yield "GPU", " and ".join(dict.fromkeys(gpu.name for gpu in environment.gpus))
        yield "driver", environment.gpu.driver
        yield "power limit", " and ".join(dict.fromkeys(f"{gpu.power_limit_w} W" for gpu in environment.gpus))
    if record.checkpoint:
        yield f"checkpoint of {record.model}", (record.checkpoint.content_sha256 or "unknown")[:10]
    if record.dataset:
        yield f"data set {record.dataset_name}", record.dataset.content_sha256[:10]


def count_facts(records: Iterable[RunRecord]) -> dict[str, Facts]:
    """How many runs have each value of each fact."""
    table: dict[str, Facts] = {}
    for record in records:
        for name, value in run_facts(record):
            table.setdefault(name, Counter())[value] += 1
    return table
