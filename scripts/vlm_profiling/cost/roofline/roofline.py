"""How far a run is from what its device allows (Williams et al., 2009): its stages against a datasheet and
against ceilings.

A stage needs at least FLOPs / peak and at least bytes / bandwidth; the longer of the two is its floor. MFU
and MBU are the shares of peak and bandwidth that it used. Bytes are those that no implementation can avoid:
the weights once a forward pass, the key-value cache written once and read once a step. Activations are left
out, so that the floor stays one.

Ceilings measured while others used the processor, and then passed by a run, are none: that run has no floor
under them.

A model on several GPUs has its layers one after another, so that one GPU works at a time: the roof is that of
one.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import field

from vlm_profiling.cost.functions import CostError, ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.cost.roofline.datasheet import datasheet_peaks
from vlm_profiling.cost.roofline.stage_work import STAGES, StageWork, stage_works, sum_works
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Section
from vlm_profiling.study.quantisation import SCHEMES

WHOLE = "generate"
"""All of generate(), from the uninstrumented headline."""
EXPLAINED = 0.5
"""Share of the time that a floor must reach to be called the bound."""
ABOVE_MEASURED = 1.1
"""How far a run may pass a rate that was measured on its machine: clocks differ from minute to minute."""

Bound = Literal["compute", "memory", "launch", "unattributed"]


class StageRoofline(Section, kw_only=True):
    """A stage of a run, or all of generate(), against one ceiling. Figures are means per full batch."""

    stage: str
    """vision, project, prefill, decode, or generate for all of them and what lies between."""
    ceiling: Literal["datasheet", "measured"]
    source: str | None = None
    """Where the ceiling comes from."""
    dtype: str
    """Of most products: whose matrix rate is the peak."""
    time_s: float
    """From the stages pass; of generate from the headline."""
    flops: float | None = None
    bytes: float | None = None
    """Weights read and key-value cache read and written, at least; activations left out."""
    ops: float | None = None
    """Operations dispatched by eager execution, about: what launching costs."""
    intensity_flops_per_byte: float | None = None
    peak_flops_per_s: float | None = None
    peak_bytes_per_s: float | None = None
    compute_floor_s: float | None = None
    """FLOPs / peak."""
    memory_floor_s: float | None = None
    """Bytes / bandwidth."""
    launch_floor_s: float | None = None
    """Operations x the least time of one, as calibrated on the machine."""
    floor_s: float | None = None
    """The longer of compute and memory floor; of generate the sum over its stages."""
    roof: Literal["compute", "memory"] | None = None
    """Which of the two is longer, whatever the time really taken."""
    mfu: float | None = None
    """Model FLOPs utilisation: compute floor / time, a share."""
    mbu: float | None = None
    """Model bandwidth utilisation: memory floor / time, a share."""
    distance: float | None = None
    """Time / floor: how many times faster the device would allow."""
    bound: Bound | None = None
    """The longest of the compute, memory and launch floors where it explains at least half of the time, else
    unattributed.
    """
    unattributed_share: float | None = None
    """Share of the time beyond the longest floor."""
    absent: dict[str, str] = field(default_factory=dict)
    """Why figures are null."""


class Roof(NamedTuple):
    """What a device allows, or why that is not known."""

    ceiling: Literal["datasheet", "measured"]
    source: str | None
    flops_per_s: float | None
    bytes_per_s: float | None
    absent: str | None


def run_roofline(record: RunRecord, cost: ModelCost | None, ceilings: Ceilings | None) -> list[StageRoofline]:
    """Every stage of a finished run and all of generate(), each against the datasheet and against measured
    ceilings.
    """
    headline = record.headline
    assert headline is not None
    times = {
        stage: time.time.mean_s
        for stage, time in (record.stages.times if record.stages else {}).items()
        if stage in STAGES
    }
    works, no_work = _works(record, cost)
    unseen = [stage for stage, work in works.items() if times and work.flops and stage not in times]
    launch_s, no_launch = _launch(record, ceilings)

    def under(roof: Roof) -> list[StageRoofline]:
        parts = [_place(stage, time_s, works.get(stage), roof, launch_s) for stage, time_s in times.items()]
        floors = [_place(stage, 1.0, work, roof, launch_s) for stage, work in works.items()]
        whole = _place(
            WHOLE, headline.generate.mean_s, sum_works(works.values()) if works else None, roof, launch_s
        )
        if floors and all(part.floor_s is not None for part in floors):
            whole.floor_s = sum(part.floor_s or 0 for part in floors)
            whole.distance = whole.time_s / whole.floor_s
        return [*parts, whole]

    rows = []
    for roof in roofs(record, ceilings):
        own = under(roof)
        if (
            roof.ceiling == "measured"
            and ceilings
            and ceilings.disturbed
            and any(passed(row, ceilings) for row in own)
        ):
            roof = Roof("measured", roof.source, None, None, too_low(ceilings))
            own = under(roof)
        for row in own:
            if unseen and row.stage != WHOLE:
                row = StageRoofline(stage=row.stage, ceiling=row.ceiling, dtype="", time_s=row.time_s)
                row.absent["flops"] = (
                    f"{' and '.join(unseen)} ran inside another stage, so this time holds more than one stage"
                )
            row.dtype, row.source = loaded_dtype(record), roof.source
            if row.flops is None:
                row.absent.setdefault("flops", no_work or "the model's cost has no such stage")
            if roof.absent:
                row.absent["floor_s"] = roof.absent
            if row.launch_floor_s is None:
                row.absent["launch_floor_s"] = no_launch or "the operations of this stage were not counted"
            rows.append(row)
    return rows


def roofs(record: RunRecord, ceilings: Ceilings | None) -> list[Roof]:
    """The datasheet's peaks and the measured ceilings of a run's device, each with the reason where it is not
    known.
    """
    dtype, gpu, kinds = (
        loaded_dtype(record),
        record.environment.gpu,
        {gpu.name for gpu in record.environment.gpus},
    )
    if record.point.device != "cuda":
        sheet = Roof(
            "datasheet",
            None,
            None,
            None,
            "a CPU's peaks depend on clocks and instructions that no datasheet fixes",
        )
    elif len(kinds) > 1:
        sheet = Roof(
            "datasheet",
            None,
            None,
            None,
            f"the model lies on GPUs of several kinds: {', '.join(sorted(kinds))}",
        )
    elif gpu is None or gpu.mig or (peaks := datasheet_peaks(gpu.name)) is None:
        reason = (
            "the environment names no GPU"
            if gpu is None
            else f"no peaks known of {gpu.name}{' with MIG' if gpu.mig else ''}"
        )
        sheet = Roof("datasheet", None, None, None, reason)
    else:
        peak = peaks.flops_per_s(dtype)
        sheet = Roof(
            "datasheet",
            peaks.source,
            peak,
            peaks.bytes_per_s,
            None if peak else f"{peaks.source} has no rate of {dtype}",
        )
    mismatch = (
        ceilings.mismatch(record)
        if ceilings
        else f"no ceilings of device {record.point.device} were measured"
    )
    if ceilings is None or mismatch:
        return [sheet, Roof("measured", None, None, None, mismatch)]
    rate = ceilings.matrix.get(dtype)
    absent = None if rate else f"no rate of {dtype}: {ceilings.absent.get(dtype, 'not measured')}"
    return [
        sheet,
        Roof("measured", ceilings.source, rate and rate.rate.best_per_s, ceilings.bytes_per_s, absent),
    ]


def passed(row: StageRoofline, ceilings: Ceilings) -> bool:
    """Whether a stage was faster than what was measured allows. What fits the caches may be read faster than
    memory is.
    """
    streamed = row.bytes is not None and row.bytes >= ceilings.buffer_bytes
    return (row.mfu or 0) > ABOVE_MEASURED or (streamed and (row.mbu or 0) > ABOVE_MEASURED)


def too_low(ceilings: Ceilings) -> str:
    """Why disturbed ceilings are none."""
    return f"the machine's own are too low: {ceilings.source}"


def loaded_dtype(record: RunRecord) -> str:
    """The dtype of most parameters, as loaded; of weights that are quantised alone, that of the activations
    they meet.
    """
    if (kind := record.optimization.quantisation) and not SCHEMES[kind].integer_products:
        return record.optimization.dtype
    dtypes = record.checkpoint.dtypes if record.checkpoint else {}
    return max(dtypes, key=lambda name: dtypes[name], default=record.optimization.dtype)


def _works(record: RunRecord, cost: ModelCost | None) -> tuple[dict[str, StageWork], str | None]:
    """The works of the stages, or none and why."""
    if cost is None:
        return {}, "the model's cost was not counted"
    try:
        return stage_works(record, cost), None
    except CostError as error:
        return {}, str(error)


def _launch(record: RunRecord, ceilings: Ceilings | None) -> tuple[float | None, str | None]:
    """Least seconds of an operation on the run's machine, or why that is not known."""
    if record.optimization.compile:
        return None, "the model is compiled, which fuses the operations counted"
    if ceilings is None:
        return None, f"no ceilings of device {record.point.device} were measured"
    mismatch = ceilings.mismatch(record)
    return (None, mismatch) if mismatch else (ceilings.launch_s, None)


