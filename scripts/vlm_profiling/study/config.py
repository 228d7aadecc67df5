"""The settings of a study: one pydantic model a section of config.yaml, each field described.

docs/config.md and docs/config.schema.json are generated from these models (`make docs`).
Rules that span sections (an axis naming an unknown data set, say) live in `crosscheck.py`.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SkipValidation,
    StringConstraints,
    create_model,
    model_validator,
)

from vlm_profiling.study.canonical import canonical_json
from vlm_profiling.study.point import (
    AXIS_NAMES,
    DEFAULTS,
    SETTINGS,
    TYPES,
    Point,
    Setting,
    is_number,
    may_be_null,
)
from vlm_profiling.study.quantisation import Kind

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
HUB_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
COMMIT_PATTERN = r"^[0-9a-f]{40}$"
MAX_GPUS = 16
"""Of one machine."""
MOST_TIMEOUT_S = 7 * 24 * 3600
"""A week, in seconds."""
PLAIN_PATH_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*"
PROJECT_FOLDERS = frozenset(
    [
        "benchmarks",
        "checkpoints",
        "containers",
        "datasets",
        "docs",
        "envs",
        "logs",
        "makefile",
        "profiles",
        "rules",
        "scripts",
        "snakefile",
        "tests",
        "tools",
    ]
)
"""What the project keeps at its top, where no study may write its results; hidden folders begin with a dot,
which none may.
"""

Name: TypeAlias = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
HubId: TypeAlias = Annotated[str, StringConstraints(pattern=HUB_ID_PATTERN)]
Revision: TypeAlias = Annotated[str, StringConstraints(pattern=COMMIT_PATTERN)]


def _inside_project(path: str) -> str:
    parts = PurePosixPath(path).parts
    if (
        not path
        or "\\" in path
        or "\0" in path
        or PurePosixPath(path).is_absolute()
        or ".." in parts
        or parts[:1] == ("~",)
    ):
        raise ValueError(
            "a path outside the project; allowed: a relative path below the project's folder, without '..'"
        )
    if not path.isprintable() or set(path) & set(",:"):
        raise ValueError(
            "a path with a control character, ',' or ':', which binds of a container cannot hold"
        )
    return str(PurePosixPath(path))


ProjectPath: TypeAlias = Annotated[
    str, AfterValidator(_inside_project), Field(json_schema_extra={"format": "project-path"})
]


def _plain_path(path: str) -> str:
    """A path inside the project that means the same to a shell, to Snakemake's patterns and to a container's
    command line.
    """
    inside = _inside_project(path)
    if re.fullmatch(PLAIN_PATH_PATTERN, inside) is None:
        raise ValueError(
            "a path with other characters; allowed: folders of letters, digits, '.', '_' and '-', such as results/demo"
        )
    return inside


def _results_path(path: str) -> str:
    results = _plain_path(path)
    first = PurePosixPath(results).parts[0]
    if first.casefold() in PROJECT_FOLDERS:
        raise ValueError(
            f"{first} is a folder of the project itself; allowed: a folder of results, such as results/demo"
        )
    return results


ResultsPath: TypeAlias = Annotated[
    str, AfterValidator(_results_path), Field(json_schema_extra={"format": "results-path"})
]


def _pinned_image(image: str) -> str:
    if image == "none":
        return image
    if "://" not in image:
        return _plain_path(image)
    if re.fullmatch(r"docker://[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}", image) is None:
        raise ValueError(
            "not pinned; allowed: a .sif file inside the project, docker://repository@sha256:digest, or none"
        )
    return image


ContainerReference: TypeAlias = Annotated[
    str, AfterValidator(_pinned_image), Field(json_schema_extra={"format": "pinned-image"})
]


class Section(BaseModel):
    """A section of config.yaml: unknown keys are errors, values are not converted between types, numbers are
    finite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @cached_property
    def canonical(self) -> str:
        """The canonical JSON of what is set."""
        return canonical_json(self.model_dump(exclude_none=True))


def _exactly_one(section: BaseModel, names: tuple[str, ...]) -> str:
    given = [name for name in names if getattr(section, name) is not None]
    if len(given) != 1:
        found = f"found {' and '.join(given)}" if given else "found none of them"
        raise ValueError(f"exactly one of {', '.join(names)} says where it comes from; {found}")
    return given[0]


