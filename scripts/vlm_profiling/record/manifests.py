"""What is known of prepared data sets and checkpoints: small JSON files that a run has as inputs.

They hold no absolute path and no time, so that preparing the same thing again gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import field

from vlm_profiling.record.files import RecordError, write_bytes
from vlm_profiling.record.schema import Metric, Section


class FileFacts(Section, kw_only=True):
    """One file of a checkpoint."""

    sha256: str
    size_bytes: int


class CheckpointManifest(Section, kw_only=True):
    """A checkpoint that is ready to load. Exactly one of hub and folder is set."""

    name: str
    source: str
    """hub id, project folder, tiny:ARCHITECTURE or architecture:NAME."""
    hub: str | None = None
    revision: str | None = None
    folder: str | None = None
    """Folder to load from, relative to the project; for a built one, below the study's results."""
    model_type: str
    """model_type of config.json, such as llava or qwen2_5_vl."""
    architecture: str
    """Model class named by config.json."""
    family: str
    random_weights: bool = False
    trust_remote_code: bool = False
    processor_backend: str = "auto"
    image_size_mode: str = "processor"
    content_sha256: str
    """Hash over file names and file hashes."""
    weight_bytes: int | None = None
    """Bytes of the safetensors files; null where there are none (random weights from a config)."""
    files: dict[str, FileFacts] = field(default_factory=dict)


class Video(Section, kw_only=True):
    """What a video file holds, decoded to its last frame."""

    frames: int
    width: int
    """Pixels of a frame, turned upright."""
    height: int
    codec: str
    """FFmpeg's name of the decoder: h264, vp9, av1..."""
    duration_s: float | None = None
    """As its header says; null where it says nothing."""


class DatasetSample(Section, kw_only=True):
    """One line of samples.jsonl."""

    id: str
    image: str
    """Path of the image, or of the video, relative to the data set's folder: images/SHA256.ENDING,
    videos/SHA256.ENDING.
    """
    image_sha256: str
    """Of that file."""
    video: Video | None = None
    """Null for an image."""
    request: str
    references: list[str]
    """Reference answers, at least one; the first is the one WER is taken against."""


class SkippedSample(Section, kw_only=True):
    """A sample that could not be used."""

    id: str
    reason: str


class DatasetManifest(Section, kw_only=True):
    """A prepared data set: manifest.json beside samples.jsonl, images/ and videos/."""

    name: str
    source: str
    """package, project folder or hub id."""
    revision: str | None = None
    split: str | None = None
    samples: int
    population: int
    """Usable samples the draw was made from."""
    seed: int
    content_sha256: str
    """Hash over samples.jsonl, which holds the hash of every image and video."""
    licence: str | None = None
    prompt: str | None = None
    """How questions are worded, where the data set is one with prompts to choose from: lmms-eval or raw."""
    metric: Metric | None = None
    """The data set's standard metric, where it has one."""
    skipped: list[SkippedSample] = field(default_factory=list)


Manifest = TypeVar("Manifest", bound=Section)


def write_manifest(target: Path, manifest: Section) -> None:
    """Write a manifest as indented JSON, atomically."""
    write_bytes(target, msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n")


def read_manifest(path: Path, kind: type[Manifest]) -> Manifest:
    """The manifest in a file. Raises RecordError when it is missing or malformed."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise RecordError(f"{path}: {error}") from None
