"""A Chrome trace for chrome://tracing or ui.perfetto.dev. Its times are those of a traced model."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from vlm_profiling.record.files import atomic_path


def write_trace(device: str, run: Callable[[], object], target: Path) -> None:
    """Run a function under torch.profiler and write its operators and kernels, gzipped.

    Args:
        device: "cpu" or "cuda", whose kernels are traced as well.
        run: the function, such as one batch.
        target: the file, written whole or not at all.
    """
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device == "cuda" else [])
    with profile(activities=activities, record_shapes=True) as profiler:
        run()
    with tempfile.TemporaryDirectory(prefix="trace-") as folder, atomic_path(target) as temporary:
        plain = Path(folder, "trace.json")
        profiler.export_chrome_trace(str(plain))
        with plain.open("rb") as source, gzip.open(temporary, "wb") as packed:
            shutil.copyfileobj(source, packed)
