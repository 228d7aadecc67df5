"""What a study's container means for its runs' identity, and what goes into every container that a workflow
starts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vlm_profiling.record.container_image import RUNTIME_VARIABLE
from vlm_profiling.study.load import read_yaml
from vlm_profiling.study.spec import lock_sha256

HOST_LOCK = Path("envs", "measure.lock")
IMAGES = Path("containers", "images.yaml")
NO_CONTAINER = "none"
PASSED_ON = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
    "HF_TOKEN",
    "OMP_NUM_THREADS",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""Variables that containers get from the host under --cleanenv. An unset one stays unset: an empty
CUDA_VISIBLE_DEVICES would hide every GPU."""


def lock_of(container: str, code_folder: Path) -> Path:
    """The lock of what is installed in a study's image: the one it is built from where it is one of the
    project's images.
    """
    images = read_yaml(code_folder / IMAGES) if (code_folder / IMAGES).exists() else {}
    locks = [
        image["lock"] for image in images.values() if container in (image["file"], image.get("registry"))
    ]
    return code_folder / (locks[0] if locks else HOST_LOCK)


def environment_id(container: str, code_folder: Path) -> str:
    """What identifies the software that runs execute in: the lock's pins, and the image's name or digest if
    there is one.
    """
    pins = lock_sha256(lock_of(container, code_folder).read_text(encoding="utf-8"))
    return pins if container == NO_CONTAINER else hashlib.sha256(f"{pins} {container}".encode()).hexdigest()


def enter_containers(code_folder: Path, sources: Sequence[str]) -> None:
    """Set what Apptainer reads when it starts a container from this process: variables for inside, and binds.

    Bound are the code where it is outside the working directory (which Snakemake binds as HOME), the hub's
    cache, and the user's own folders of checkpoints and data sets, these read-only; the cache too where
    HF_HUB_OFFLINE says that it is complete.
    """
    cache = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    binds = [f"{cache}:{cache}:ro" if offline else f"{cache}:{cache}"]
    binds += [
        f"{path}:{path}:ro"
        for path in dict.fromkeys(Path(source).resolve() for source in sources)
        if path.exists()
    ]
    if not code_folder.resolve().is_relative_to(Path.cwd()):
        binds.append(f"{code_folder.resolve()}:{code_folder.resolve()}:ro")
    inside = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    inside |= {"HF_HOME": str(cache), "PREPEND_PATH": str(code_folder.resolve() / "scripts")}
    if program := shutil.which("apptainer"):
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        inside[RUNTIME_VARIABLE] = version.strip().replace(" version", "")
    os.environ |= {f"APPTAINERENV_{name}": value for name, value in inside.items()}
    os.environ["APPTAINER_BIND"] = ",".join(binds)