class ModelConfig(Section):
    """A checkpoint to profile. Exactly one of hub, folder, tiny, architecture says where it comes from."""

    hub: HubId | None = Field(
        default=None, description="Hugging Face hub id, such as llava-hf/llava-1.5-7b-hf; needs a revision"
    )
    revision: Revision | None = Field(
        default=None, description="commit of the hub repository, 40 hexadecimal digits"
    )
    folder: ProjectPath | None = Field(
        default=None,
        description="a folder in the hub's format (config.json, processor files, *.safetensors), inside the project",
    )
    tiny: Name | None = Field(
        default=None,
        description="a tiny, randomly initialised checkpoint of this architecture, built reproducibly by the project",
    )
    architecture: Name | None = Field(
        default=None,
        description="full-size architecture with random weights from an embedded config: no download, no quality",
    )
    family: Name | None = Field(
        default=None,
        description="what is particular to the model; by default found from its config's model_type, else generic",
    )
    processor_backend: Literal["auto", "pil", "torchvision"] = Field(
        default="auto",
        description="image processor implementation; auto takes torchvision where it is installed, else pil",
    )
    image_size_mode: Literal["processor", "interpolate"] = Field(
        default="processor",
        description="what a point's image_size does: scale the image and leave the rest to the model's processor, or, where "
        "the vision encoder can interpolate its positions (BLIP-2, InstructBLIP, LLaVA's CLIP), encode squares of that side",
    )
    trust_remote_code: bool = Field(
        default=False, description="run Python code that the hub repository ships"
    )
    gpus: int = Field(
        default=1,
        ge=1,
        le=MAX_GPUS,
        exclude_if=lambda gpus: gpus == 1,  # so that runs on one keep their keys
        description="GPUs of one machine that its layers are laid on, one after another, where the run's device is cuda; joules "
        "and memory are the sums over them. On the CPU it says nothing",
    )

    @model_validator(mode="after")
    def _one_source(self) -> ModelConfig:
        source = _exactly_one(self, ("hub", "folder", "tiny", "architecture"))
        if source == "hub" and self.revision is None:
            raise ValueError(
                "revision is missing; allowed: the hub repository's commit, 40 hexadecimal digits"
            )
        if source != "hub" and self.revision is not None:
            raise ValueError("revision belongs to a hub id; a folder is identified by its content")
        return self

    @property
    def random_weights(self) -> bool:
        """Whether the weights were never trained, so that answers mean nothing."""
        return self.tiny is not None or self.architecture is not None

    @cached_property
    def on_cpu(self) -> ModelConfig:
        """The settings for a run on the CPU, which is one process whatever the number of GPUs."""
        return ModelConfig.model_validate(self.model_dump(exclude={"gpus"}))


class ModelContent(Section):
    """A model by its content: of a run without a study."""

    source: str
    content_sha256: str | None = None
    gpus: int = Field(default=1, ge=1, le=MAX_GPUS, exclude_if=lambda gpus: gpus == 1)


class DatasetColumns(Section):
    """Which columns of a table hold a sample's fields."""

    image: str = Field(
        default="image", description="the image: bytes, or a path relative to the table's folder"
    )
    video: str | None = Field(
        default=None,
        description="the video of a sample that has one in place of an image; by default video_path or video",
    )
    request: str = Field(default="request", description="the question or instruction")
    response: str = Field(default="response", description="the reference answer, or a list of them")
    id: str | None = Field(default=None, description="a stable name of the sample; by default its row number")


