"""What benchmarks of overhead share: a tiny checkpoint with one prepared batch.

Import it before torch: it keeps torch on one thread.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlm_profiling.measure.passes.headline import InputBatch, Session

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny model's work is too small to share between cores
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))


def tiny_session(architecture: str, new_tokens: int = 8, rows: int = 4) -> tuple[Session, InputBatch]:
    """A tiny checkpoint on the CPU and one prepared batch of random images."""
    import numpy
    from PIL import Image

    from vlm_profiling.engines.base import EngineOptions
    from vlm_profiling.engines.transformers.loader import load_checkpoint
    from vlm_profiling.engines.transformers.model import TransformersModel
    from vlm_profiling.measure.passes.headline import Session, make_batches, prepare_batches
    from vlm_profiling.measure.terminal.progress import quiet_libraries
    from vlm_profiling.models.describe import describe_checkpoint
    from vlm_profiling.record.manifests import DatasetSample
    from vlm_profiling.study.config import ProtocolConfig
    from vlm_profiling.study.inputs import ModelConfig, OptimizationConfig
    from vlm_profiling.study.point import Point

    quiet_libraries()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        manifest = describe_checkpoint("tiny", ModelConfig(tiny=architecture), project, project / "tiny")
        loaded = load_checkpoint(manifest, project, device="cpu", dtype="float32", attention="sdpa")
    point = Point(device="cpu", optimization="fp32", batch_size=rows)
    options = EngineOptions(point, OptimizationConfig(dtype="float32", attention="sdpa"), 1, new_tokens, 0)
    session = Session(TransformersModel(loaded, options), point, ProtocolConfig(max_new_tokens=new_tokens))
    generator = numpy.random.default_rng(0)
    images = [
        Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=numpy.uint8)) for _ in range(rows)
    ]
    samples = [
        DatasetSample(id=str(n), image="", image_sha256="", request="what is this ?", references=["x"])
        for n in range(rows)
    ]
    (batch,) = make_batches(samples, images, rows)
    prepare_batches(session, [batch])
    return session, batch


def prepared_session(
    checkpoint: Path, dataset: Path, device: str, dtype: str, new_tokens: int = 8
) -> tuple[Session, InputBatch]:
    """A prepared checkpoint on a device and the first sample of a prepared data set as one batch.

    Args:
        checkpoint: manifest of the checkpoint, in a results folder below the present one
        dataset: manifest of the data set
        device: cpu or cuda
        dtype: of the weights, torch's name
        new_tokens: of each answer
    """
    from vlm_profiling.datasets.read import open_image, read_samples
    from vlm_profiling.engines.base import EngineOptions
    from vlm_profiling.engines.transformers.loader import load_checkpoint
    from vlm_profiling.engines.transformers.model import TransformersModel
    from vlm_profiling.measure.passes.headline import Session, make_batches, prepare_batches
    from vlm_profiling.measure.terminal.progress import quiet_libraries
    from vlm_profiling.record.manifests import CheckpointManifest, read_manifest
    from vlm_profiling.study.config import ProtocolConfig
    from vlm_profiling.study.inputs import OptimizationConfig
    from vlm_profiling.study.point import Point

    quiet_libraries()
    manifest = read_manifest(checkpoint, CheckpointManifest)
    loaded = load_checkpoint(manifest, Path.cwd(), device=device, dtype=dtype, attention="sdpa")
    point = Point(device=device, optimization=dtype, batch_size=1)
    options = EngineOptions(point, OptimizationConfig(dtype=dtype, attention="sdpa"), 1, new_tokens, 0)
    session = Session(TransformersModel(loaded, options), point, ProtocolConfig(max_new_tokens=new_tokens))
    _, samples = read_samples(dataset.parent)
    (batch,) = make_batches(samples[:1], [open_image(dataset.parent, samples[0])], 1)
    prepare_batches(session, [batch])
    return session, batch
