"""The page that puts each published figure of a study's models beside the study's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vlm_profiling.metrics.catalog import METRICS, Metric
from vlm_profiling.metrics.estimate import FLAG, Entry, Estimate, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.breakdown import DECODE_FRAMES, SAMPLE_FRAMES
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.parts import HOW_TO_READ
from vlm_profiling.report.pages.tables import NOTHING, show
from vlm_profiling.report.published import Published, published_figures, published_models, published_steps
from vlm_profiling.report.words import settings
from vlm_profiling.study import Point
from vlm_profiling.tables.breakdown import read_stages
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells

PUBLISHED_METRICS: dict[str, tuple[str, str]] = {
    "latency_mean": (
        "generate_s",
        "Both are times of `generate()`; ours is of full batches only. Answers end where the model ends them, so that another "
        "version or prompt makes other lengths.",
    ),
    "energy_per_sample": (
        "energy_per_sample_j",
        "Published is the counter of the first GPU, idle power included, whatever device did the work. Ours is that of the "
        "device which did it, idle power included.",
    ),
    "flops": (
        "batch_flops",
        "Published is one `generate()` of up to 20 new tokens on the last batch of 300 samples, which holds 4 samples at batch "
        "size 8 and 12 at 16. Ours are those of the run's own full batches and answers.",
    ),
    "wer": (
        "wer",
        "Published answers of models that return their prompt hold all of it but ten characters: rates far above 100 % come from "
        "that. Ours are cut by tokens. The samples are others, too.",
    ),
}
"""By the published metric: the id of ours, and what differs by definition."""

STEPS = {
    "video frames to images": (DECODE_FRAMES, SAMPLE_FRAMES),
    "encode image tensors into features": ("vision", "project"),
    "generate the output": ("prefill", "decode", "loop"),
}
"""Steps of the LLaVA demonstration, and the stages of ours that do this work."""

ABOUT_STEPS = (
    "Published shares are of the sum of the steps listed. So are ours here: of the stages that do this work, without preprocess, "
    "transfer and detokenise, which no published step names. Without a run over videos there is nothing beside the frames' step. "
    f"{FLAG} The times of the LLaVA demonstration are no measurement: it sleeps where a model would run, and its encoding takes "
    "as long for one frame as for three. The steps that it quotes of EventGPT have no names in their source, so that none of our "
    "stages can be put beside them."
)


def published_page(cells: Cells, tables: Path) -> str:
    """Markdown: a section a model, a table a metric; below, published shares of steps."""
    models = published_models(cells.study)
    text = [
        "# Published figures beside ours",
        "Published: ITMO VLM Profiling, on one NVIDIA H100. Ours were measured on: "
        + _machines(cells.all)
        + ". A ratio compares "
        "two machines, two versions of the software and two draws of samples at once; that a figure is of the right size is all "
        "it can say.",
        f"Back to [all models](index.md); {HOW_TO_READ}.",
    ]
    for name, hub in models.items():
        text.append(f"## [{escape_markdown(name)}]({name}.md)")
        figures = [figure for figure in published_figures() if figure.model == hub]
        own = {(cell.dataset, cell.point): cell for cell in cells.all if cell.model == name}
        for metric, (own_id, differs) in PUBLISHED_METRICS.items():
            of_metric = [figure for figure in figures if figure.metric == metric]
            if of_metric:
                text += [
                    f"### {METRICS[own_id].title}",
                    differs,
                    _figures_table(METRICS[own_id], of_metric, own),
                ]
    text += ["## Steps", _steps_text(cells, tables)]
    return "\n\n".join(text) + "\n"


def _figures_table(
    metric: Metric, figures: Sequence[Published], own: Mapping[tuple[str, Point], RunRow]
) -> str:
    entries = [_ours(own.get((figure.dataset, figure.point)), metric.id) for figure in figures]
    unit = best_unit(metric.units, [Estimate(figure.value) for figure in figures])
    rows = [
        [
            escape_markdown(figure.dataset),
            escape_markdown(settings(figure.point)),
            show(Estimate(figure.value), unit) + (f" {FLAG}" if figure.suspect else ""),
            show(entry, unit, with_reason=True),
            f"{entry.value / figure.value:.3g}" if isinstance(entry, Estimate) and figure.value else NOTHING,
            _note(figure),
        ]
        for figure, entry in zip(figures, entries, strict=True)
    ]
    heads = [f"Published ({unit.name})", f"Ours ({unit.name})", "Ours / published"]
    header = ["Data set", "Settings", *heads, "About the published figure"]
    return table(header, rows, text_columns=(0, 1, 5))


def _ours(cell: RunRow | None, name: str) -> Entry:
    return Absent("not in this study") if cell is None else cell.estimate(name)


def _note(figure: Published) -> str:
    flag = f"{FLAG} {figure.suspect}" if figure.suspect else ""
    return escape_markdown("; ".join(text for text in (flag, figure.remark, figure.provenance) if text))


def _machines(cells: Sequence[RunRow]) -> str:
    found = {cell.gpu_names if cell.device == "cuda" else cell.environment_cpu for cell in cells if cell.ok}
    return ", ".join(sorted(escape_markdown(name) for name in found if name)) or "nothing yet"


def _steps_text(cells: Cells, tables: Path) -> str:
    """Published times and shares of steps; beside LLaVA's the share that the same work has of ours."""
    cell, shares = _own_steps(cells, tables)
    rows = []
    for step in published_steps():
        ours = [shares[stage] for stage in STEPS.get(step.step, ()) if stage in shares]
        share = (
            f"{100 * sum(ours):.2f}"
            if ours and step.model == "llava-7b" and step.unit.startswith("%")
            else NOTHING
        )
        rows.append(
            [
                escape_markdown(step.model),
                escape_markdown(step.step),
                f"{step.value:g} {step.unit}",
                share,
                escape_markdown(step.note),
            ]
        )
    heading = ["Model", "Step", "Published", "Ours (% of these steps)", "About the published figure"]
    ours = (
        f"Ours: {escape_markdown(cell.model)} on {escape_markdown(cell.dataset)}, {settings(cell.point)}."
        if cell
        else ""
    )
    return "\n\n".join(filter(None, [ABOUT_STEPS, ours, table(heading, rows, text_columns=(0, 1, 4))]))


def _own_steps(cells: Cells, tables: Path) -> tuple[RunRow | None, dict[str, float]]:
    """The LLaVA run to compare, one over videos where there is any, and its stages' shares of all that steps
    know of.
    """
    names = {
        name
        for name, model in cells.study.models.items()
        if "llava-1.5-7b" in (model.hub or model.architecture or "")
    }
    own = [cell for name in sorted(names) for cell in cells.baseline(name)]
    own += [cell for cell in cells.all if cell.model in names and cell not in own]
    stages = read_stages(tables, own)
    known = {stage for step in STEPS.values() for stage in step}
    measured = [
        (cell, {row.stage: row.share for row in stages[cell.place] if row.stage in known})
        for cell in own
        if cell.place in stages
    ]
    if not measured:
        return None, {}
    cell, shares = next((one for one in measured if DECODE_FRAMES in one[1]), measured[0])
    whole = sum(shares.values())
    return cell, {stage: share / whole for stage, share in shares.items()}
