"""What each column of each table means, from the docstrings of the record's schema, of which the tables are
made.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from msgspec import Struct
from msgspec.inspect import DictType, ListType, NoneType, StructType, Type, UnionType, type_info

from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.quality.drift import Drift
from vlm_profiling.record.breakdown import LayerTime, StageTime
from vlm_profiling.record.schema import Batch, RunRecord, Sample
from vlm_profiling.record.sections import Distribution, Interval
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.columns import NOT_COLUMNS, PAIRS, WITHOUT_PREFIX, absent_column
from vlm_profiling.tables.token_counts import RunWork

PLACE = {
    "model": "Name of the model in the study.",
    "dataset": "Name of the data set in the study.",
    **{name: axis.meaning for name, axis in AXES.items()},
    "key": "Hash of everything declared that decides the run's numbers; ends the record's file name.",
}
STANDING = {
    "axes": "Axes of the study that the run stands on, comma-separated.",
    "state": "What lies at the record's place: current, stale (its ingredients changed since), missing, malformed or foreign.",
    "status": "ok, oom, unsupported, timeout or error; without a record its state.",
    "reason": "Why the run has no figures; null where it has.",
    "gpus": "GPUs that the run's model is laid on; 0 on the CPU.",
}
FOUND = {
    "audit": "Name of the audit.",
    "asks": "The question it answers.",
    "verdict": "not applicable, pass, warn or fail.",
    "figures": "Kinds of figures of the run that a warning or a failure marks, comma-separated.",
    "evidence": "The numbers behind the verdict, in one line.",
}

COMPARED = {
    "reference": "Optimization that the run's answers are compared with.",
    "reference_key": "Key of the run of it at otherwise the same settings.",
}


PLAIN = {
    "answer": "What the model answered.",
    "attention": "Attention kernel.",
    "batch_decode_flops": "FLOPs of the decode steps of a full batch, mean.",
    "batch_flops": "FLOPs of a full batch, mean.",
    "batch_prefill_flops": "FLOPs of the prefill of a full batch, mean.",
    "batch_project_flops": "FLOPs of the projection of a full batch, mean.",
    "batches": "How many batches.",
    "block": "attention, mlp, norm, convolution, embedding or other.",
    "ceiling": "datasheet, or measured on the machine.",
    "compile": "Whether torch.compile was asked for.",
    "quantisation": "What the weights of linear layers were asked to be stored as; null: as they are.",
    "cache": "Cache of keys and values that was asked for; null: one that grows.",
    "compute_capability": "CUDA compute capability.",
    "cpu": "Name of the processor.",
    "deletions": "Words of references missing from answers.",
    "detokenise_s": "Tokens to text, s.",
    "driver": "Version of its driver.",
    "dtype": "Data type of the weights.",
    "duration_s": "How long it was watched, s.",
    "ecc": "Whether error correction is on.",
    "empty_references": "Samples left out because their reference is empty.",
    "exact_match": "Whether the normalised answer equals a normalised reference.",
    "exact_match_interval": "95 % bootstrap interval over samples of the share of exact matches.",
    "flops": "FLOPs.",
    "generate_s": "generate(), s.",
    "generated_tokens_mean": "Tokens generated for a sample, mean.",
    "git_commit": "Commit of this project.",
    "gross_j": "Joules of the window, idle power included.",
    "id": "Name of the sample in its data set.",
    "idle_w": "Power of the idle device, W.",
    "image_tokens": "Tokens that stand for the image.",
    "image_tokens_mean": "Tokens that stand for a sample's image, mean.",
    "insertions": "Words of answers that no reference has.",
    "intensity_flops_per_byte": "FLOPs a byte.",
    "load_s": "Time to load model and processor, s.",
    "mean_w": "Mean power over the window, W.",
    "memory_bytes": "Its memory, bytes.",
    "memory_clock_max_mhz": "Highest memory clock, MHz.",
    "memory_clock_mhz": "Memory clock, MHz.",
    "meter": "What was read.",
    "mig": "Whether it is partitioned (MIG).",
    "name": "Its name.",
    "parameters": "Parameters loaded.",
    "peak_bytes_per_s": "The ceiling's bandwidth.",
    "peak_flops_per_s": "The ceiling's matrix rate.",
    "per_sample_j": "Gross joules of the window divided by the samples it served.",
    "per_token_j": "Gross joules of the window divided by the tokens generated in it.",
    "persistence": "Whether persistence mode is on.",
    "platform": "Operating system and kernel.",
    "power_limit_w": "Board's power limit, W.",
    "preprocess_s": "Images and text to tensors, s.",
    "protocol_version": "Version of what the numbers mean; raised by hand.",
    "python": "Version of Python.",
    "random_weights": "Whether weights are random, so that answers mean nothing.",
    "references": "Reference answers.",
    "request": "The question, as the data set has it.",
    "revision": "Pinned revision.",
    "rounds": "How often the block was measured.",
    "rows": "Samples in the batch.",
    "samples": "How many.",
    "samples_per_s": "All samples divided by all end-to-end time.",
    "scored": "Samples that have a reference.",
    "seconds": "Time it took, s.",
    "sm_clock_max_mhz": "Highest SM clock, MHz.",
    "source": "Where it came from.",
    "stopped": "What ended it.",
    "substitutions": "Words of references answered by another word.",
    "temperature_end_c": "Temperature when the window closed, °C.",
    "temperature_start_c": "Temperature when the window opened, °C.",
    "transfer_s": "Tensors to the device, s.",
    "uuid": "UUID of the GPU.",
    "window_s": "Length of the window, s.",
}
"""What fields mean whose names say it, and so have no docstring in the schema."""

BY_STATISTIC = {
    "mean": "Mean.",
    "min": "Least.",
    "max": "Greatest.",
    "first": "At the start.",
    "last": "At the end.",
    "low": "Lower end of the interval.",
    "high": "Upper end of the interval.",
    "n": "How many.",
    "p90": "90th percentile.",
    "p95": "95th percentile.",
    "p99": "99th percentile.",
    "median": "Median.",
}
"""Figures of distributions, intervals and courses, by the first part of their names."""


class Column(NamedTuple):
    """A column of a table."""

    name: str
    definition: str
    """One or two sentences; empty where the schema says nothing."""
    section: str = ""
    """What the part of the record is that it belongs to; empty for the row's own."""


