#!/usr/bin/env python3
"""Write the images' locks and recipes, and build them with Apptainer.

build.py lock [IMAGE...]        exact versions with hashes, from envs/*.lock and images.yaml
build.py recipes [--check]      *.def, *.Dockerfile and *.expect.json from images.yaml
build.py build [IMAGE...]       containers/IMAGE.sif, and what was built into containers/lock.yaml
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from vlm_profiling.record.container_image import sif_identifier  # noqa: E402
from vlm_profiling.study.spec import lock_sha256  # noqa: E402

TOOLS = ("install.sh", "fetch_wheels.py", "check_image.py")
INSIDE = "/opt/build"
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
SQUASH = "-comp zstd -Xcompression-level 3"
"""Unpacks several times faster than gzip, to about the same size."""


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["lock", "recipes", "build"])
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="by default all of images.yaml")
    parser.add_argument("--check", action="store_true", help="only say whether the recipes are up to date")
    parser.add_argument("--base", type=Path, help="a root folder or a .sif instead of the pinned base")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels instead of a package index")
    parser.add_argument(
        "--output", type=Path, default=PROJECT, help="folder that images and lock.yaml are written below"
    )
    options = parser.parse_args()
    known = yaml.safe_load((FOLDER / "images.yaml").read_text())
    unknown = set(options.images) - known.keys()
    if unknown:
        parser.error(f"no image {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    chosen = {name: known[name] for name in options.images or known}
    if options.command == "lock":
        for image in chosen.values():
            (PROJECT / image["lock"]).write_text(lock_text(image))
        return 0
    if options.command == "recipes":
        return write_recipes(chosen, check=options.check)
    for name, image in chosen.items():
        output = options.output / image["file"]
        try:
            seconds = build(name, options.base, options.wheels, output)
        except subprocess.CalledProcessError as error:
            print(f"build.py: {image['file']} was not built: apptainer's words are above", file=sys.stderr)
            return error.returncode
        except FileNotFoundError:
            print("build.py: no apptainer in PATH: `make doctor` says how to get it", file=sys.stderr)
            return 2
        note_build(name, image, options.base, output, output.with_name("lock.yaml"))
        print(f"{output}: {output.stat().st_size / 1e6:.0f} MB, built in {seconds:.0f} s")
    return 0


def lock_text(image: dict) -> str:
    """Every package at its version with the hash of the file that pip takes for this platform."""
    pins = dict(
        line.split("==") for line in (PROJECT / "envs/measure.lock").read_text().splitlines() if "==" in line
    )
    beside = (PROJECT / "envs/workflow.lock").read_text()
    pins |= image.get("versions", {})
    wheels = image.get("wheels", {})
    asked = [f"{name}=={version}" for name, version in pins.items() if name not in wheels]
    found = resolve(asked, no_deps=True)
    if image.get("with"):
        found |= resolve([*asked, *image["with"]], constraint=beside)
    found |= {name: (pins[name], wheel["sha256"]) for name, wheel in wheels.items()}
    lines = [f"{name}=={version} --hash=sha256:{sha256}" for name, (version, sha256) in sorted(found.items())]
    head = (
        "# Written by `make image-locks` from containers/images.yaml and the other locks: "
        "Python 3.11 on Linux, x86_64."
    )
    return "\n".join([head, *lines, ""])


def resolve(asked: list[str], *, no_deps: bool = False, constraint: str = "") -> dict[str, tuple[str, str]]:
    """What pip would install: (version without its build label, SHA-256) by name."""
    with tempfile.TemporaryDirectory() as folder:
        limits = Path(folder, "limits.txt")
        limits.write_text(constraint)
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--ignore-installed",
            "--quiet",
            "--constraint",
            str(limits),
        ]
        command += [*(["--no-deps"] if no_deps else []), "--report", f"{folder}/report.json", *asked]
        subprocess.run(command, check=True)
        report = json.loads(Path(folder, "report.json").read_text())
    return {
        item["metadata"]["name"].lower().replace("_", "-").replace(".", "-"): (
            item["metadata"]["version"].partition("+")[0],
            item["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for item in report["install"]
    }


def recipe_files(name: str, image: dict) -> dict[str, str]:
    """The Apptainer definition, the Dockerfile and what both assert, by file name. All paths start from the
    project's folder.
    """
    base = image["base"]
    unchecked = (
        "" if base["checked"] else "; the digest was not compared with the registry's, see images.yaml"
    )
    head = (
        f"# {name}: {image['about']}. Written by `make recipes` from images.yaml.\n"
        f"# Base: {base['name']}:{base['tag']}"
    )
    head += unchecked
    expect = {"from_base": image.get("from_base", []), "wheels": image.get("wheels", {}), **image["expect"]}
    files = {f"containers/{tool}": f"{INSIDE}/{tool}" for tool in TOOLS}
    files |= {
        image["lock"]: f"{INSIDE}/python.lock",
        f"containers/{name}.expect.json": f"{INSIDE}/expect.json",
    }
    labels = {
        "vlm-profiling.image": name,
        "vlm-profiling.base": f"{base['name']}:{base['tag']}@{base['digest']}",
    }
    index = {"PIP_EXTRA_INDEX_URL": image["index"]} if "index" in image else {}
    definition = [
        head,
        "Bootstrap: {{ BOOTSTRAP }}",
        "From: {{ BASE }}",
        "",
        "%arguments",
        "    BOOTSTRAP=docker",
        f"    BASE={base['name'].removeprefix('docker.io/')}@{base['digest']}",
        "",
        "%files",
        *(f"    {source} {target}" for source, target in files.items()),
        "",
        "%post",
        *(f"    export {key}={value}" for key, value in {**ENVIRONMENT, **index}.items()),
        f"    sh {INSIDE}/install.sh {INSIDE}",
        "",
        "%environment",
        *(f"    export {key}={value}" for key, value in ENVIRONMENT.items()),
        "",
        "%labels",
        *(f"    {key} {value}" for key, value in labels.items()),
        "",
    ]
    dockerfile = [
        f"{head}\n# docker build --file containers/{name}.Dockerfile .",
        f"FROM {base['name']}@{base['digest']}",
        *(f"ENV {key}={value}" for key, value in ENVIRONMENT.items()),
        *(f"ARG {key}={value}" for key, value in index.items()),
        *(f"COPY {source} {target}" for source, target in files.items()),
        f"RUN sh {INSIDE}/install.sh {INSIDE}",
        *(f'LABEL {key}="{value}"' for key, value in labels.items()),
        "",
    ]
    return {
        f"{name}.def": "\n".join(definition),
        f"{name}.Dockerfile": "\n".join(dockerfile),
        f"{name}.expect.json": json.dumps(expect, indent=1) + "\n",
    }


def write_recipes(images: dict, *, check: bool) -> int:
    """Write the recipes that changed, or say which would; 1 when `check` finds one out of date."""
    wanted = {
        FOLDER / file: text
        for name, image in images.items()
        for file, text in recipe_files(name, image).items()
    }
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in changed:
        print(f"{path.relative_to(PROJECT)}: {'out of date, run `make recipes`' if check else 'written'}")
        if not check:
            path.write_text(wanted[path])
    return int(check and bool(changed))


def build(name: str, base: Path | None, wheels: Path | None, output: Path) -> float:
    """Build one image with Apptainer to `output`; returns the seconds it took. Raises CalledProcessError when
    it fails.
    """
    started = time.monotonic()
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(".partial.sif")
    command = ["apptainer", "build", "--force", f"--mksquashfs-args={SQUASH}"]
    if base is not None:
        command += ["--build-arg", "BOOTSTRAP=localimage", "--build-arg", f"BASE={base.resolve()}"]
    if wheels is not None:
        command += ["--bind", f"{wheels.resolve()}:/mnt"]
    subprocess.run([*command, str(partial), str(FOLDER / f"{name}.def")], cwd=PROJECT, check=True)
    partial.replace(output)
    return time.monotonic() - started


def note_build(name: str, image: dict, base: Path | None, output: Path, lock: Path) -> None:
    """Say in lock.yaml what was built of what."""
    built = yaml.safe_load(lock.read_text()) if lock.exists() else {}
    with output.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    version = subprocess.run(
        ["apptainer", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    built[name] = {
        "file": image["file"],
        "sha256": sha256,
        "identifier": sif_identifier(output),
        "size_bytes": output.stat().st_size,
        "base": f"{image['base']['name']}@{image['base']['digest']}"
        if base is None
        else f"local: {base.name}",
        "base_checked": base is None,
        "lock": image["lock"],
        "lock_sha256": lock_sha256((PROJECT / image["lock"]).read_text()),
        "apptainer": version,
    }
    lock.write_text(
        "# What was built, by `make containers`; not edited by hand.\n"
        + yaml.safe_dump(built, sort_keys=False)
    )


if __name__ == "__main__":
    sys.exit(main())
