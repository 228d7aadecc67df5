"""Runs over real videos: what the record proves of the frames, and how decoding them stands in every time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from clips import write_clips
from other_families import OTHER_FAMILIES
from tiny_costs import counted_cost

from draw_moving_shapes import RATE
from vlm_profiling.datasets.read import read_source_folder
from vlm_profiling.measure.passes import headline as passes
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.measure.terminal.stage_table import stage_table
from vlm_profiling.measure.terminal.summary import summarise
from vlm_profiling.models.base import Prepared
from vlm_profiling.models.qwen2_5_vl.family import Qwen25VL
from vlm_profiling.record.breakdown import DECODE_FRAMES, IMAGE_STAGES, SAMPLE_FRAMES
from vlm_profiling.record.files import decode_record
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig
from vlm_profiling.tables.token_counts import run_work

PROJECT = Path(__file__).parents[2]
UNCACHED = ProtocolConfig(
    max_new_tokens=3,
    cached=False,
    warmup=WarmupConfig(window=2, max_batches=2),
    repeats=RepeatsConfig(max_s=0.1),
)
FEW = ProtocolConfig(max_new_tokens=3, stages=False, repeats=RepeatsConfig(max_s=0.1))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips, of 12, 12, 12 and 3 frames."""
    return write_clips(tmp_path_factory.mktemp("videos") / "clips", frames=(12, 12, 12, 3))


@pytest.fixture
def video_request(request_for: Callable[..., RunRequest], clips: Path) -> Callable[..., RunRequest]:
    """A run on the clips; arguments as of `request_for`."""

    def make(architecture: str = "llava", **arguments: object) -> RunRequest:
        manifest, samples = read_source_folder(clips, None)
        in_order = sorted(samples, key=lambda sample: sample.image)
        return replace(
            request_for(architecture, **arguments), dataset=manifest, samples=in_order, media_folder=clips
        )

    return make


def measured(request: RunRequest) -> RunRecord:
    record = profile(request)
    assert record.status == "ok", record.failure
    return record


@pytest.mark.parametrize(
    ("architecture", "frames_as", "encoded", "tokens", "said"),
    [
        ("llava", "images", [4, 4, 4, 3], 4, "as several images in a prompt"),
        ("qwen2_5_vl", "video", [2, 2, 2, 2], 6, "as a video"),
    ],
)
def test_the_record_proves_which_frames_were_given_and_how(
    video_request: Callable[..., RunRequest],
    architecture: str,
    frames_as: str,
    encoded: list[int],
    tokens: int,
    said: str,
) -> None:
    record = measured(video_request(architecture, batch_size=2, frames=4, image_size=56))
    assert record.checkpoint and record.checkpoint.frames_as == frames_as
    assert [sample.video_frames for sample in record.samples] == [12, 12, 12, 3]
    assert [sample.given_frames for sample in record.samples] == [
        4,
        4,
        4,
        3,
    ]  # of three frames, three are given
    assert [sample.encoded_images for sample in record.samples] == encoded
    assert [sample.image_tokens for sample in record.samples] == [tokens * images for images in encoded]
    assert {sample.image_size for sample in record.samples} == {(48, 32)}
    assert all(sample.effective_size for sample in record.samples)
    assert f"3 to 4 given of 3 to 12 in the file, {said}" in summarise(record)


def test_one_frame_is_an_image_also_where_several_are_a_video(
    video_request: Callable[..., RunRequest],
) -> None:
    record = measured(video_request("qwen2_5_vl", batch_size=2))
    assert record.checkpoint and record.checkpoint.frames_as == "images"
    assert "1 given of 3 to 12 in the file, as an image" in summarise(record)


def test_frames_are_given_at_the_distance_at_which_the_file_shows_them(
    video_request: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[float]] = []
    prepare = Qwen25VL.prepare

    def watched(*given: Any, **named: Any) -> Prepared:
        made = prepare(*given, **named)
        told.append(made.inputs["second_per_grid_ts"])
        return made

    monkeypatch.setattr(Qwen25VL, "prepare", watched)
    measured(video_request("qwen2_5_vl", batch_size=4, frames=4))
    long, short = 12 / RATE / 4, 3 / RATE / 3
    assert told[-1] == pytest.approx([2 * long] * 3 + [2 * short])


@pytest.mark.parametrize("protocol", [None, UNCACHED], ids=["cached", "decoded between batches"])
def test_decoding_stands_in_every_time_that_begins_with_a_file(
    video_request: Callable[..., RunRequest], protocol: ProtocolConfig | None
) -> None:
    record = measured(video_request(batch_size=2, frames=2, **({"protocol": protocol} if protocol else {})))
    for batch in record.batches:
        assert batch.decode_frames_s and batch.sample_frames_s
        host = batch.decode_frames_s + batch.sample_frames_s + batch.preprocess_s
        assert batch.end_to_end_s == pytest.approx(
            host + batch.transfer_s + batch.generate_s + batch.detokenise_s, rel=1e-9
        )
    assert record.stages and record.serving
    assert list(record.stages.times) == [DECODE_FRAMES, SAMPLE_FRAMES, *IMAGE_STAGES]
    assert abs(record.stages.unattributed_share) < 0.1
    before = ("decode frames", "sample frames", "preprocess", "transfer", "vision", "project", "prefill")
    least_s = sum(record.stages.times[stage].time.mean_s for stage in before)
    assert least_s <= record.serving.ttft.mean_s <= record.stages.end_to_end.mean_s
    assert stage_table(record.stages, coloured=True).splitlines()[1].startswith("decode frames ")
    assert decode_record(msgspec.json.encode(record)) == record