def table_columns() -> dict[str, list[Column]]:
    """The columns of every table, in their order."""
    place = [Column(*item) for item in PLACE.items()]
    return {
        "runs": [
            *place,
            *(Column(*item) for item in STANDING.items()),
            *_columns(RunWork),
            *_columns(RunRecord),
        ],
        "samples": [*place, *_columns(Sample), *_columns(Batch, "batch_")],
        "stages": [*place, Column("stage", "Stage of a batch."), *_columns(StageTime)],
        "layers": [*place, *_columns(LayerTime)],
        "roofline": [*place, *_roofline()],
        "audits": [*place, *(Column(*item) for item in FOUND.items())],
        "drift": [*place, *(Column(*item) for item in COMPARED.items()), *_columns(Drift)],
    }


def _columns(kind: type[Struct], prefix: str = "", section: str = "") -> Iterator[Column]:
    """The columns of a section as `columns.section_columns` names them. `section`: what it is."""
    for name, field_type in _fields(kind):
        meaning = _meaning(kind, name, field_type)
        if isinstance(field_type, StructType):
            unit = "_s" if kind is Distribution else ""
            inner = prefix if name in WITHOUT_PREFIX else f"{prefix}{name}_"
            for column in _columns(field_type.cls, inner, meaning):
                if field_type.cls is Interval:
                    column = Column(column.name, f"{column.definition} {meaning}", section)
                yield column._replace(name=column.name + unit)
        elif name in PAIRS:
            yield from (Column(prefix + column, meaning, section) for column in PAIRS[name])
        elif name == "absent":
            yield Column(
                absent_column(kind),
                "Why figures of this section are null, by field, as JSON.",
                section,
            )
        elif isinstance(field_type, (DictType, ListType)):
            yield Column(prefix + name, f"{meaning} As JSON." if meaning else "", section)
        else:
            yield Column(prefix + name, meaning, section)


def _roofline() -> Iterator[Column]:
    for column in _columns(StageRoofline):
        yield (
            column
            if column.name != "stageroofline_absent"
            else Column("absent", "Why figures of the row are null, by field, as JSON.")
        )


def _meaning(kind: type[Struct], name: str, field_type: Type) -> str:
    """What a field is; empty where nothing says it. A part of the record is what its class is, unless its
    field tells more.
    """
    own = field_docstrings(kind).get(name)
    if isinstance(field_type, StructType):
        known = (
            own
            if own and not own.startswith("Null")
            else PLAIN.get(name)
            if field_type.cls is Interval
            else None
        )
        return known or " ".join((inspect.getdoc(field_type.cls) or "").split())
    return own or PLAIN.get(name) or BY_STATISTIC.get(name.partition("_")[0], "")


def _fields(kind: type[Struct]) -> Iterator[tuple[str, Type]]:
    described = type_info(kind)
    assert isinstance(described, StructType)
    for field in described.fields:
        if field.name not in NOT_COLUMNS.get(kind, set()):
            present = field.type
            if isinstance(present, UnionType):
                present = next(inner for inner in present.types if not isinstance(inner, NoneType))
            yield field.name, present


@cache
def field_docstrings(kind: type[Struct]) -> dict[str, str]:
    """The string below each field of a class, its lines joined."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
        ):
            text = ast.literal_eval(below.value) if isinstance(below.value, ast.Constant) else None
            if isinstance(text, str):
                found[field.target.id] = " ".join(text.split())
    return found
