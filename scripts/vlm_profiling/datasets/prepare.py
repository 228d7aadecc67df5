"""A data set made ready: manifest.json, samples.jsonl, images/ and videos/, the whole folder at once or
nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vlm_profiling.datasets.candidates import DatasetError, Source
from vlm_profiling.datasets.sources import open_source
from vlm_profiling.datasets.survey import (
    candidate_bytes,
    draw_samples,
    manifest_of,
    refuse_bad_samples,
    samples_bytes,
    survey_source,
)
from vlm_profiling.record.files import held, write_bytes
from vlm_profiling.record.manifests import DatasetManifest, DatasetSample, SkippedSample, write_manifest
from vlm_profiling.study.inputs import DatasetConfig
from vlm_profiling.study.values import Name


def prepare_dataset(name: str, config: DatasetConfig, project: Path, folder: Path) -> DatasetManifest:
    """Check a source, draw from it, and write the data set to `folder`, replacing what was there.

    The same source and settings give the same bytes. Raises DatasetError naming every sample that cannot be
    used (unless they are to be skipped), or saying how many usable ones there are when too few.
    """
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise DatasetError(
            f"{name!r} is no name of a data set; allowed are letters, digits, '.', '_' and '-'"
        ) from None
    source = open_source(config, project)
    survey = survey_source(source)
    if config.on_bad_sample == "stop":
        refuse_bad_samples(survey, source.label)
    drawn = draw_samples(survey.usable, config.samples, config.seed)
    manifest = manifest_of(name, source, survey, drawn, config.seed)
    with _whole_folder(folder) as temporary:
        _copy_images(source, drawn, temporary)
        write_bytes(temporary / "samples.jsonl", samples_bytes(drawn))
        write_manifest(temporary / "manifest.json", manifest)
    return manifest


def _copy_images(source: Source, drawn: Sequence[DatasetSample], folder: Path) -> None:
    """Write the drawn images and videos, byte for byte as they came, each once."""
    wanted = {sample.id: sample for sample in drawn}
    for row in source.rows():
        sample = wanted.pop(str(row.id), None)
        if sample is None or isinstance(row, SkippedSample) or (folder / sample.image).exists():
            continue
        content = candidate_bytes(row)
        if hashlib.sha256(content).hexdigest() != sample.image_sha256:
            kind = "image" if sample.video is None else "video"
            raise DatasetError(f"sample {sample.id}: its {kind} changed while the data set was prepared")
        (folder / sample.image).parent.mkdir(exist_ok=True)
        (folder / sample.image).write_bytes(content)


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder` that takes its place when the block ends without an error, or vanishes.

    Raises DatasetError rather than replace a folder that holds anything but a prepared data set.
    """
    folder = folder.absolute()
    others = (
        sorted(
            {path.name for path in folder.iterdir()} - {"manifest.json", "samples.jsonl", "images", "videos"}
        )
        if folder.exists()
        else []
    )
    if others:
        raise DatasetError(
            f"{folder.name} is not replaced: it holds {', '.join(others)}; "
            "a data set needs a folder of its own"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = f".{folder.name}."
    for left in folder.parent.iterdir():  # by a preparation that was killed
        if left.name.startswith(beside) and left.name.endswith((".new.tmp", ".old.tmp")):
            shutil.rmtree(left)
    new, old = (folder.with_name(f"{beside}{os.getpid()}.{kind}.tmp") for kind in ("new", "old"))
    new.mkdir()
    try:
        with held(new):
            yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
