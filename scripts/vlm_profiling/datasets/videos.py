"""Videos from strangers: decoded by PyAV (FFmpeg) within bounds, and the frames of them that a model is
given.

Which frames: the middle ones of N equal segments, frame floor((k + 1/2) F / N) for k = 0 to N - 1 of F frames
in the file, as Temporal Segment Networks are tested (Wang et al., arXiv 1608.00859) and as InternVL's model
cards sample (`get_index`). One frame is the one in the middle. A file with fewer frames than asked gives each
of them once.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlm_profiling.datasets.candidates import BadSample, DatasetError
from vlm_profiling.record.manifests import Video

if TYPE_CHECKING:
    from av import VideoFrame
    from PIL import Image

MAX_BYTES = 2 * 2**30
"""A larger file is refused unread."""
MAX_FRAME_PIXELS = 40_000_000
"""A frame of 7680 x 4320 has 33 million."""
MAX_FRAMES = 200_000
MAX_PIXELS = 300_000_000_000
"""Of all frames: an hour of 1920 x 1080 at 30 frames a second has 224 thousand million."""

ENDINGS = {
    "mov": "mp4",
    "matroska": "mkv",
    "avi": "avi",
    "mpegts": "ts",
    "mpeg": "mpg",
    "ogg": "ogv",
    "flv": "flv",
    "asf": "wmv",
}
"""Containers that are read, by FFmpeg's name, and the ending their files get. Others (playlists) would open
further files.
"""


@dataclass(frozen=True)
class Clip:
    """A video file whose content was checked, and the frames of it that a run gives to its model."""

    path: Path
    video: Video
    indices: tuple[int, ...]
    """Positions of the frames in the order in which they are shown, from 0."""

    @property
    def size(self) -> tuple[int, int]:
        """Width, height in pixels."""
        return self.video.width, self.video.height

    @property
    def seconds_apart(self) -> float | None:
        """Of the frames: they are the middle ones of equal segments. None where the file does not tell its
        length.
        """
        return self.video.duration_s and self.video.duration_s / len(self.indices)


def examine_video(content: bytes) -> tuple[Video, str]:
    """What a video holds, decoded to its last frame, and the ending for its file. Raises BadSample."""
    with _opened(content) as container:
        stream, ending = container.streams.video[0], ENDINGS[_format(container)]
        stream.thread_type = "AUTO"
        first, frames, packets, pixels = None, 0, 0, 0
        for packet in container.demux(stream):
            packets += packet.size > 0
            for frame in packet.decode():
                first = first or frame
                frames, pixels = frames + 1, pixels + _bounded_pixels(frame.width, frame.height)
                if frame.is_corrupt:
                    raise BadSample(f"frame {frames - 1} of the video is corrupt")
                if frames > MAX_FRAMES or pixels > MAX_PIXELS:
                    raise BadSample(
                        f"the video is longer than {MAX_FRAMES:,} frames or {MAX_PIXELS / 1e9:.0f} gigapixels"
                    )
        if first is None:
            raise BadSample("the video has no frames")
        if packets < stream.frames:
            raise BadSample(
                f"the video ends after {packets} of the {stream.frames} frames that its header promises"
            )
        seconds = None if stream.duration is None else float(stream.duration * stream.time_base)
        upright = _upright(first)
        return Video(
            frames=frames,
            width=upright.width,
            height=upright.height,
            codec=stream.codec_context.name,
            duration_s=seconds,
        ), ending


def frame_indices(there: int, asked: int) -> tuple[int, ...]:
    """Positions of the frames to give of a video of `there` frames: `asked` of them, or all where it has no
    more.
    """
    given = min(there, asked)
    return tuple((2 * number + 1) * there // (2 * given) for number in range(given))


def decode_frames(clip: Clip) -> list[VideoFrame]:
    """The clip's frames as its codec stores them. All frames before the last one are decoded: most follow
    from others.

    Raises DatasetError when the file is not the one that was examined.
    """
    wanted, found = set(clip.indices), []
    try:
        with _opened(clip.path.read_bytes()) as container:
            container.streams.video[0].thread_type = "AUTO"
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    found.append(frame)
                if number == clip.indices[-1]:
                    return found
    except (BadSample, OSError) as error:
        raise DatasetError(f"{clip.path}: {error}") from None
    raise DatasetError(f"{clip.path}: fewer frames than when the data set was prepared; prepare it again")


def frame_images(frames: Sequence[VideoFrame]) -> list[Image.Image]:
    """Frames as RGB images in the size of the video, upright."""
    return [_upright(frame) for frame in frames]


def _upright(frame: VideoFrame) -> Image.Image:
    """Turned as the file says (telephones store frames sideways): FFmpeg tells the angle counterclockwise, as
    Pillow takes it.
    """
    image = frame.to_image()
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


def _bounded_pixels(width: int, height: int) -> int:
    pixels = width * height
    if pixels > MAX_FRAME_PIXELS:
        megapixels = MAX_FRAME_PIXELS // 1_000_000
        raise BadSample(f"the video's frames are larger than {megapixels} megapixels: {width} x {height}")
    return pixels


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    """The container of a video in memory, its declared size checked. Raises BadSample for whatever FFmpeg
    makes of it.
    """
    import av
    from av.error import FFmpegError

    options = {"format_whitelist": ",".join(ENDINGS)}
    try:
        with av.open(io.BytesIO(content), options=options, metadata_errors="replace") as container:
            if not container.streams.video:
                raise BadSample("the file has no video stream")
            declared = container.streams.video[0]
            _bounded_pixels(declared.width or 0, declared.height or 0)
            yield container
    except (FFmpegError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise BadSample(f"the video does not decode: {reason}") from None


def _format(container: Any) -> str:
    """FFmpeg's name of a container is a list of all that the demuxer reads: mov,mp4,m4a,3gp,3g2,mj2."""
    return next(name for name in container.format.name.split(",") if name in ENDINGS)
