"""A data set of the Hugging Face hub at a pinned revision: the Parquet files of one split.

Whole files are downloaded, through huggingface_hub, into its cache: HF_ENDPOINT, HF_HOME and HF_TOKEN hold, a
broken transfer goes on where it stopped, files that a killed preparation had finished are not fetched again,
and every file must be the one of the hub's listing. Parts of files would save nothing: the seeded draw
reaches all over a split, and 300 of 5,000 rows touch every group of a hundred rows that can be read alone
(one is missed with a chance of 0.94^100 = 0.2 %).
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from httpx2 import HTTPError
from huggingface_hub import HfApi, get_token, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import DatasetInfo, RepoSibling

from vlm_profiling.datasets.candidates import DatasetError, Row, Source
from vlm_profiling.datasets.sources import coco_caption, scienceqa, textvqa
from vlm_profiling.datasets.sources.table import (
    TableLayout,
    image_bytes,
    layout_of_columns,
    parquet_rows,
    table_rows,
)
from vlm_profiling.study.errors import allowed_names
from vlm_profiling.study.inputs import DatasetConfig

KNOWN = {
    "lmms-lab/textvqa": textvqa.KNOWN,
    "derek-thomas/ScienceQA": scienceqa.KNOWN,
    "lmms-lab/COCO-Caption2017": coco_caption.KNOWN,
}
"""Data sets whose columns, prompts and metric are known; any other is read by `columns`."""

DEFAULT_PROMPT = "lmms-eval"

_SHARD = re.compile(r"(?P<split>.+?)(-\d+-of-\d+(-[0-9a-f]+)?)?\.parquet")
"""A split's file as the hub's tools name it: test.parquet, test-00000-of-00002.parquet, with a hash before
2023.
"""


def hub_source(config: DatasetConfig) -> Source:
    """The rows of a split that have an image; its files are downloaded where they are not yet.

    Raises DatasetError without network, for an unknown data set, revision or split, for a gated one without
    access, and for a file that is not the one of the hub's listing.
    """
    assert config.hub and config.revision and config.split  # DatasetConfig lets nothing else through
    hub, revision = config.hub, config.revision
    prompt, metric = None, config.metric
    if config.columns is not None:
        layout = layout_of_columns(config.columns)
    elif hub in KNOWN:
        prompt = config.prompt or DEFAULT_PROMPT
        layout = KNOWN[hub].prompts[prompt]
        if metric is not None:
            raise DatasetError(f"metric: {hub} has its own, {KNOWN[hub].metric}; leave the key out")
        metric = KNOWN[hub].metric
    else:
        raise DatasetError(
            f"columns: those of {hub} are not known here; say which hold image, request and response"
        )
    try:
        info = HfApi().dataset_info(hub, revision=revision, files_metadata=True)
        files = {file.rfilename: file for file in info.siblings or []}
        names = _split_files(list(files), config.split)
        paths = [Path(hf_hub_download(hub, name, repo_type="dataset", revision=revision)) for name in names]
    except (OSError, HTTPError) as error:
        raise DatasetError(_without_token(_hub_problem(error, hub, revision))) from None
    for name, path in zip(names, paths, strict=True):
        _refuse_other_file(path, files[name], hub)
    return Source(
        hub,
        lambda: _rows(paths, layout),
        licence=_licence(info),
        prompt=prompt,
        metric=metric,
        revision=revision,
        split=config.split,
    )


def _rows(paths: Sequence[Path], layout: TableLayout) -> Iterator[Row]:
    """Rows without an image ask about text alone: no samples here, and not broken ones either."""
    return table_rows(parquet_rows(paths, layout), layout, image_bytes)


def _split_files(names: Sequence[str], split: str) -> list[str]:
    """The Parquet files of a split, in order. Raises DatasetError for an unknown split, or one in several
    folders.
    """
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


def _refuse_other_file(path: Path, listed: RepoSibling, hub: str) -> None:
    """Raise DatasetError unless a file has the hash that the hub lists: SHA-256 of large files, git's own of
    small ones.
    """
    if listed.lfs is not None:
        expected = listed.lfs.sha256
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    elif listed.blob_id is not None:
        expected, content = listed.blob_id, path.read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    else:
        raise DatasetError(
            f"hub: the listing of {hub} has no hash for {listed.rfilename}, so that it cannot be checked"
        )
    if found != expected:
        words = (
            f"hub: {listed.rfilename} of {hub} is not the file of this revision: "
            f"its hash is {found}, {expected} is listed"
        )
        raise DatasetError(f"{words}; delete {path.resolve()} and prepare the data set again")


def _licence(info: DatasetInfo) -> str | None:
    licence = info.card_data.get("license") if info.card_data else None
    return ", ".join(licence) if isinstance(licence, list) else licence


def _hub_problem(error: Exception, hub: str, revision: str) -> str:
    if isinstance(error, GatedRepoError):
        return (
            f"hub: {hub} is gated; accept its conditions on its page, "
            "and set HF_TOKEN to a token of that account"
        )
    if isinstance(error, RevisionNotFoundError):
        return f"revision: {hub} has no revision {revision}"
    if isinstance(error, RepositoryNotFoundError):
        return f"hub: there is no data set {hub}, or it is private and HF_TOKEN gives no access to it"
    if isinstance(error, OfflineModeIsEnabled):
        return f"hub: {hub} is to be downloaded, but HF_HUB_OFFLINE forbids it"
    reason = str(error).strip() or type(error).__name__
    return f"hub: {hub} could not be downloaded, network or hub is out of reach: {reason}"


def _without_token(text: str) -> str:
    """The text without the hub's token, which a refused HTTP header, say, is quoted with."""
    token = get_token()
    return text.replace(token, "***") if token else text