class DatasetConfig(Section):
    """Samples to ask the models about. Exactly one of package, folder, hub says where they come from."""

    package: Literal["easy-vqa"] | None = Field(
        default=None, description="a data set that ships in a Python package; downloads nothing"
    )
    folder: ProjectPath | None = Field(
        default=None,
        description="a folder with samples.json, samples.jsonl or samples.parquet beside images or videos, inside the project",
    )
    hub: HubId | None = Field(
        default=None, description="Hugging Face hub id of a data set; needs a revision and a split"
    )
    revision: Revision | None = Field(
        default=None, description="commit of the hub repository, 40 hexadecimal digits"
    )
    split: Name | None = Field(default=None, description="split of the data set, such as test or validation")
    columns: DatasetColumns | None = Field(
        default=None, description="columns of a table whose names are not the usual ones"
    )
    prompt: Literal["lmms-eval", "raw"] | None = Field(
        default=None,
        description="how the questions of a hub data set that is known here are worded: as lmms-eval does (when absent), "
        "or raw, as the reference study does",
    )
    metric: Literal["vqa_accuracy", "choice_accuracy", "cider_d"] | None = Field(
        default=None,
        description="standard metric of a folder, or of a hub data set read by columns; known ones have their own",
    )
    samples: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="how many samples to draw; all when absent"
    )
    seed: int = Field(default=0, ge=0, description="seed of the draw")
    on_bad_sample: Literal["stop", "skip"] = Field(
        default="stop",
        description="broken image or video, missing file or empty request: stop naming all, or skip and count them",
    )

    @model_validator(mode="after")
    def _one_source(self) -> DatasetConfig:
        source = _exactly_one(self, ("package", "folder", "hub"))
        if source == "hub" and (self.revision is None or self.split is None):
            missing = "revision" if self.revision is None else "split"
            raise ValueError(
                f"{missing} is missing; a hub data set needs a revision (40 hexadecimal digits) and a split"
            )
        if source != "hub" and self.revision is not None:
            raise ValueError("revision belongs to a hub id; a folder is identified by its content")
        if self.prompt is not None and (source != "hub" or self.columns is not None):
            raise ValueError(
                "prompt belongs to a hub data set that is known here; others are asked what their columns hold"
            )
        if self.metric is not None and source == "package":
            raise ValueError("metric belongs to a folder or a hub data set; leave the key out")
        return self


class DatasetContent(Section):
    """A data set by its content: of a run without a study."""

    source: str
    content_sha256: str | None = None


class OptimizationConfig(Section):
    """A named way to run a model. Each part must prove in the record that it took effect."""

    dtype: Literal["float32", "float16", "bfloat16"] = Field(
        description="type of the weights and activations"
    )
    attention: Literal[
        "eager", "sdpa", "sdpa-math", "sdpa-flash", "sdpa-efficient", "sdpa-cudnn", "flash_attention_2"
    ] = Field(
        default="sdpa",
        description="attention implementation; sdpa lets torch choose among its kernels, sdpa-KERNEL allows that one alone",
    )
    compile: bool = Field(
        default=False, description="compile the modules whose forward generate() calls, with torch.compile"
    )
    quantisation: Kind | None = Field(
        default=None,
        description="weights of linear layers, all but the output head, as integers; int8: one scale a row; int8-dynamic: "
        "activations too, so that products are of integers; int4: groups of 128 weights or fewer (all three by torchao); "
        "llm-int8: LLM.int8(), nf4: 4-bit normal floats (both by bitsandbytes)",
    )
    cache: Literal["static"] | None = Field(
        default=None,
        description="static: keys and values in tensors as long as the longest answer; absent: they grow",
    )


STANDARD_OPTIMIZATIONS: dict[str, OptimizationConfig] = {
    "fp32": OptimizationConfig(dtype="float32"),
    "fp16": OptimizationConfig(dtype="float16"),
    "bf16": OptimizationConfig(dtype="bfloat16"),
    "compile": OptimizationConfig(dtype="float16", compile=True),
    "eager": OptimizationConfig(dtype="float16", attention="eager"),
    "sdpa-math": OptimizationConfig(dtype="float16", attention="sdpa-math"),
    "sdpa-flash": OptimizationConfig(dtype="float16", attention="sdpa-flash"),
    "sdpa-efficient": OptimizationConfig(dtype="float16", attention="sdpa-efficient"),
    "sdpa-cudnn": OptimizationConfig(dtype="float16", attention="sdpa-cudnn"),
    "static-cache": OptimizationConfig(dtype="float16", cache="static"),
    "flash-attention-2": OptimizationConfig(dtype="float16", attention="flash_attention_2"),
    **{kind: OptimizationConfig(dtype="bfloat16", quantisation=kind) for kind in get_args(Kind)},
}
"""Optimizations known by name to a study that defines none of its own, and to the stand-alone command line.
"""


