"""Videos of real files, encoded here: which frames are given, what is refused, what a prepared data set holds
of them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import polars as pl
import pytest
from PIL import Image

from draw_moving_shapes import write_clip
from vlm_profiling.datasets import videos
from vlm_profiling.datasets.candidates import BadSample, DatasetError
from vlm_profiling.datasets.read import open_media, read_samples, read_source_folder
from vlm_profiling.datasets.videos import Clip, decode_frames, examine_video, frame_images, frame_indices

FRAMES = 24


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """24 frames of 48 x 32 pixels, each a little lighter than the one before, with a white left half."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    write_clip(path, [shade(number) for number in range(FRAMES)])
    return path.read_bytes()


@pytest.fixture
def folder(tmp_path: Path, clip: bytes) -> Path:
    """datasets/shapes with one clip that two samples ask about."""
    made = tmp_path / "datasets" / "shapes"
    made.mkdir(parents=True)
    (made / "clip.mp4").write_bytes(clip)
    write_samples(
        made, [{"video_path": "clip.mp4", "request": f"question {n}?", "response": "yes"} for n in range(2)]
    )
    return made


def shade(number: int) -> Image.Image:
    image = Image.new("RGB", (48, 32), (10 * number,) * 3)
    image.paste((255, 255, 255), (0, 0, 24, 32))
    return image


def number_of(image: Image.Image) -> int:
    """Which frame of the clip an image is."""
    level = image.convert("L").getpixel((40, 16))
    assert isinstance(level, int)
    return round(level / 10)


def write_samples(folder: Path, samples: list[dict]) -> None:
    (folder / "samples.json").write_text(json.dumps(samples))


@pytest.mark.parametrize(
    ("there", "asked", "indices"),
    [
        (24, 1, (12,)),
        (24, 4, (3, 9, 15, 21)),
        (10, 4, (1, 3, 6, 8)),
        (5, 2, (1, 3)),
        (3, 8, (0, 1, 2)),
        (1, 16, (0,)),
    ],
)
def test_frames_are_the_middles_of_equal_segments_and_never_given_twice(
    there: int, asked: int, indices: tuple[int, ...]
) -> None:
    assert frame_indices(there, asked) == indices


def test_the_frames_given_are_those_at_the_positions(folder: Path) -> None:
    _, samples = read_source_folder(folder, None)
    for asked in (1, 2, 4, 8, 16, 100):
        clip = open_media(folder, samples[0], asked)
        assert isinstance(clip, Clip) and clip.size == (48, 32)
        images = frame_images(decode_frames(clip))
        assert [number_of(image) for image in images] == list(frame_indices(FRAMES, asked))
        assert {(image.mode, image.size) for image in images} == {("RGB", (48, 32))}


@pytest.mark.parametrize(("codec", "ending"), [("mpeg4", "avi"), ("libvpx-vp9", "mkv"), ("libx264", "ts")])
def test_other_containers_and_codecs_hold_the_same_frames(tmp_path: Path, codec: str, ending: str) -> None:
    path = tmp_path / f"clip.{ending}"
    write_clip(path, [shade(number) for number in range(FRAMES)], codec=codec)
    video, named = examine_video(path.read_bytes())
    assert (video.frames, video.width, video.height, named) == (FRAMES, 48, 32, ending)
    images = frame_images(decode_frames(Clip(path, video, frame_indices(FRAMES, 4))))
    assert [number_of(image) for image in images] == [3, 9, 15, 21]


def test_a_clip_filmed_sideways_is_turned_upright(clip: bytes, tmp_path: Path) -> None:
    """By the matrix in its track's header, here of a telephone held upright: a quarter turn clockwise."""
    matrix = clip.index(b"tkhd") + 4 + 4 + 5 * 4 + 2 * 8
    assert np.frombuffer(clip[matrix : matrix + 36], ">i4").tolist() == [
        0x10000,
        0,
        0,
        0,
        0x10000,
        0,
        0,
        0,
        0x40000000,
    ]
    turn = np.array([0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000], ">i4").tobytes()
    path = tmp_path / "turned.mp4"
    path.write_bytes(clip[:matrix] + turn + clip[matrix + 36 :])
    video, _ = examine_video(path.read_bytes())
    assert (video.width, video.height) == (32, 48)
    (image,) = frame_images(decode_frames(Clip(path, video, (0,))))
    top, bottom = (image.crop((0, row, 32, row + 8)).convert("L").getextrema() for row in (0, 40))
    assert top[0] > 240 and bottom[1] < 20  # the white left half is on top


def audio_alone() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    return file.getvalue()


