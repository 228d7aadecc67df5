"""A registry on loopback with one small image in it: a shell, copied from this machine."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("apptainer", "docker-registry", "skopeo", "umoci")
PROGRAMS_INSIDE = ("/bin/sh", "/bin/bash")


def why_not() -> str | None:
    """Why no registry can be started here; None when one can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"no {', '.join(missing)}: `make test-system` installs them" if missing else None


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """HOST:PORT of a registry whose blobs lie in `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": address},
        "log": {"level": "error"},
    }
    (folder / "registry.yml").write_text(json.dumps(settings))
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=log
        )
    try:
        host, port = address.split(":")
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def push_small_image(address: str, folder: Path) -> str:
    """Make the image, push it, and return its digest ("sha256:...")."""
    layer = folder / "layer.tar"
    with tarfile.open(layer, "w") as archive:
        for program in PROGRAMS_INSIDE:
            for path in (program, *libraries(program)):
                archive.add(Path(path).resolve(), arcname=path.lstrip("/"))
    oci = f"{folder}/oci"
    subprocess.run(["umoci", "init", "--layout", oci], check=True)
    subprocess.run(["umoci", "new", "--image", f"{oci}:small"], check=True)
    subprocess.run(
        ["umoci", "raw", "add-layer", "--image", f"{oci}:small", str(layer)], check=True, capture_output=True
    )
    push = [
        "skopeo",
        "--insecure-policy",
        "copy",
        "--quiet",
        "--dest-tls-verify=false",
        "--digestfile",
        f"{folder}/digest",
    ]
    subprocess.run([*push, f"oci:{oci}:small", f"docker://{address}/vlm/small:1"], check=True)
    return (folder / "digest").read_text().strip()


def libraries(program: str) -> list[str]:
    """What the loader would load for a program, itself included."""
    shown = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return sorted(set(re.findall(r"(/\S+)", shown)))
