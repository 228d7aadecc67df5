"""The memory that each run of a study will take, predicted before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
from PIL import Image

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.memory.expect import expected_batch
from vlm_profiling.cost.memory.predict import predict_memory
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.manifests import DatasetSample
from vlm_profiling.study import Point, Run, Study

GIBIBYTE = 2**30
NOT_COUNTED = "cost not counted"
"""Of a model whose cost file is not there: a hub's checkpoint has to be fetched first."""


@dataclass(frozen=True)
class Forecast:
    """The memory of its device that a run will take, or why that is not known."""

    peak_bytes: int | None = None
    """Of several GPUs that of one, were they filled evenly."""
    device_bytes: int | None = None
    """What the device has; None where the study does not say."""
    absent: str | None = None
    gpus: int = 1

    @property
    def fits(self) -> bool:
        """False only where both are known and the peak is the larger one."""
        return self.peak_bytes is None or self.device_bytes is None or self.peak_bytes <= self.device_bytes

    def __str__(self) -> str:
        """'1.4 GiB', '2 x 40.3 GiB', 'oom predicted: 96.0 GiB of 79.6', or nothing."""
        if self.peak_bytes is None:
            return ""
        peak = f"{f'{self.gpus} x ' if self.gpus > 1 else ''}{self.peak_bytes / GIBIBYTE:.1f} GiB"
        return peak if self.fits else f"oom predicted: {peak} of {(self.device_bytes or 0) / GIBIBYTE:.1f}"


def forecaster(study: Study, costs: Mapping[str, ModelCost]) -> Callable[[Run], Forecast]:
    """A function that predicts a run's memory.

    It reads the data sets prepared in the study's results folder; `costs` are the cost functions by model.
    """
    devices = {
        "cuda": study.device_memory_gib and round(study.device_memory_gib * GIBIBYTE),
        "cpu": available_bytes(),
    }
    prepared = cache(lambda dataset: _prepared(Path(study.results, "datasets", dataset)))

    @cache
    def forecast(model: str, dataset: str, point: Point, gpus: int) -> Forecast:
        if model not in costs:
            return Forecast(absent=NOT_COUNTED)
        cost, settings = costs[model], study.optimizations[point.optimization]
        sizes, longest, samples, video_frames = prepared(dataset)
        if samples and not video_frames and point.frames > 1:
            return Forecast(absent="samples are images, of which there are no several frames")
        batch = expected_batch(
            cost,
            point,
            new_tokens=study.protocol.max_new_tokens,
            frames=min(point.frames, video_frames or point.frames),
            sizes=sizes,
            texts=longest,
            samples=samples or study.datasets[dataset].samples,
        )
        if isinstance(batch, Absent):
            return Forecast(absent=batch.reason)
        predicted = predict_memory(
            cost,
            batch,
            device=point.device,
            dtype=settings.dtype,
            attention=settings.attention,
            quantisation=settings.quantisation,
            gpus=max(gpus, 1),
        )
        if predicted is None:
            return Forecast(absent=cost.absent or NOT_COUNTED)
        return Forecast(
            predicted.per_gpu_bytes or predicted.peak_bytes, devices[point.device] or None, gpus=max(gpus, 1)
        )

    return lambda run: forecast(run.model, run.dataset, run.point, run.spec.gpus)


def available_bytes() -> int | None:
    """Memory that this machine could give to a new process (MemAvailable, proc(5)); None where the kernel
    does not say.
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _prepared(folder: Path) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...], int | None, int | None]:
    """Sizes of a data set's images and videos, its longest text, how many samples, frames of its longest
    video.

    Nothing of all that before it is prepared.
    """
    try:
        samples = msgspec.json.Decoder(DatasetSample).decode_lines((folder / "samples.jsonl").read_bytes())
        videos = [sample.video for sample in samples if sample.video]
        sizes = {
            _size(folder / image) for image in {sample.image for sample in samples if sample.video is None}
        }
        sizes |= {(video.width, video.height) for video in videos}
    except (OSError, msgspec.MsgspecError):
        return (), (), None, None
    longest = max((sample.request for sample in samples), key=lambda text: len(text.encode()))
    return tuple(sizes), (longest,), len(samples), max((video.frames for video in videos), default=None)


def _size(path: Path) -> tuple[int, int]:
    """From the image's header alone."""
    with Image.open(path) as image:
        return image.size
