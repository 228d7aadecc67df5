"""Checkpoint folders on disk: written whole, checked for what loading needs, hashed file by file."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.record.files import held
from vlm_profiling.record.manifests import FileFacts

PICKLE_ENDINGS = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` when the block ends without an error. Files get
    mode 0644.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.", suffix=".tmp") as around,
        held(Path(around)),
    ):
        temporary = Path(around) / "new"
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                file.chmod(
                    0o644
                )  # safetensors writes 0600, which no other user of a shared folder could read
        if folder.exists():
            shutil.move(folder, Path(around) / "old")
        temporary.replace(folder)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a checkpoint. Raises CheckpointError when there is none, or none that names a
    model_type.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder.name}: no config.json; a checkpoint is a folder in the hub's format"
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder.name}/config.json: not readable as JSON: {error}") from None
    if not isinstance(config, dict) or "model_type" not in config:
        raise CheckpointError(
            f"{folder.name}/config.json: no model_type; it is not a transformers checkpoint"
        )
    return config


def check_weights(folder: Path) -> None:
    """Raise CheckpointError unless the folder holds all its weights as safetensors. Pickle weights are never
    loaded.
    """
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLE_ENDINGS)
        if pickles:
            raise CheckpointError(
                f"{folder.name}: weights only as pickle ({', '.join(pickles)}), "
                "which can run code when loaded; "
                "convert them to safetensors (save_pretrained does) or take a revision that has them"
            )
        raise CheckpointError(f"{folder.name}: no *.safetensors; a checkpoint needs its weights")
    index = folder / "model.safetensors.index.json"
    if index.exists():
        parts = set(json.loads(index.read_bytes())["weight_map"].values())
        missing = sorted(part for part in parts if not (folder / part).exists())
        if missing:
            raise CheckpointError(f"{folder.name}: missing weight files: {', '.join(missing)}")


def check_processor(folder: Path) -> None:
    """Raise CheckpointError unless the folder holds an image processor's settings and a tokenizer."""
    wanted = {
        "an image processor (processor_config.json or preprocessor_config.json)": ("*processor_config.json",),
        "a tokenizer (tokenizer.json, tokenizer.model, vocab.json or the like)": (
            "tokenizer*",
            "vocab*",
            "*.model",
        ),
    }
    for what, patterns in wanted.items():
        if not any(file for pattern in patterns for file in folder.glob(pattern)):
            raise CheckpointError(f"{folder.name}: {what} is missing")


def file_facts(folder: Path, patterns: Sequence[str]) -> dict[str, FileFacts]:
    """Hash and size of the files below a folder that loading may read, by path relative to the folder.

    Patterns are the hub's: they match the whole relative path, and * crosses folders.
    """
    named = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: FileFacts(sha256=_sha256(named[name]), size_bytes=named[name].stat().st_size)
        for name in sorted(named)
        if any(fnmatch(name, pattern) for pattern in patterns)
        and not any(part[0] == "." for part in name.split("/"))
    }


def content_sha256(facts: Mapping[str, FileFacts]) -> str:
    """One hash over file names and file hashes."""
    lines = (f"{name}\0{facts[name].sha256}\n" for name in sorted(facts))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    """The file's hash; for a link into the hub's cache the name of its blob, where that is the SHA-256 (large
    files).
    """
    blob = path.resolve().name
    if path.is_symlink() and len(blob) == 64 and set(blob) <= set("0123456789abcdef"):
        return blob
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
