"""An engine without torch whose answers are known: measure/ needs no more than engines/base.py."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vlm_profiling.engines.base import Answers, Capabilities, EngineOptions, Images, PreparedBatch
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.record.schema import Checkpoint
from vlm_profiling.study.inputs import OptimizationConfig

ABSENT = Absent("the fake engine has no such instrument")
IMAGE_TOKENS = 5


@dataclass
class FakeBatch:
    inputs: list[str]
    prompts: list[str]
    prompt_tokens: list[int]
    image_tokens: list[int]
    padded_tokens: int
    qformer_tokens: int
    truncated_tokens: list[int]
    added_tokens: list[int]
    frames: list[int]
    encoded_images: list[int]
    vision_grids: list[tuple[int, int] | None]
    effective_sizes: list[tuple[int, int] | None]


class FakeModel:
    """Answers each request with its last words, one token a word."""

    load_s = 0.25
    capabilities = Capabilities(ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT)

    def __init__(self, manifest: CheckpointManifest, options: EngineOptions) -> None:
        self.manifest, self.options = manifest, options

    def facts(self, frames: int | None) -> Checkpoint:
        return Checkpoint(
            source=self.manifest.source,
            family="fake",
            architecture="FakeModel",
            parameters=7,
            weight_bytes=28,
            dtypes={"float32": 7},
            attention="none",
        )

    def prepare(
        self, images: Sequence[Images], requests: Sequence[str], seconds_apart: Sequence[float | None]
    ) -> FakeBatch:
        tokens = [IMAGE_TOKENS + len(request.split()) for request in requests]
        rows = len(requests)
        return FakeBatch(
            inputs=list(requests),
            prompts=[f"<image> {request}" for request in requests],
            prompt_tokens=tokens,
            image_tokens=[IMAGE_TOKENS] * rows,
            padded_tokens=max(tokens),
            qformer_tokens=0,
            truncated_tokens=[0] * rows,
            added_tokens=[0] * rows,
            frames=[1] * rows,
            encoded_images=[1] * rows,
            vision_grids=[None] * rows,
            effective_sizes=[None] * rows,
        )

    def input_shape(self, batch: PreparedBatch) -> Hashable:
        return batch.padded_tokens

    def transfer(self, batch: PreparedBatch) -> list[str]:
        return batch.inputs

    def generate(self, inputs: list[str]) -> list[list[str]]:
        return [request.split()[-self.options.max_new_tokens :] for request in inputs]

    def synchronise(self) -> None:
        pass

    def detokenise(self, inputs: list[str], output: list[list[str]]) -> Answers:
        return Answers([" ".join(words) for words in output], max(map(len, output)), output)

    def generated_counts(self, answers: Answers) -> list[int]:
        return [len(words) for words in answers.ids]


class FakeEngine:
    """Loads nothing."""

    @contextmanager
    def settings(self, asked: OptimizationConfig) -> Iterator[None]:
        yield

    def load(self, manifest: CheckpointManifest, project: Path, options: EngineOptions) -> FakeModel:
        return FakeModel(manifest, options)
