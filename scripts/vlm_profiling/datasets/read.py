"""Samples, images and videos back from disk, each checked against its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from PIL import Image

from vlm_profiling.datasets.candidates import BadSample, Candidate, DamagedDatasetError, DatasetError
from vlm_profiling.datasets.images import decode_image
from vlm_profiling.datasets.sources.folder import folder_source, path_inside
from vlm_profiling.datasets.survey import draw_samples, manifest_of, refuse_bad_samples, survey_source
from vlm_profiling.datasets.videos import Clip, frame_indices
from vlm_profiling.record.files import RecordError
from vlm_profiling.record.manifests import DatasetManifest, DatasetSample, read_manifest


def read_samples(folder: Path) -> tuple[DatasetManifest, list[DatasetSample]]:
    """A prepared data set: its manifest and its samples, in the order they were drawn.

    Raises DatasetError when the manifest cannot be read, DamagedDatasetError when the samples are not those
    it was written for.
    """
    table = folder / "samples.jsonl"
    try:
        manifest = read_manifest(folder / "manifest.json", DatasetManifest)
        content = table.read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest.content_sha256:
            raise DamagedDatasetError(f"{table}: changed since the data set was prepared; prepare it again")
        return manifest, msgspec.json.Decoder(DatasetSample).decode_lines(content)
    except FileNotFoundError:
        raise DamagedDatasetError(
            f"{folder} is no prepared data set: {table.name} is gone; prepare it again"
        ) from None
    except (RecordError, OSError, msgspec.MsgspecError) as error:
        raise DatasetError(f"{folder} is no prepared data set: {error}") from None


def open_image(folder: Path, sample: DatasetSample) -> Image.Image:
    """A sample's image, RGB and upright. Raises DamagedDatasetError when it is missing or changed since it
    was prepared.
    """
    try:
        return decode_image(_checked_file(folder, sample).read_bytes())
    except BadSample as error:
        raise DamagedDatasetError(f"sample {sample.id}: {error}") from None
    except OSError as error:
        raise DatasetError(f"sample {sample.id}: {error}") from None


def open_media(folder: Path, sample: DatasetSample, frames: int) -> Image.Image | Clip:
    """A sample's image, or its video with the frames to be given of it, not decoded yet. Raises as
    `open_image`.
    """
    if sample.video is None:
        return open_image(folder, sample)
    try:
        return Clip(_checked_file(folder, sample), sample.video, frame_indices(sample.video.frames, frames))
    except BadSample as error:
        raise DamagedDatasetError(f"sample {sample.id}: {error}") from None
    except OSError as error:
        raise DatasetError(f"sample {sample.id}: {error}") from None


def _checked_file(folder: Path, sample: DatasetSample) -> Path:
    """The file of a sample's image or video, whose hash is the one expected."""
    path = path_inside(folder, sample.image)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sample.image_sha256:
            kind = "image" if sample.video is None else "video"
            raise DamagedDatasetError(
                f"{folder / sample.image}: the {kind} changed since the data set was prepared; "
                "prepare it again"
            )
    return path


def read_source_folder(folder: Path, count: int | None) -> tuple[DatasetManifest, list[DatasetSample]]:
    """`count` samples (all when None) of a folder, prepared or in the source format, with no file written.

    Either way `open_media(folder, sample, frames)` finds the images and videos, and a draw from a source
    folder has the content hash that preparing it with seed 0 would give. Raises DatasetError as preparing
    does.
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
    images = {str(row.id): row.image for row in source.rows() if isinstance(row, Candidate)}
    paths = [images[sample.id] for sample in drawn]
    files = [path.relative_to(folder).as_posix() for path in paths if isinstance(path, Path)]
    if len(files) != len(drawn):
        raise DatasetError(
            f"{folder}: its images or videos lie inside the table; "
            "prepare it first, with scripts/prepare_dataset.py"
        )
    samples = [msgspec.structs.replace(sample, image=file) for sample, file in zip(drawn, files, strict=True)]
    return manifest_of(folder.name, source, survey, drawn, seed=0), samples
