#!/usr/bin/env python3
"""Assert that an image is what it should be, inside it while it is built, without a GPU.

    check_image.py expect.json --before    what the base has to bring, before anything is installed
    check_image.py expect.json             everything

Ends with every difference named, and then the build has failed.
"""

import importlib
import json
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path


def version_of(package: str) -> str | None:
    """The installed version without its local label (+cu128), None where the package is missing."""
    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def differences(expected: dict, pinned: dict[str, str], *, before: bool) -> list[str]:
    """Whatever is not as expected, in words."""
    found = []
    python = "{}.{}".format(*sys.version_info[:2])
    if python != expected["python"]:
        found.append(f"Python {python}, expected {expected['python']}")
    for package in expected["from_base"] if before else pinned:
        if version_of(package) != pinned[package]:
            found.append(f"{package} {version_of(package)}, expected {pinned[package]}")
    if found or before:
        return found
    for module in expected["imports"]:
        importlib.import_module(module)
    import torch

    built = {"cuda": torch.version.cuda, "cxx11abi": torch._C._GLIBCXX_USE_CXX11_ABI}
    found += [
        f"torch's {name} {built[name]}, expected {expected[name]}"
        for name in built
        if expected.get(name, built[name]) != built[name]
    ]
    found += [f"no program {program}" for program in expected["programs"] if shutil.which(program) is None]
    return found


if __name__ == "__main__":
    source = Path(sys.argv[1])
    lock = (source.parent / "python.lock").read_text()
    pins = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock, re.MULTILINE))
    problems = differences(json.loads(source.read_text()), pins, before="--before" in sys.argv)
    sys.exit("\n".join(["this image is not what it should be:", *problems]) if problems else 0)
