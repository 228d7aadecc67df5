"""The page that compares each published result on a study's models with the study's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import FLAG, Entry, Estimate, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.markdown import escape_markdown, listed
from vlm_profiling.report.pages.parts import back_to_index
from vlm_profiling.report.published import (
    Published,
    PublishedStep,
    published_models,
    published_results,
    published_steps,
    remark,
    suspicion,
)
from vlm_profiling.report.table import (
    NOTHING,
    Block,
    Cell,
    Column,
    Heading,
    Number,
    Page,
    Prose,
    Table,
    number,
)
from vlm_profiling.report.words import settings
from vlm_profiling.study import Point
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import StudyTables

TITLE = "Published results and ours"
DIFFERENCES = {
    "generate_s": "Both are times of `generate()`; ours is of full batches only. Answers end where the model "
    "ends them, so another version or prompt gives answers of other lengths.",
    "energy_per_sample_j": "The published value is the counter of the first GPU, idle power included, "
    "whatever device did the work. Ours is that of the device that did it, idle power included.",
    "batch_flops": "The published value is one `generate()` of up to 20 new tokens on the last batch of 300 "
    "samples, which holds 4 samples at batch size 8 and 12 at 16. Ours is that of the run's own full batches "
    "and answers.",
    "wer": "The published answers of models that return their prompt contain all of it but ten characters: "
    "rates far above 100 % result from that. Ours are cut by tokens. The samples differ, too.",
}
"""By metric: how the definitions of the published value and of ours differ."""
ABOUT_STEPS = (
    "Published shares are relative to the sum of the steps listed, and so are ours: to the sum of the "
    "stages that do the work of these steps. A step without a counterpart among our stages has no value of "
    f"ours. Values with {FLAG} are not measurements: the last column gives the reason."
)


def published_page(tables: StudyTables) -> Page:
    """A section for each model, a table for each metric; then the published shares of steps."""
    runs = tables.runs.all
    studies = dict.fromkeys(result.study for result in published_results())
    devices = {row.gpu_names if row.device == "cuda" else row.environment_cpu for row in runs if row.ok}
    machines = listed(sorted(name for name in devices if name)) or "nothing yet"
    blocks: list[Block] = [
        Prose(
            f"Published: {listed(list(studies))}. Ours were measured on: {machines}. A ratio compares two "
            "machines, two versions of the software and two draws of samples at once: it can show that a "
            "value has the right order of magnitude, and no more."
        ),
        back_to_index(),
    ]
    for name, hub in published_models(tables.study).items():
        blocks.append(Heading(name, address=f"{name}.md"))
        results = [result for result in published_results() if result.model == hub]
        own = {(row.dataset, row.point): row for row in runs if row.model == name}
        for metric, differs in DIFFERENCES.items():
            of_metric = [result for result in results if result.metric == metric]
            if of_metric:
                blocks += [
                    Heading(METRICS[metric].title, 3),
                    Prose(differs),
                    _results(metric, of_metric, own),
                ]
    return Page(TITLE, [*blocks, Heading("Steps"), *_steps(tables)])


def _results(metric: str, results: Sequence[Published], own: Mapping[tuple[str, Point], RunRow]) -> Table:
    entries = [_ours(own.get((result.dataset, result.point)), metric) for result in results]
    unit = best_unit(METRICS[metric].units, [Estimate(result.value) for result in results])
    lines: list[list[Cell]] = []
    for result, entry in zip(results, entries, strict=True):
        ratio = entry.value / result.value if isinstance(entry, Estimate) and result.value else None
        reasons = filter(None, [suspicion(result.note)])
        lines.append(
            [
                result.dataset,
                settings(result.point),
                Number(Estimate(result.value, flags=tuple(reasons)), unit),
                Number(entry, unit, absent="reason"),
                number(ratio, digits=".3g"),
                _note(result.note, result.provenance),
            ]
        )
    about = (
        "another machine, other versions and another draw of samples: only the order of magnitude can be "
        "compared"
    )
    heads = [
        Column("Data set", text=True),
        Column("Settings", text=True),
        Column(f"Published ({unit.name})", metric, "as the published table has it"),
        Column(f"Ours ({unit.name})", metric, "measured by this study at the same settings"),
        Column("Ours / published", about=about),
        Column("About the published value", text=True),
    ]
    return Table(heads, lines)


def _ours(row: RunRow | None, metric: str) -> Entry:
    return Absent("not in this study") if row is None else row.estimate(metric)


def _note(note: str, provenance: str = "") -> str:
    flag = f"{FLAG} {suspicion(note)}" if suspicion(note) else ""
    return "; ".join(text for text in (flag, remark(note), provenance) if text)


def _steps(tables: StudyTables) -> list[Block]:
    """Published times and shares of steps, and the share that the same work has of ours."""
    row, shares = _own_steps(tables)
    lines: list[list[Cell]] = []
    for step in published_steps():
        ours = [shares[stage] for stage in step.stages if stage in shares]
        share = number(100 * sum(ours), digits=".2f") if ours else NOTHING
        lines.append([step.model, step.step, f"{step.value:g} {step.unit}", share, _note(step.note)])
    about = "share of these stages' time, at our run's settings"
    heads = [
        Column("Model", text=True),
        Column("Step", text=True),
        Column("Published", text=True),
        Column("Ours (% of these steps)", about=about),
        Column("About the published value", text=True),
    ]
    ours_are = (
        [
            Prose(
                f"Ours: {escape_markdown(row.model)} on {escape_markdown(row.dataset)}, "
                f"{settings(row.point)}."
            )
        ]
        if row
        else []
    )
    return [Prose(ABOUT_STEPS), *ours_are, Table(heads, lines)]


def _own_steps(tables: StudyTables) -> tuple[RunRow | None, dict[str, float]]:
    """The run to compare with published steps, on videos if there is one, and its shares of their stages."""
    steps: list[PublishedStep] = [step for step in published_steps() if step.stages]
    checkpoints = {step.checkpoint for step in steps}
    names = [
        name
        for name, model in tables.study.models.items()
        if any(checkpoint in (model.hub or model.architecture or "") for checkpoint in checkpoints)
    ]
    own = [row for name in sorted(names) for row in tables.runs.baseline(name)]
    own += [row for row in tables.runs.all if row.model in names and row not in own]
    known = {stage for step in steps for stage in step.stages}
    first_stage = steps[0].stages[0]
    measured = [
        (row, {stage.stage: stage.share for stage in tables.stages[row.place] if stage.stage in known})
        for row in own
        if row.place in tables.stages
    ]
    if not measured:
        return None, {}
    row, shares = next((one for one in measured if first_stage in one[1]), measured[0])
    whole = sum(shares.values())
    return row, {stage: share / whole for stage, share in shares.items()}
