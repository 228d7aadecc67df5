"""Which runs of a study will not fit is told before any has run, and where it cannot be told, why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from vlm_profiling.cost.functions import CONVENTION, CacheElements, ModelCost
from vlm_profiling.cost.memory.expect import FRAME_TOKENS
from vlm_profiling.cost.memory.forecast import GIBIBYTE, NOT_COUNTED, forecaster
from vlm_profiling.cost.memory.memory import Live, MemoryFunctions
from vlm_profiling.cost.memory.predict import (
    CUBLAS_WORKSPACE_BYTES,
    CUDA_CONTEXT_BYTES,
    FRAGMENTS,
    ID_BYTES,
    LIBRARIES_BYTES,
)
from vlm_profiling.models.image_tokens import ImageTokens
from vlm_profiling.record.manifests import DatasetSample, Video
from vlm_profiling.study import Run, Study, expand_runs, study_from_mapping

PROJECT = Path(__file__).parents[2]
FIXED = ImageTokens(grid=(16, 16), tokens=256)
FREE = ImageTokens(area=(3136, 1_003_520), patch=14, merge=2)


def study(folder: Path, **changes: Any) -> Study:
    settings = {
        "name": "forecast",
        "results": "results",
        "models": {"big": {"architecture": "llava-1.5-7b-hf"}},
        "datasets": {"shapes": {"folder": "shapes"}},
        "optimizations": {"fp16": {"dtype": "float16"}},
        "baseline": {"device": "cuda", "optimization": "fp16", "image_size": 224, "max_input_len": 100},
        "axes": {"batch_size": {"values": [1, 4, 64]}},
        "device_memory_gib": 16,
        **changes,
    }
    made = study_from_mapping(settings)
    return made.model_copy(update={"results": str(folder / made.results)})


def cost(images: ImageTokens = FIXED) -> ModelCost:
    """A model of 13 GiB of weights, of a cache of 0.5 MiB a token, and of activations of 1 MiB a token."""
    functions = MemoryFunctions(
        weight_bytes=13 * GIBIBYTE,
        held=Live(),
        project=[],
        prefill=[Live(row_size=2**20)],
        decode=[Live(row=1)],
    )
    return ModelCost(
        name="big",
        source="architecture:llava-1.5-7b-hf",
        model_type="llava",
        convention=CONVENTION,
        cache=CacheElements(per_prompt_token=2**18, per_generated_token=2**18),
        memory={"16-bit fused": functions, "32-bit fused": functions},
        images=images,
    )


def by_batch(made: Study, costs: dict[str, ModelCost]) -> dict[int, Any]:
    forecast = forecaster(made, costs)
    runs: list[Run] = expand_runs(made)
    return {run.point.batch_size: forecast(run) for run in runs}


def test_the_run_that_needs_more_than_the_device_has_is_told(tmp_path: Path) -> None:
    forecasts = by_batch(study(tmp_path), {"big": cost()})
    assert [forecasts[size].fits for size in (1, 4, 64)] == [True, True, False]
    assert str(forecasts[64]).startswith("oom predicted: ")
    assert str(forecasts[64]).endswith(" GiB of 16.0")


def test_a_prompt_length_takes_the_place_of_the_limit(tmp_path: Path) -> None:
    forecast = forecaster(study(tmp_path, axes={"prompt_len": {"values": [None, 50, 500]}}), {"big": cost()})
    runs = expand_runs(study(tmp_path, axes={"prompt_len": {"values": [None, 50, 500]}}))
    peaks = [forecast(run).peak_bytes or 0 for run in runs]
    a_token = (2**20 + ID_BYTES) * (1 + FRAGMENTS)
    assert peaks[1] - peaks[0] == pytest.approx(-50 * a_token, abs=2) and peaks[2] - peaks[
        0
    ] == pytest.approx(400 * a_token, abs=2)


def test_the_peak_is_the_sum_of_its_parts(tmp_path: Path) -> None:
    prompt = 256 + 100 + 24  # image, limit of the text, template
    allocated = prompt * 2**20 + prompt * ID_BYTES  # the prefill's, its cache included
    overhead = CUDA_CONTEXT_BYTES + CUBLAS_WORKSPACE_BYTES + FRAGMENTS * allocated
    peak = by_batch(study(tmp_path), {"big": cost()})[1].peak_bytes
    assert peak == pytest.approx(13 * GIBIBYTE + allocated + overhead, abs=1)


def test_a_batch_holds_no_more_rows_than_there_are_samples(tmp_path: Path) -> None:
    few = study(tmp_path, datasets={"shapes": {"folder": "shapes", "samples": 4}})
    forecasts = by_batch(few, {"big": cost()})
    assert forecasts[64].peak_bytes == forecasts[4].peak_bytes


def test_a_cost_that_is_not_counted_is_the_reason(tmp_path: Path) -> None:
    forecasts = by_batch(study(tmp_path), {})
    assert {(forecast.absent, str(forecast)) for forecast in forecasts.values()} == {(NOT_COUNTED, "")}


def test_without_a_limit_nothing_is_called_out_of_memory(tmp_path: Path) -> None:
    forecasts = by_batch(study(tmp_path, device_memory_gib=None), {"big": cost()})
    assert all(forecast.fits for forecast in forecasts.values())
    assert str(forecasts[1]).endswith(" GiB")


def test_a_run_on_the_cpu_is_held_against_this_machine(tmp_path: Path) -> None:
    settings = {"device": "cpu", "optimization": "fp16", "image_size": 224, "max_input_len": 100}
    forecast = by_batch(study(tmp_path, baseline=settings, device_memory_gib=0.1), {"big": cost()})[1]
    assert forecast.peak_bytes == 13 * GIBIBYTE + 380 * (2**20 + ID_BYTES) + LIBRARIES_BYTES
    assert forecast.device_bytes != round(0.1 * GIBIBYTE)


def test_images_and_texts_of_a_prepared_data_set_are_read(tmp_path: Path) -> None:
    made = study(tmp_path, baseline={"device": "cuda", "optimization": "fp16"})
    forecasts = by_batch(made, {"big": cost(FREE)})
    assert forecasts[1].absent == "the data set is not prepared, and the model takes images as they come"

    folder = tmp_path / "results" / "datasets" / "shapes"
    (folder / "images").mkdir(parents=True)
    samples = []
    for name, width, text in (("a", 280, "how many?"), ("b", 560, "x" * 300)):
        Image.new("RGB", (width, 280)).save(folder / "images" / f"{name}.png")
        samples.append(
            DatasetSample(
                id=name, image=f"images/{name}.png", image_sha256="0", request=text, references=["1"]
            )
        )
    (folder / "samples.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(samples))

    forecast = by_batch(made, {"big": cost(FREE)})[1]
    prompt = 20 * 10 + 100 + 24  # 560 x 280 pixels in pairs of 14, 300 bytes of text, template
    allocated = prompt * (2**20 + ID_BYTES)
    assert forecast.peak_bytes == pytest.approx(
        13 * GIBIBYTE + allocated * (1 + FRAGMENTS) + CUDA_CONTEXT_BYTES + CUBLAS_WORKSPACE_BYTES, abs=1
    )


def test_the_listing_of_the_reference_study_says_why_it_predicts_nothing(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, PROJECT / "scripts" / "vlm.py", "grid", PROJECT / "config.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.splitlines()[-1] == f"memory: 126 runs not predicted: {NOT_COUNTED}"


def test_the_listing_marks_what_will_not_fit(tmp_path: Path) -> None:
    made = study(Path())
    settings = json.loads(made.model_dump_json(exclude_defaults=True)) | {"results": "results"}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
    (tmp_path / "results" / "costs").mkdir(parents=True)
    (tmp_path / "results" / "costs" / "big.json").write_bytes(msgspec.json.encode(cost()))
    shown = subprocess.run(
        [sys.executable, PROJECT / "scripts" / "vlm.py", "grid"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.count("oom predicted: ") == 1
    assert "memory: 1 of 3 runs predicted out of memory" in shown


def test_every_frame_given_of_a_video_is_told_and_no_more_than_its_file_holds(tmp_path: Path) -> None:
    axes = {"frames": {"values": [1, 4, 8, 16]}}
    made = study(tmp_path, baseline={"device": "cuda", "optimization": "fp16"}, axes=axes)
    folder = tmp_path / "results" / "datasets" / "shapes"
    folder.mkdir(parents=True)
    video = Video(frames=8, width=280, height=280, codec="h264")
    sample = DatasetSample(
        id="a", image="videos/a.mp4", image_sha256="0", video=video, request="how many?", references=["1"]
    )
    (folder / "samples.jsonl").write_bytes(msgspec.json.Encoder().encode_lines([sample]))
    forecast = forecaster(made, {"big": cost(FREE)})
    peaks = {run.point.frames: forecast(run).peak_bytes for run in expand_runs(made)}
    overhead = CUDA_CONTEXT_BYTES + CUBLAS_WORKSPACE_BYTES
    for frames, peak in peaks.items():
        given = min(frames, 8)
        prompt = (
            given * 100 + (given - 1) * FRAME_TOKENS + 3 + 24
        )  # 280 x 280 pixels in pairs of 14, text, template
        assert peak == pytest.approx(
            13 * GIBIBYTE + prompt * (2**20 + ID_BYTES) * (1 + FRAGMENTS) + overhead, abs=1
        )


def test_a_model_on_several_gpus_is_held_against_one_of_them(tmp_path: Path) -> None:
    alone, laid = (
        by_batch(study(tmp_path, models={"big": {"tiny": "llava", **more}}), {"big": cost()})
        for more in ({}, {"gpus": 2})
    )
    prompt = 256 + 100 + 24
    cache = (prompt + 49) * 2**19
    twice = 2 * (prompt * (2**20 + ID_BYTES) - cache)
    both = (
        13 * GIBIBYTE + (1 + FRAGMENTS) * (cache + twice) + 2 * (CUDA_CONTEXT_BYTES + CUBLAS_WORKSPACE_BYTES)
    )
    assert laid[1].peak_bytes == pytest.approx(both / 2, abs=2)
    assert str(laid[1]).startswith("2 x ") and not str(alone[1]).startswith("2 x ")
    assert not alone[64].fits and str(alone[64]).startswith("oom predicted")
