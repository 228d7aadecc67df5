"""The manifest of a checkpoint in a folder or on the hub, with the hash of every file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.folders import (
    check_processor,
    check_weights,
    content_sha256,
    file_facts,
    read_config,
)
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.values import HUB_ID_PATTERN

FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
"""Files that loading reads, and all that is fetched from the hub: weights as safetensors, settings,
vocabularies; no pickles.
"""


@dataclass(frozen=True)
class Handling:
    """How a checkpoint is to be loaded, where its files leave a choice."""

    family: str | None = None
    trust_remote_code: bool = False
    processor_backend: str = "auto"
    image_size_mode: str = "processor"

    @property
    def files(self) -> tuple[str, ...]:
        """Patterns of the files that loading may read."""
        return (*FILES, "*.py") if self.trust_remote_code else FILES


def describe_local_or_hub(model_name: str, revision: str | None = None) -> CheckpointManifest:
    """Describe a folder that lies anywhere, or a hub id; without a revision the hub's newest, whose commit is
    then told.

    The manifest of a folder holds its absolute path: it serves this process and is not for a file.
    Raises CheckpointError as describe_checkpoint.
    """
    folder = Path(model_name)
    if folder.is_dir():
        return describe_folder(
            folder, Handling(), name=folder.name, source=folder.name, folder=str(folder.resolve())
        )
    if re.fullmatch(HUB_ID_PATTERN, model_name) is None:
        raise CheckpointError(
            f"{model_name}: there is no such folder, and no model on the hub can be called that"
        )
    try:
        return describe_hub(model_name.rpartition("/")[2], model_name, revision, Handling())
    except CheckpointError as error:
        raise CheckpointError(f"{error} (nor is there a folder {model_name})") from None


def hub_folder(hub: str, revision: str | None, handling: Handling, *, local_only: bool = False) -> Path:
    """Folder of a hub checkpoint in the hub's cache, fetched unless `local_only`.

    HF_HOME, HF_ENDPOINT and HF_TOKEN are respected. Raises CheckpointError without a network, an entry or a
    permission.
    """
    try:
        return Path(
            snapshot_download(
                hub, revision=revision, allow_patterns=list(handling.files), local_files_only=local_only
            )
        )
    except GatedRepoError:
        reason = "its licence must be accepted on the hub, and HF_TOKEN must hold a token of that account"
    except RepositoryNotFoundError:
        reason = "there is no such model on the hub, or it is private and HF_TOKEN is not set"
    except RevisionNotFoundError:
        reason = "there is no such revision on the hub"
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        reason = (
            "it is not in the local cache and the hub cannot be reached; prepare it on a machine with network"
        )
    except HfHubHTTPError as error:
        reason = f"the hub answered {error.response.status_code}"
    raise CheckpointError(f"{hub} at revision {revision or 'main'}: {reason}")


def describe_hub(name: str, hub: str, revision: str | None, handling: Handling) -> CheckpointManifest:
    """The manifest of a hub checkpoint, fetched into the hub's cache. Raises CheckpointError when it is not
    usable.
    """
    folder = hub_folder(hub, revision, handling)
    return describe_folder(
        folder, handling, name=name, source=hub, hub=hub, revision=folder.name
    )  # named by its commit


def describe_folder(
    place: Path, handling: Handling, *, source: str, random_weights: bool = False, **identity: Any
) -> CheckpointManifest:
    """The manifest of a checkpoint that lies in a folder. Raises CheckpointError when it is not usable."""
    if not place.is_dir():
        raise CheckpointError(f"{source}: there is no such folder")
    config = read_config(place)
    # Only now: what is wrong with a folder's name is said at once, and these take seconds.
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    from vlm_profiling.models.registry import family_for

    model_type = config["model_type"]
    if model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES and not handling.trust_remote_code:
        needs_code = (
            "; it ships its own code, which trust_remote_code: true would run" if "auto_map" in config else ""
        )
        raise CheckpointError(
            f"{source}: model_type {model_type!r} is no image-text-to-text model of transformers{needs_code}"
        )
    if not random_weights:
        check_weights(place)
    check_processor(place)
    facts = file_facts(place, handling.files)
    weights = [fact.size_bytes for file, fact in facts.items() if file.endswith(".safetensors")]
    return CheckpointManifest(
        source=source,
        random_weights=random_weights,
        model_type=model_type,
        architecture=(config.get("architectures") or [""])[0],
        family=family_for(model_type, handling.family).name,
        trust_remote_code=handling.trust_remote_code,
        processor_backend=handling.processor_backend,
        image_size_mode=handling.image_size_mode,
        content_sha256=content_sha256(facts),
        weight_bytes=sum(weights) if weights else None,
        files=facts,
        **identity,
    )
