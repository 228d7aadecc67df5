"""One file a source: how its rows become an image, a request and reference answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vlm_profiling.datasets.candidates import DatasetError, Source
from vlm_profiling.study.inputs import DatasetConfig


def open_source(config: DatasetConfig, project: Path) -> Source:
    """The source that a study's settings name. Raises DatasetError when it is missing or a setting does not
    fit it.
    """
    if config.package is not None:
        from vlm_profiling.datasets.sources.easy_vqa import easy_vqa_source

        if config.columns is not None:
            raise DatasetError("columns: a packaged data set has none to choose; leave the key out")
        return easy_vqa_source(config.split)
    if config.folder is not None:
        from vlm_profiling.datasets.sources.folder import folder_source

        if config.split is not None:
            raise DatasetError("split: a folder holds one set of samples; leave the key out")
        return replace(
            folder_source(project / config.folder, config.folder, config.columns), metric=config.metric
        )
    from vlm_profiling.datasets.sources.hub import hub_source

    return hub_source(config)