def test_videos_are_decoded_once_when_cached_and_for_every_batch_when_not(
    video_request: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []
    decode = passes.decode_frames
    monkeypatch.setattr(passes, "decode_frames", lambda clip: decoded.append(clip.path) or decode(clip))
    measured(video_request(batch_size=2, frames=2))
    assert len(decoded) == 2 + 4  # the first batch once more beforehand
    decoded.clear()
    record = measured(video_request(batch_size=2, frames=2, protocol=UNCACHED))
    assert record.warmup and len(decoded) >= 2 * record.warmup.batches + 2 * 4  # warm-up, headline, stages


def test_images_have_no_such_stages_and_no_zero_in_their_place(
    request_for: Callable[..., RunRequest],
) -> None:
    record = measured(request_for(batch_size=2))
    assert record.stages and not {DECODE_FRAMES, SAMPLE_FRAMES} & {
        *record.stages.times,
        *record.stages.absent,
    }
    assert {(batch.decode_frames_s, batch.sample_frames_s) for batch in record.batches} == {(None, None)}
    assert {(sample.given_frames, sample.video_frames) for sample in record.samples} == {(1, None)}
    assert record.checkpoint and record.checkpoint.frames_as is None


@pytest.mark.parametrize("architecture", ["blip2-opt", "instructblip-t5", "fuyu"])
def test_families_of_one_image_take_one_frame_and_refuse_more(
    video_request: Callable[..., RunRequest], architecture: str
) -> None:
    record = measured(video_request(architecture, batch_size=2))
    assert {(sample.given_frames, sample.encoded_images) for sample in record.samples} == {(1, 1)}
    refused = profile(video_request(architecture, batch_size=2, frames=2))
    assert refused.status == "unsupported" and refused.failure and refused.failure.stage == "prepare"
    assert refused.failure.reason.startswith("frames = 2: the processor puts")


def test_a_data_set_of_both_refuses_several_frames_naming_an_image(
    video_request: Callable[..., RunRequest], request_for: Callable[..., RunRequest], tmp_path: Path
) -> None:
    both, images = video_request(frames=2), request_for()
    shutil.copytree(both.media_folder, tmp_path, dirs_exist_ok=True)
    shutil.copy(images.media_folder / images.samples[0].image, tmp_path)
    record = profile(replace(both, samples=[*both.samples, images.samples[0]], media_folder=tmp_path))
    assert record.status == "unsupported" and record.failure
    assert record.failure.reason == f"frames = 2: sample {images.samples[0].id} is a single image"
    one = measured(
        replace(
            video_request(batch_size=5), samples=[*both.samples, images.samples[0]], media_folder=tmp_path
        )
    )
    assert [sample.video_frames for sample in one.samples] == [12, 12, 12, 3, None]


def test_memory_and_flops_of_several_frames_are_those_of_the_run(
    video_request: Callable[..., RunRequest],
) -> None:
    for architecture, grids in (("llava", 15), ("qwen2_5_vl", 8)):  # 4 + 4 + 4 + 3 frames, and two a grid
        request = video_request(architecture, batch_size=2, frames=4, protocol=FEW)
        cost = counted_cost(request.checkpoint, request.project)
        record = measured(replace(request, cost=cost))
        assert (
            record.memory
            and record.memory.predicted
            and record.memory.predicted.basis == "the prepared batches"
        )
        assert record.memory.predicted.kv_cache_bytes == record.memory.kv_cache_bytes
        assert record.memory.predicted_over_allocated == pytest.approx(1, abs=0.15)
        work = run_work(record, cost)
        one = run_work(
            measured(replace(video_request(architecture, batch_size=2, protocol=FEW), cost=cost)), cost
        )
        assert work.batch_vision_flops and one.batch_vision_flops and one.batch_flops
        assert work.batch_vision_flops == pytest.approx(grids / 4 * one.batch_vision_flops)
        assert work.frames_mean == 3.75 and work.batch_flops and work.batch_flops > one.batch_flops


@pytest.mark.parametrize("family", OTHER_FAMILIES)
def test_other_families_take_as_many_frames_as_their_processor_does(
    video_request: Callable[..., RunRequest], family: str
) -> None:
    one, four = (profile(video_request(family, batch_size=2, frames=frames)) for frames in (1, 4))
    assert one.status == "ok", one.failure
    if four.status == "ok":
        tokens = [sum(sample.image_tokens for sample in record.samples) for record in (one, four)]
        assert tokens[1] > tokens[0]  # LLaVA-OneVision cuts a single image into tiles, several into none
    else:
        assert four.status == "unsupported" and four.failure and "frames = 4" in four.failure.reason


@pytest.mark.slow
def test_the_command_line_takes_a_folder_of_videos(
    clips: Path, tiny: Callable[..., tuple], tmp_path: Path
) -> None:
    project, manifest = tiny("llava")
    shutil.copytree(project / str(manifest.folder), tmp_path / "model")
    options = [
        "--src_folder",
        str(clips),
        "--model_name",
        "model",
        "--device",
        "cpu",
        "--optimization",
        "fp32",
    ]
    options += ["--frames", "2", "--batch_size", "2", "--max_new_tokens", "2", "--output", "record.json"]
    done = subprocess.run(
        [sys.executable, PROJECT / "scripts" / "profile_run.py", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "2 given of 3 to 12 in the file" in done.stdout and "decode frames" in done.stdout
    record = decode_record((tmp_path / "record.json").read_bytes())
    assert record.point.frames == 2 and {sample.given_frames for sample in record.samples} == {2}
