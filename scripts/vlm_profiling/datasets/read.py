"""Samples and pictures back from disk, each checked against its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from PIL import Image

from vlm_profiling.datasets.candidates import BadSample, Candidate, DamagedDatasetError, DatasetError
from vlm_profiling.datasets.pictures import decode_picture
from vlm_profiling.datasets.sources.folder import folder_source, path_inside
from vlm_profiling.datasets.survey import draw_samples, manifest_of, refuse_bad_samples, survey_source
from vlm_profiling.record.files import RecordError
from vlm_profiling.record.manifests import DatasetManifest, DatasetSample, read_manifest


def read_samples(folder: Path) -> tuple[DatasetManifest, list[DatasetSample]]:
    """A prepared data set: its manifest and its samples, in the order they were drawn.

    Raises DatasetError when the manifest cannot be read, DamagedDatasetError when the samples are not those it was written for.
    """
    table = folder / "samples.jsonl"
    try:
        manifest = read_manifest(folder / "manifest.json", DatasetManifest)
        content = table.read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest.content_sha256:
            raise DamagedDatasetError(f"{table}: changed since the data set was prepared; prepare it again")
        return manifest, msgspec.json.Decoder(DatasetSample).decode_lines(content)
    except FileNotFoundError:
        raise DamagedDatasetError(f"{folder} is no prepared data set: {table.name} is gone; prepare it again") from None
    except (RecordError, OSError, msgspec.MsgspecError) as error:
        raise DatasetError(f"{folder} is no prepared data set: {error}") from None


def open_picture(folder: Path, sample: DatasetSample) -> Image.Image:
    """A sample's picture, RGB and upright. Raises DamagedDatasetError when it is missing or changed since it was prepared."""
    try:
        content = path_inside(folder, sample.image).read_bytes()
        if hashlib.sha256(content).hexdigest() != sample.image_sha256:
            raise DamagedDatasetError(
                f"{folder / sample.image}: the picture changed since the data set was prepared; prepare it again"
            )
        return decode_picture(content)
    except BadSample as error:
        raise DamagedDatasetError(f"sample {sample.id}: {error}") from None
    except OSError as error:
        raise DatasetError(f"sample {sample.id}: {error}") from None


def read_source_folder(folder: Path, count: int | None) -> tuple[DatasetManifest, list[DatasetSample]]:
    """`count` samples (all when None) of a folder, prepared or in the source format, with no file written.

    Either way `open_picture(folder, sample)` finds the pictures, and a draw from a source folder has the content hash that
    preparing it with seed 0 would give. Raises DatasetError as preparing does.
    """
    if (folder / "manifest.json").is_file():
        manifest, samples = read_samples(folder)
        if count is not None and count > len(samples):
            raise DatasetError(f"{folder}: {count} samples asked, {len(samples)} prepared")
        return manifest, samples[:count]
    source = folder_source(folder, folder.name, None)
    survey = survey_source(source)
    refuse_bad_samples(survey, source.label)
    drawn = draw_samples(survey.usable, count, seed=0)
    pictures = {str(row.id): row.picture for row in source.rows() if isinstance(row, Candidate)}
    paths = [pictures[sample.id] for sample in drawn]
    files = [path.relative_to(folder).as_posix() for path in paths if isinstance(path, Path)]
    if len(files) != len(drawn):
        raise DatasetError(f"{folder}: its pictures lie inside the table; prepare it first, with scripts/prepare_dataset.py")
    samples = [msgspec.structs.replace(sample, image=file) for sample, file in zip(drawn, files, strict=True)]
    return manifest_of(folder.name, source, survey, drawn, seed=0), samples