def cut_short(clip: bytes, folder: Path) -> bytes:
    """The clip with its index first, as on the web, and only its first ten frames there."""
    path = folder / "fast.mp4"
    with (
        av.open(io.BytesIO(clip)) as source,
        av.open(str(path), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    with av.open(str(path)) as fast:
        tenth = list(fast.demux(video=0))[9]
    assert tenth.pos is not None
    return path.read_bytes()[: tenth.pos + tenth.size]


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda clip, _: clip[: len(clip) // 2], "the video does not decode: Invalid data"),
        (cut_short, r"the video ends after 10 of the 24 frames that its header promises"),
        (lambda *_: b"", "the video does not decode"),
        (
            lambda *_: b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n",
            "the video does not decode: Invalid data",
        ),
        (lambda *_: audio_alone(), "the file has no video stream"),
    ],
    ids=["half", "cut short", "empty", "playlist", "sound"],
)
def test_what_is_no_whole_video_is_refused(
    clip: bytes, tmp_path: Path, break_it: Callable[[bytes, Path], bytes], reason: str
) -> None:
    with pytest.raises(BadSample, match=reason):
        examine_video(break_it(clip, tmp_path))


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MAX_FRAME_PIXELS", 1_000_000, "frames are larger than 1 megapixels: 1200 x 1000"),
        ("MAX_FRAMES", 2, "longer than 2 frames"),
        ("MAX_PIXELS", 2 * 1200 * 1000, "or 0 gigapixels"),
    ],
)
def test_a_video_beyond_the_bounds_is_refused_however_small_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, reason: str
) -> None:
    path = tmp_path / "large.mp4"
    write_clip(path, [Image.new("RGB", (1200, 1000))] * 3)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(videos, limit, value)
    with pytest.raises(BadSample, match=reason):
        examine_video(path.read_bytes())


def test_bad_videos_are_named_in_one_error_beside_bad_images_or_skipped_and_counted(
    folder: Path, prepare, image
) -> None:
    (folder / "half.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:900])
    (folder / "image.png").write_bytes(image())
    rows = [{"video_path": name} for name in ("clip.mp4", "half.mp4", "gone.mp4", "image.png")]
    rows += [
        {"image_path": "image.png"},
        {"image_path": "image.png", "video_path": "clip.mp4"},
        {"image_path": "clip.mp4"},
        {},
    ]
    write_samples(folder, [{**row, "request": "?", "response": "yes"} for row in rows])
    with pytest.raises(DatasetError) as stopped:
        prepare()
    told = str(stopped.value).splitlines()
    assert told[0].startswith("datasets/shapes: 6 of 8 samples cannot be used")
    assert [line.strip().partition(":")[0] for line in told[1:]] == [
        f"sample {n}" for n in (1, 2, 3, 5, 6, 7)
    ]
    assert (
        "no such file: gone.mp4" in told[2]
        and "an image and a video" in told[4]
        and "no image and no video" in told[6]
    )
    manifest = prepare(on_bad_sample="skip")
    assert (manifest.samples, len(manifest.skipped)) == (2, 6)


def test_a_prepared_data_set_holds_each_video_once_with_its_hash_and_facts(
    folder: Path, prepare, tmp_path: Path
) -> None:
    prepare()
    prepared = tmp_path / "prepared" / "shapes"
    _, samples = read_samples(prepared)
    assert len(samples) == 2 and len({sample.image for sample in samples}) == 1
    assert [path.name for path in (prepared / "videos").iterdir()] == [f"{samples[0].image_sha256}.mp4"]
    assert (
        samples[0].video
        and samples[0].video.codec == "h264"
        and samples[0].video.duration_s == pytest.approx(2.0)
    )
    _, drawn = read_source_folder(folder, None)
    assert [(sample.id, sample.video) for sample in drawn] == [
        (sample.id, sample.video) for sample in samples
    ]
    (prepared / samples[0].image).write_bytes(b"another")
    with pytest.raises(DatasetError, match="the video changed since the data set was prepared"):
        open_media(prepared, samples[0], 2)


def test_columns_name_where_videos_lie_and_parquet_may_hold_them(
    folder: Path, prepare, clip: bytes, tmp_path: Path
) -> None:
    (folder / "samples.json").unlink()
    rows = {"film": [{"bytes": clip, "path": "a.mp4"}], "asks": ["how many?"], "says": ["one"]}
    pl.DataFrame(rows).write_parquet(folder / "samples.parquet")
    prepare(columns={"video": "film", "request": "asks", "response": "says"})
    _, samples = read_samples(tmp_path / "prepared" / "shapes")
    assert [(sample.video and sample.video.frames, sample.request) for sample in samples] == [
        (FRAMES, "how many?")
    ]
