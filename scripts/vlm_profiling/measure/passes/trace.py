"""A Chrome trace of one batch, for chrome://tracing or ui.perfetto.dev. Its times are those of a traced
model: no figure is.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
from pathlib import Path

from vlm_profiling.measure.passes.headline import InputBatch, Session, run_batch
from vlm_profiling.record.files import atomic_path


def write_trace(session: Session, batch: InputBatch, target: Path) -> None:
    """Run one batch under torch.profiler and write its operators and kernels, gzipped."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if session.device == "cuda" else [])
    with profile(activities=activities, record_shapes=True) as profiler:
        run_batch(session, batch)
    with tempfile.TemporaryDirectory(prefix="trace-") as folder, atomic_path(target) as temporary:
        plain = Path(folder, "trace.json")
        profiler.export_chrome_trace(str(plain))
        with plain.open("rb") as source, gzip.open(temporary, "wb") as packed:
            shutil.copyfileobj(source, packed)
