"""The command line of a single run, turned into its request."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vlm_profiling.measure.options import add_standalone_options
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.standalone import standalone_request

MakeRequest = Callable[..., RunRequest]


@pytest.fixture
def asked(tiny: Callable[[str], tuple[Path, object]], shapes: Path) -> MakeRequest:
    project, _ = tiny("llava")

    def make(*options: str) -> RunRequest:
        parser = argparse.ArgumentParser()
        add_standalone_options(parser)
        return standalone_request(
            parser.parse_args(["--src_folder", str(shapes), "--model_name", str(project / "llava"), *options])
        )

    return make


def test_dashes_and_underscores_are_the_same_run(asked: MakeRequest) -> None:
    names = (
        "img-size",
        "batch-size",
        "max-input-len",
        "prompt-len",
        "max-new-tokens",
        "min-new-tokens",
        "timeout-s",
    )
    dashes, underscores = (
        asked(*(part for name in names for part in (f"--{name.replace('-', between)}", "30")))
        for between in "-_"
    )
    assert dashes.spec.key == underscores.spec.key != asked().spec.key
    assert (dashes.point.image_size, dashes.point.prompt_len, dashes.protocol.max_new_tokens) == (30, 30, 30)


def test_several_gpus_are_another_run_than_one(asked: MakeRequest) -> None:
    two, one, unsaid = asked("--gpus", "2"), asked("--gpus", "1"), asked()
    assert (two.gpus, one.gpus, unsaid.gpus) == (2, 1, 1)
    assert json.loads(two.spec.json)["model"]["gpus"] == 2
    assert two.spec.key != one.spec.key == unsaid.spec.key


def test_on_the_cpu_the_number_of_gpus_says_nothing(asked: MakeRequest) -> None:
    two, one = (asked("--gpus", number, "--device", "cpu") for number in "21")
    assert (two.gpus, two.spec.key) == (1, one.spec.key)


@pytest.mark.parametrize("number", ["0", "-2", "some"])
def test_a_number_of_samples_below_one_is_refused(
    asked: MakeRequest, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        asked(f"--samples={number}")
    assert f"argument --samples: '{number}'; allowed: integer, at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "17", "two"])
def test_a_number_of_gpus_out_of_range_is_refused(
    asked: MakeRequest, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        asked("--gpus", number)
    assert "--gpus" in capsys.readouterr().err
