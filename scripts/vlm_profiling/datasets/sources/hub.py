"""A data set of the Hugging Face hub at a pinned revision: the Parquet files of one split.

Whole files are downloaded, through huggingface_hub, into its cache: HF_ENDPOINT, HF_HOME and HF_TOKEN hold, a broken
transfer goes on where it stopped, and what a killed preparation had finished is not fetched again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from httpx2 import HTTPError
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import DatasetInfo

from vlm_profiling.datasets.candidates import DatasetError, Row, Source
from vlm_profiling.datasets.sources import coco_caption, scienceqa, textvqa
from vlm_profiling.datasets.sources.table import TableLayout, layout_of_columns, parquet_rows, picture_bytes, table_rows
from vlm_profiling.study.config import DatasetColumns
from vlm_profiling.study.errors import allowed_names

LAYOUTS = {
    "lmms-lab/textvqa": textvqa.LAYOUT,
    "derek-thomas/ScienceQA": scienceqa.LAYOUT,
    "lmms-lab/COCO-Caption2017": coco_caption.LAYOUT,
}
"""Data sets whose columns are known; any other is read by `columns`."""

_SHARD = re.compile(r"(?P<split>.+?)(-\d+-of-\d+(-[0-9a-f]+)?)?\.parquet")
"""A split's file as the hub's tools name it: test.parquet, test-00000-of-00002.parquet, with a hash before 2023."""


def hub_source(hub: str, revision: str, split: str, columns: DatasetColumns | None) -> Source:
    """The rows of a split that have a picture; its files are downloaded where they are not yet.

    Raises DatasetError without network, for an unknown data set, revision or split, and for a gated one without access.
    """
    if columns is None and hub not in LAYOUTS:
        raise DatasetError(f"columns: those of {hub} are not known here; say which hold image, request and response")
    layout = LAYOUTS[hub] if columns is None else layout_of_columns(columns)
    try:
        info = HfApi().dataset_info(hub, revision=revision)
        names = _split_files([file.rfilename for file in info.siblings or []], split)
        paths = [Path(hf_hub_download(hub, name, repo_type="dataset", revision=revision)) for name in names]
    except (OSError, HTTPError) as error:
        raise DatasetError(_hub_problem(error, hub, revision)) from None
    return Source(hub, lambda: _rows(paths, layout), licence=_licence(info), revision=revision, split=split)


def _rows(paths: Sequence[Path], layout: TableLayout) -> Iterator[Row]:
    """Rows without a picture ask about text alone: no samples here, and not broken ones either."""
    return table_rows(parquet_rows(paths, layout), layout, picture_bytes)


def _split_files(names: Sequence[str], split: str) -> list[str]:
    """The Parquet files of a split, in order. Raises DatasetError for an unknown split, or one in several folders."""
    folders: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in sorted(names):
        match = _SHARD.fullmatch(PurePosixPath(name).name)
        if match is not None:
            folders[match["split"]][str(PurePosixPath(name).parent)].append(name)
    if split not in folders:
        raise DatasetError(f"split: no Parquet files of a split {split!r}; {allowed_names(folders, split)}")
    if len(folders[split]) > 1:
        raise DatasetError(f"split: {split!r} stands in several folders: {', '.join(folders[split])}")
    return next(iter(folders[split].values()))


def _licence(info: DatasetInfo) -> str | None:
    licence = info.card_data.get("license") if info.card_data else None
    return ", ".join(licence) if isinstance(licence, list) else licence


def _hub_problem(error: Exception, hub: str, revision: str) -> str:
    if isinstance(error, GatedRepoError):
        return f"hub: {hub} is gated; accept its conditions on its page, and set HF_TOKEN to a token of that account"
    if isinstance(error, RevisionNotFoundError):
        return f"revision: {hub} has no revision {revision}"
    if isinstance(error, RepositoryNotFoundError):
        return f"hub: there is no data set {hub}, or it is private and HF_TOKEN gives no access to it"
    if isinstance(error, OfflineModeIsEnabled):
        return f"hub: {hub} is to be downloaded, but HF_HUB_OFFLINE forbids it"
    return f"hub: {hub} could not be downloaded, network or hub is out of reach: {str(error).strip() or type(error).__name__}"
