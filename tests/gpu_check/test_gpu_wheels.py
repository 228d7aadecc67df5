"""Wheels for a bare machine: only what it lacks is installed, and never torch or what fits it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from vlm_profiling.gpu_check import wheels


def make_wheel(folder: Path, name: str, version: str) -> None:
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        info = f"{name}-{version}.dist-info"
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    make_wheel(tmp_path, "a_package_nobody_has", "1.0")
    make_wheel(tmp_path, "torch", "99.0")

    assert wheels.install_missing(tmp_path, tmp_path / "target") == ["a-package-nobody-has"]
    assert (tmp_path / "target" / "a_package_nobody_has.py").exists()
    assert not (tmp_path / "target" / "torch.py").exists()


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(wheels.WheelError, match="make gpu-wheels"):
        wheels.install_missing(tmp_path, tmp_path / "target")


def test_pins_are_fetched_for_the_machines_python_without_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "measure.lock"
    lock.write_text("msgspec==0.22.0\nnumpy==2.4.6\npolars==2.1.0\ntorch==2.13.0\ntransformers==5.23.0\n")
    asked: list[str] = []
    monkeypatch.setattr(wheels, "_pip", lambda *arguments: asked.extend(arguments))

    assert wheels.fetch_wheels(lock, tmp_path / "wheels", python_version="3.12", without=["polars"]) == [
        "msgspec==0.22.0"
    ]
    assert asked[asked.index("--python-version") + 1] == "3.12"
    assert "--no-deps" in asked
