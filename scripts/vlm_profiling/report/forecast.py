"""The memory that each run of a study will take, told from what lies here before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
from PIL import Image

from vlm_profiling.cost.expect import expected_batch
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.pictures import Size
from vlm_profiling.cost.predict import predict_memory
from vlm_profiling.record.manifests import DatasetSample
from vlm_profiling.study import Run, Study

GIBIBYTE = 2**30
NOT_COUNTED = "cost not counted"
"""Of a model whose cost file is not there: a hub's checkpoint has to be fetched first."""


@dataclass(frozen=True)
class Forecast:
    """What a run will take of its device's memory, or why that is not told."""

    peak_bytes: int | None = None
    device_bytes: int | None = None
    """What the device has; None where the study does not say."""
    absent: str | None = None

    @property
    def fits(self) -> bool:
        """False only where both are known and the peak is the larger one."""
        return self.peak_bytes is None or self.device_bytes is None or self.peak_bytes <= self.device_bytes

    def __str__(self) -> str:
        """'1.4 GiB', 'oom predicted: 96.0 GiB of 79.6', or nothing."""
        if self.peak_bytes is None:
            return ""
        peak = f"{self.peak_bytes / GIBIBYTE:.1f} GiB"
        return peak if self.fits else f"oom predicted: {peak} of {(self.device_bytes or 0) / GIBIBYTE:.1f}"


def forecaster(study: Study, costs: Mapping[str, ModelCost]) -> Callable[[Run], Forecast]:
    """Tells each run's memory from the costs counted and the data sets prepared in the study's results folder."""
    devices = {"cuda": study.device_memory_gib and round(study.device_memory_gib * GIBIBYTE), "cpu": available_bytes()}
    prepared = cache(lambda dataset: _prepared(Path(study.results, "datasets", dataset)))

    @cache
    def forecast(
        model: str,
        dataset: str,
        device: str,
        optimization: str,
        batch_size: int,
        image_size: int | None,
        text: tuple[int | None, int | None],
    ) -> Forecast:
        if model not in costs:
            return Forecast(absent=NOT_COUNTED)
        cost, settings = costs[model], study.optimizations[optimization]
        sizes, longest, samples = prepared(dataset)
        batch = expected_batch(
            cost,
            batch_size=batch_size,
            image_size=image_size,
            max_input_len=text[0],
            prompt_len=text[1],
            new_tokens=study.protocol.max_new_tokens,
            sizes=sizes,
            texts=longest,
            samples=samples or study.datasets[dataset].samples,
        )
        if isinstance(batch, str):
            return Forecast(absent=batch)
        predicted = predict_memory(cost, batch, device=device, dtype=settings.dtype, attention=settings.attention)
        if predicted is None:
            return Forecast(absent=cost.absent or NOT_COUNTED)
        return Forecast(predicted.peak_bytes, devices[device] or None)

    def of_run(run: Run) -> Forecast:
        point = run.point
        if point.frames != 1:
            return Forecast(absent="frames of a video are not predicted")
        text = point.max_input_len, point.prompt_len
        return forecast(run.model, run.dataset, point.device, point.optimization, point.batch_size, point.image_size, text)

    return of_run


def available_bytes() -> int | None:
    """Memory that this machine could give to a new process (MemAvailable, proc(5)); None where the kernel does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _prepared(folder: Path) -> tuple[tuple[Size, ...], tuple[str, ...], int | None]:
    """Sizes of a data set's pictures, its longest text, how many samples; nothing of all that before it is prepared."""
    try:
        samples = msgspec.json.Decoder(DatasetSample).decode_lines((folder / "samples.jsonl").read_bytes())
        sizes = {_size(folder / image) for image in {sample.image for sample in samples}}
    except (OSError, msgspec.MsgspecError):
        return (), (), None
    return tuple(sizes), (max((sample.request for sample in samples), key=lambda text: len(text.encode())),), len(samples)


def _size(path: Path) -> Size:
    """From the picture's header alone."""
    with Image.open(path) as picture:
        return picture.size