def _value_type(name: str, setting: Setting) -> Any:
    """The type of a setting's values, with its limits."""
    if name == "optimization":
        return Name
    if not is_number(name):
        return TYPES[name]
    number: Any = Annotated[int, Field(ge=setting.least, le=setting.most)]
    return number | None if may_be_null(name) else number


def _point_fields() -> dict[str, Any]:
    """A field for each setting of a point, at its default."""
    return {
        name: (
            _value_type(name, setting),
            Field(
                default=DEFAULTS.get(name, ...),
                description="; absent: ".join(filter(None, (setting.description, setting.absent))),
            ),
        )
        for name, setting in SETTINGS.items()
    }


def _partial_fields() -> dict[str, Any]:
    """A field for each setting of a point, which may be left out."""
    return {
        name: (_value_type(name, setting) | None, Field(default=None, description=setting.description))
        for name, setting in SETTINGS.items()
    }


PointConfig = create_model(
    "PointConfig",
    __base__=Section,
    __doc__="One point of the grid: every setting that an axis can vary.",
    **_point_fields(),
)


class BaselineConfig(PointConfig):
    """The point that every axis starts from, and where it is measured."""

    datasets: list[Name] | None = Field(
        default=None, description="data sets measured at the baseline; all when absent"
    )
    models: list[Name] | None = Field(
        default=None, description="models measured at the baseline; all when absent"
    )

    @property
    def point(self) -> Point:
        """The point itself."""
        return Point(**{name: getattr(self, name) for name in AXIS_NAMES})


class PartialPoint(create_model("_PartialSettings", __base__=Section, **_partial_fields())):
    """Settings that differ from the baseline."""

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        nulls = [name for name in self.model_fields_set if getattr(self, name) is None]
        if nulls:
            raise ValueError(f"{', '.join(sorted(nulls))}: null changes nothing here; leave the key out")
        return self

    @property
    def changes(self) -> dict[str, str | int]:
        """The values of the settings that are given."""
        return self.model_dump(exclude_none=True)


class AxisConfig(Section):
    """Values that one setting takes while the others stay at the baseline."""

    values: Annotated[list[SkipValidation[int | str | None]], Field(min_length=1)] = Field(
        description="values of the setting, first to last; null: the model's own image size, no input limit, texts as they come"
    )
    set: PartialPoint = Field(
        default=PartialPoint(), description="other settings held at another value than the baseline's"
    )
    datasets: list[Name] | None = Field(
        default=None, description="data sets this axis runs on; all when absent"
    )
    models: list[Name] | None = Field(default=None, description="models this axis runs on; all when absent")


class CellsConfig(Section):
    """Further cells to measure: these models x these data sets at one point."""

    models: list[Name] | None = Field(default=None, description="models; all when absent")
    datasets: list[Name] | None = Field(default=None, description="data sets; all when absent")
    set: PartialPoint = Field(default=PartialPoint(), description="settings that differ from the baseline")


class ExcludeConfig(Section):
    """Cells to leave out: those that match every key given."""

    models: list[Name] | None = Field(default=None, description="models; any when absent")
    datasets: list[Name] | None = Field(default=None, description="data sets; any when absent")
    set: PartialPoint = Field(default=PartialPoint(), description="values that the cell's point has")

    @model_validator(mode="after")
    def _not_everything(self) -> ExcludeConfig:
        if self.models is None and self.datasets is None and not self.set.changes:
            raise ValueError("an empty exclusion would leave nothing; give models, datasets or set")
        return self


class WarmupConfig(Section):
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
        description="on a GPU, cap on the time for running one batch of each shape of inputs before, in seconds",
    )


class RepeatsConfig(Section):
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


class ProtocolConfig(Section):
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


class Study(Section):
    """A whole study: what to measure, on what, where, and how."""

    extends: ProjectPath | None = Field(
        default=None,
        description="another study's file, of which this one says what differs: sections are merged key by key, a null takes a "
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
        description="memory of the GPU the study is meant for; `make grid` marks the runs predicted to need more. "
        "For CPU runs it looks at the machine it runs on",
    )
    container: ContainerReference = Field(
        default="containers/cuda.sif",
        description="image that runs are measured in, under --sdm apptainer; outside it they are refused. none: on the host, "
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