def _place(
    stage: str, time_s: float, work: StageWork | None, roof: Roof, launch_s: float | None
) -> StageRoofline:
    """One stage under one roof: floors, utilisations and the bound."""
    row = StageRoofline(stage=stage, ceiling=roof.ceiling, dtype="", time_s=time_s)
    if work is None:
        return row
    row.flops, row.bytes, row.ops = work
    row.intensity_flops_per_byte = work.flops / work.bytes if work.bytes else None
    row.peak_flops_per_s, row.peak_bytes_per_s = roof.flops_per_s, roof.bytes_per_s
    row.launch_floor_s = None if launch_s is None or work.ops is None else work.ops * launch_s
    if roof.bytes_per_s is not None:
        row.memory_floor_s = work.bytes / roof.bytes_per_s
        row.mbu = row.memory_floor_s / time_s
    if roof.flops_per_s is None or row.memory_floor_s is None:
        return row
    row.compute_floor_s = work.flops / roof.flops_per_s
    row.mfu = row.compute_floor_s / time_s
    row.floor_s = max(row.compute_floor_s, row.memory_floor_s)
    row.roof = "compute" if row.compute_floor_s >= row.memory_floor_s else "memory"
    row.distance = time_s / row.floor_s if row.floor_s else None
    floors: dict[Bound, float] = {
        "compute": row.compute_floor_s,
        "memory": row.memory_floor_s,
        "launch": row.launch_floor_s or 0.0,
    }
    longest = max(floors, key=lambda name: floors[name])
    row.bound = longest if floors[longest] >= EXPLAINED * time_s else "unattributed"
    row.unattributed_share = max(0.0, 1 - floors[longest] / time_s)
    return row
