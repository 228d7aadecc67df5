"""The settings of a study: one pydantic model a section of config.yaml, each field described.

docs/config.md and docs/config.schema.json are generated from these models (`make docs`).
Rules that span sections (an axis naming an unknown data set, say) are in `crosscheck.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from vlm_profiling.study.grid_config import AxisConfig, BaselineConfig, CellsConfig, ExcludeConfig
from vlm_profiling.study.inputs import (
    STANDARD_OPTIMIZATIONS,
    DatasetConfig,
    ModelConfig,
    OptimizationConfig,
)
from vlm_profiling.study.point import AXIS_NAMES
from vlm_profiling.study.values import ConfigSection, ContainerReference, Name, ProjectPath, ResultsPath

MOST_TIMEOUT_S = 7 * 24 * 3600
"""A week, in seconds."""


class WarmupConfig(ConfigSection):
    """When a run is warm: its last batches vary little, or a cap is reached. The record says which."""

    window: int = Field(
        default=4, ge=2, le=100, description="batches over which the coefficient of variation is taken"
    )
    max_cv: float = Field(
        default=0.05, gt=0, le=1, description="coefficient of variation below which the run is warm"
    )
    max_batches: int = Field(default=12, ge=1, le=10_000, description="cap on warm-up batches")
    max_s: float = Field(default=30.0, gt=0, description="cap on warm-up time in seconds")
    shapes_max_s: float = Field(
        default=120.0,
        ge=0,
        description="on a GPU, cap on the time for running one batch of each shape of inputs before, "
        "in seconds",
    )


class RepeatsConfig(ConfigSection):
    """How a run learns how far its figures move with nothing changed: a few full batches of the headline,
    again and again.
    """

    block_batches: int = Field(
        default=4, ge=2, le=1000, description="full batches of the headline that a round measures"
    )
    min_rounds: int = Field(
        default=5,
        ge=2,
        le=1000,
        description="rounds to make in any case that the time allows, the headline's own included",
    )
    half_width: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="relative half-width of the rounds' mean (95 %) at which no further round is made",
    )
    max_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="seconds after which no further round is begun; one is made in any case",
    )
    max_share: float = Field(
        default=2.0,
        gt=0,
        le=10_000,
        description="the same beyond min_rounds, as a share of the headline's time",
    )


class ProtocolConfig(ConfigSection):
    """How each run is measured; docs/methodology.md says what each number means."""

    max_new_tokens: int = Field(default=50, ge=1, le=100_000, description="longest answer in tokens")
    min_new_tokens: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="shortest answer in tokens; end-of-sequence is refused before it",
    )
    cached: bool = Field(
        default=True,
        description="prepare all inputs on the host before the headline pass, not between batches",
    )
    warmup: WarmupConfig = Field(default=WarmupConfig(), description="when a run is warm")
    idle_s: float = Field(
        default=10.0,
        ge=0,
        le=600,
        description="seconds of idle power before the load; only where a meter exists",
    )
    energy_window_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="shortest energy window; the pass repeats until reached; only where a meter exists",
    )
    repeats: RepeatsConfig = Field(
        default=RepeatsConfig(), description="how the noise of repetition is measured"
    )
    stages: bool = Field(
        default=True,
        description="a pass after the headline that tells the time of each stage, and of the first token",
    )
    layers: bool = Field(
        default=False,
        description="a further pass that tells the time of each kind of layer; it slows the model",
    )
    stage_energy: bool = Field(
        default=False,
        description="joules by stage, each stage looped alone for 5 s; only where a meter exists",
    )
    trace: bool = Field(
        default=False, description="a Chrome trace of the first batch beside the record, by torch.profiler"
    )
    timeout_s: float = Field(
        default=3600.0,
        gt=0,
        le=MOST_TIMEOUT_S,
        description="wall-clock limit of one run; beyond it the record says timeout",
    )

    @model_validator(mode="after")
    def _lengths_agree(self) -> ProtocolConfig:
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError(
                f"min_new_tokens {self.min_new_tokens} is above max_new_tokens {self.max_new_tokens}"
            )
        return self


class Study(ConfigSection):
    """A whole study: what to measure, on what, where, and how."""

    extends: ProjectPath | None = Field(
        default=None,
        description="another study's file, of which this one says what differs: sections are merged "
        "key by key, a null takes a "
        "key away, and anything else takes its place",
    )
    name: Name = Field(description="the study's name, shown on its pages")
    description: str = Field(default="", description="one paragraph for the index page")
    results: ResultsPath = Field(
        default="results", description="folder for everything the study makes, inside the project"
    )
    hardware: Name | None = Field(
        default=None, description="the machine the study is meant for, such as h100; part of every run's key"
    )
    device_memory_gib: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        default=None,
        description="memory of the GPU the study is meant for; `make grid` marks the runs predicted "
        "to need more. "
        "For CPU runs it looks at the machine it runs on",
    )
    container: ContainerReference = Field(
        default="containers/cuda.sif",
        description="image that runs are measured in, under --sdm apptainer; outside it they are "
        "refused. none: on the host, "
        "and every record says so",
    )
    cpu_container: ContainerReference = Field(
        default="none",
        description="image for all steps that hold no device; none: on the host, in the locks' environment",
    )
    models: dict[Name, ModelConfig] = Field(
        min_length=1, description="checkpoints, by the name shown in tables and file names"
    )
    datasets: dict[Name, DatasetConfig] = Field(
        min_length=1, description="data sets, by the name shown in tables and file names"
    )
    optimizations: dict[Name, OptimizationConfig] = Field(
        default=STANDARD_OPTIMIZATIONS,
        min_length=1,
        description=f"named ways to run a model; by default {', '.join(STANDARD_OPTIMIZATIONS)}",
    )
    baseline: BaselineConfig = Field(description="the point that every axis starts from")
    axes: dict[str, AxisConfig] = Field(
        default_factory=dict, description=f"settings to vary: {', '.join(AXIS_NAMES)}"
    )
    grid: Literal["one-at-a-time", "product"] = Field(
        default="one-at-a-time",
        description="vary one axis around the baseline, or measure the full product of all axes",
    )
    include: list[CellsConfig] = Field(default_factory=list, description="further cells to measure")
    exclude: list[ExcludeConfig] = Field(default_factory=list, description="cells to leave out")
    protocol: ProtocolConfig = Field(default=ProtocolConfig(), description="how each run is measured")
