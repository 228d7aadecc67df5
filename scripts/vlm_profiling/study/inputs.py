"""The sections of config.yaml that say what is measured: models, data sets and optimizations."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, model_validator

from vlm_profiling.study.quantisation import Kind
from vlm_profiling.study.values import ConfigSection, HubId, Name, ProjectPath, Revision

MAX_GPUS = 16
"""Of one machine."""


def _exactly_one(section: BaseModel, names: tuple[str, ...]) -> str:
    given = [name for name in names if getattr(section, name) is not None]
    if len(given) != 1:
        found = f"found {' and '.join(given)}" if given else "found none of them"
        raise ValueError(f"exactly one of {', '.join(names)} says where it comes from; {found}")
    return given[0]


class ModelConfig(ConfigSection):
    """A checkpoint to profile. Exactly one of hub, folder, tiny, architecture says where it comes from."""

    hub: HubId | None = Field(
        default=None, description="Hugging Face hub id, such as llava-hf/llava-1.5-7b-hf; needs a revision"
    )
    revision: Revision | None = Field(
        default=None, description="commit of the hub repository, 40 hexadecimal digits"
    )
    folder: ProjectPath | None = Field(
        default=None,
        description="a folder in the hub's format (config.json, processor files, *.safetensors), "
        "inside the project",
    )
    tiny: Name | None = Field(
        default=None,
        description="a tiny, randomly initialised checkpoint of this architecture, built "
        "reproducibly by the project",
    )
    architecture: Name | None = Field(
        default=None,
        description="full-size architecture with random weights from an embedded config: no "
        "download, no quality",
    )
    family: Name | None = Field(
        default=None,
        description="what is particular to the model; by default found from its config's model_type, "
        "else generic",
    )
    processor_backend: Literal["auto", "pil", "torchvision"] = Field(
        default="auto",
        description="image processor implementation; auto takes torchvision where it is installed, else pil",
    )
    image_size_mode: Literal["processor", "interpolate"] = Field(
        default="processor",
        description="what a point's image_size does: scale the image and leave the rest to the "
        "model's processor, or, where "
        "the vision encoder can interpolate its positions (BLIP-2, InstructBLIP, LLaVA's CLIP), "
        "encode squares of that side",
    )
    trust_remote_code: bool = Field(
        default=False, description="run Python code that the hub repository ships"
    )
    gpus: int = Field(
        default=1,
        ge=1,
        le=MAX_GPUS,
        exclude_if=lambda gpus: gpus == 1,  # so that runs on one keep their keys
        description="GPUs of one machine that its layers are laid on, one after another, where the "
        "run's device is cuda; joules "
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


class ModelContent(ConfigSection):
    """A model by its content: of a run without a study."""

    source: str
    content_sha256: str | None = None
    gpus: int = Field(default=1, ge=1, le=MAX_GPUS, exclude_if=lambda gpus: gpus == 1)


class DatasetColumns(ConfigSection):
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


class DatasetConfig(ConfigSection):
    """Samples to ask the models about. Exactly one of package, folder, hub says where they come from."""

    package: Literal["easy-vqa"] | None = Field(
        default=None, description="a data set that ships in a Python package; downloads nothing"
    )
    folder: ProjectPath | None = Field(
        default=None,
        description="a folder with samples.json, samples.jsonl or samples.parquet beside images or "
        "videos, inside the project",
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
        description="how the questions of a hub data set that is known here are worded: as lmms-eval "
        "does (when absent), "
        "or raw, as the reference study does",
    )
    metric: Literal["vqa_accuracy", "choice_accuracy", "cider_d"] | None = Field(
        default=None,
        description="standard metric of a folder, or of a hub data set read by columns; known ones "
        "have their own",
    )
    samples: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="how many samples to draw; all when absent"
    )
    seed: int = Field(default=0, ge=0, description="seed of the draw")
    on_bad_sample: Literal["stop", "skip"] = Field(
        default="stop",
        description="broken image or video, missing file or empty request: stop naming all, or skip "
        "and count them",
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
                "prompt belongs to a hub data set that is known here; others are asked what their "
                "columns hold"
            )
        if self.metric is not None and source == "package":
            raise ValueError("metric belongs to a folder or a hub data set; leave the key out")
        return self


class DatasetContent(ConfigSection):
    """A data set by its content: of a run without a study."""

    source: str
    content_sha256: str | None = None


class OptimizationConfig(ConfigSection):
    """A named way to run a model. Each part must prove in the record that it took effect."""

    dtype: Literal["float32", "float16", "bfloat16"] = Field(
        description="type of the weights and activations"
    )
    attention: Literal[
        "eager", "sdpa", "sdpa-math", "sdpa-flash", "sdpa-efficient", "sdpa-cudnn", "flash_attention_2"
    ] = Field(
        default="sdpa",
        description="attention implementation; sdpa lets torch choose among its kernels, sdpa-KERNEL "
        "allows that one alone",
    )
    compile: bool = Field(
        default=False, description="compile the modules whose forward generate() calls, with torch.compile"
    )
    quantisation: Kind | None = Field(
        default=None,
        description="weights of linear layers, all but the output head, as integers; int8: one scale "
        "a row; int8-dynamic: "
        "activations too, so that products are of integers; int4: groups of 128 weights or fewer "
        "(all three by torchao); "
        "llm-int8: LLM.int8(), nf4: 4-bit normal floats (both by bitsandbytes)",
    )
    cache: Literal["static"] | None = Field(
        default=None,
        description="static: keys and values in tensors as long as the longest answer; absent: they grow",
    )
    engine: Name | None = Field(
        default=None, description="the engine that loads and runs the model; absent: transformers"
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
