"""A run without a workflow: the reference study's command line, turned into the same request that a study
makes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from vlm_profiling.datasets.read import read_source_folder
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.models.identify import describe_local_or_hub
from vlm_profiling.staleness.code_digest import code_digest
from vlm_profiling.study import ConfigError
from vlm_profiling.study.config import ProtocolConfig
from vlm_profiling.study.errors import section_problems
from vlm_profiling.study.grid_config import PointConfig
from vlm_profiling.study.inputs import STANDARD_OPTIMIZATIONS, DatasetContent, ModelContent
from vlm_profiling.study.point import AXIS_NAMES, Point
from vlm_profiling.study.spec import RunSpec, lock_sha256
from vlm_profiling.study.values import ConfigSection

SCRIPTS = Path(__file__).resolve().parents[2]
LOCK = SCRIPTS.parent / "envs" / "measure.lock"
AnySection = TypeVar("AnySection", bound=ConfigSection)


def standalone_request(options: argparse.Namespace) -> RunRequest:
    """The request that the options describe.

    Raises ConfigError for a value out of range, CheckpointError and DatasetError for what cannot be read.
    """
    point = _section(PointConfig, "baseline", **{name: getattr(options, name) for name in AXIS_NAMES})
    protocol = _section(
        ProtocolConfig,
        "protocol",
        cached=options.cached,
        max_new_tokens=options.max_new_tokens,
        min_new_tokens=options.min_new_tokens,
        timeout_s=options.timeout_s,
    )
    # the data set first: it takes less time than to fetch a checkpoint
    dataset, samples = read_source_folder(options.src_folder, options.samples)
    checkpoint = describe_local_or_hub(options.model_name, options.revision)
    lock = LOCK if LOCK.is_file() else None
    return RunRequest(
        spec=RunSpec(
            model=ModelContent(
                source=checkpoint.source,
                content_sha256=checkpoint.content_sha256,
                gpus=options.gpus if options.device == "cuda" else 1,
            ),
            dataset=DatasetContent(source=dataset.source, content_sha256=dataset.content_sha256),
            optimization=STANDARD_OPTIMIZATIONS[options.optimization],
            point=Point(**point.model_dump()),
            protocol=protocol,
            environment=lock_sha256(lock.read_text(encoding="utf-8")) if lock else "",
        ),
        checkpoint=checkpoint,
        dataset=dataset,
        samples=samples,
        media_folder=options.src_folder,
        project=Path.cwd(),
        code_sha256=code_digest(SCRIPTS / "profile_run.py", SCRIPTS / "vlm_profiling")["sha256"],
        lock=lock,
    )


def _section(kind: type[AnySection], place: str, **values: Any) -> AnySection:
    """The section that stands at `place` in a study, of values from the command line."""
    problems = section_problems(kind, values, (place,))
    if problems:
        raise ConfigError(
            [replace(problem, key=problem.key.removeprefix(f"{place}.")) for problem in problems],
            "command line",
        )
    return kind(**values)
