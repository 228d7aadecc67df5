"""A second engine runs whole runs: measure/ asks an engine for no more than engines/base.py says."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_engine import ABSENT, IMAGE_TOKENS, FakeEngine
from small_project import draw_shapes

from vlm_profiling.datasets.read import read_source_folder
from vlm_profiling.engines.base import Engine
from vlm_profiling.engines.registry import ENGINES
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.measure.terminal.summary import summarise
from vlm_profiling.record.files import read_record, write_record
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig
from vlm_profiling.study.inputs import ModelConfig, OptimizationConfig
from vlm_profiling.study.point import Point
from vlm_profiling.study.spec import DatasetContent, RunSpec

EVERYTHING = ProtocolConfig(
    max_new_tokens=3,
    warmup=WarmupConfig(window=2, max_batches=2),
    repeats=RepeatsConfig(max_s=0.1),
    layers=True,
    trace=True,
)
MANIFEST = CheckpointManifest(
    name="fake",
    source="fake:1",
    folder="nowhere",
    model_type="fake",
    architecture="FakeModel",
    family="fake",
    content_sha256="0" * 64,
)


@pytest.fixture
def request_for_fake(tmp_path: Path):
    draw_shapes(tmp_path / "shapes")

    def make(
        protocol: ProtocolConfig = EVERYTHING, *, compiled: bool = False, engine: str | None = None
    ) -> RunRequest:
        dataset, samples = read_source_folder(tmp_path / "shapes", None)
        return RunRequest(
            spec=RunSpec(
                model=ModelConfig(tiny="llava"),
                dataset=DatasetContent(source=dataset.source, content_sha256=dataset.content_sha256),
                optimization=OptimizationConfig(dtype="float32", compile=compiled, engine=engine),
                point=Point(device="cpu", optimization="fp32"),
                protocol=protocol,
            ),
            checkpoint=MANIFEST,
            dataset=dataset,
            samples=samples,
            media_folder=tmp_path / "shapes",
            project=tmp_path,
            code_sha256="0" * 64,
        )

    return make


def test_a_run_of_another_engine_is_a_whole_record(request_for_fake, tmp_path: Path) -> None:
    engine: Engine = FakeEngine()
    request = request_for_fake()
    record = profile(request, trace=tmp_path / "trace.json.gz", engine=engine)
    assert record.status == "ok", record.failure
    assert record.load_s == 0.25 and record.checkpoint and record.checkpoint.architecture == "FakeModel"
    assert record.warmup and record.headline and record.telemetry and record.energy and record.repeats
    assert [sample.answer for sample in record.samples] == [
        " ".join(sample.request.split()[-3:]) for sample in request.samples
    ]
    assert {sample.image_tokens for sample in record.samples} == {IMAGE_TOKENS}
    assert [batch.generated_tokens for batch in record.batches] == [
        sample.generated_tokens for sample in record.samples
    ]
    assert record.quality and record.quality.scored == len(request.samples)
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json") == record
    assert "FakeModel" in summarise(record)


def test_an_optimization_names_its_engine(request_for_fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "fake", FakeEngine())
    record = profile(request_for_fake(engine="fake"))
    assert record.checkpoint and record.checkpoint.architecture == "FakeModel"
    assert record.optimization.engine == "fake" and '"engine":"fake"' in record.spec
    assert '"engine"' not in request_for_fake().spec.json  # the key of a run of the default engine


def test_what_the_engine_cannot_do_is_absent_with_its_reason(request_for_fake, tmp_path: Path) -> None:
    trace = tmp_path / "trace.json.gz"
    record = profile(request_for_fake(), trace=trace, engine=FakeEngine())
    assert record.absent == dict.fromkeys(("stages", "serving", "layers", "trace"), ABSENT.reason)
    assert record.stages is None and record.serving is None and record.layers is None
    assert record.checkpoint and record.checkpoint.absent == {"attention_kernels": ABSENT.reason}
    assert record.memory and record.memory.absent["kv_cache_bytes"] == ABSENT.reason
    assert record.repeats and record.repeats.instrumented_seconds == []
    assert not trace.exists()


def test_a_compiled_run_is_unsupported_where_the_engine_cannot_compile(request_for_fake) -> None:
    record = profile(request_for_fake(compiled=True), engine=FakeEngine())
    assert record.status == "unsupported" and record.failure
    assert (record.failure.reason, record.failure.stage) == (ABSENT.reason, "warm-up")
    assert record.load_s == 0.25 and record.headline is None
