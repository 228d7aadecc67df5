"""Which files a study's tables, charts and pages are: told from the settings alone, so that rules can declare
them.
"""

from __future__ import annotations

from vlm_profiling.report.published import published_models
from vlm_profiling.study import Study
from vlm_profiling.study.axes import AXES

TABLES = ("runs", "samples", "stages", "layers")
TABLES_README = "README.md"
"""What every column of every table means."""
TABLE_ENDINGS = (".parquet", ".csv")
CHART_ENDINGS = (".vl.json", ".svg", ".png")
SITE_FOLDER = "site"
SITE_FILES = ("site.css", "site.js", "vega.js")
INDEX_CHARTS = ("latency_quality", "energy_quality", "memory", "flops")
ROOFLINE_CHART = "roofline"
"""Of each model, at the baseline."""
MANY_CHARTS = 24
PUBLISHED_PAGE = "published.md"
"""Of a study with models that others published figures of."""


def table_files() -> list[str]:
    """Every file of tables, relative to their folder."""
    return [*(table + ending for table in TABLES for ending in TABLE_ENDINGS), TABLES_README]


def audit_files() -> list[str]:
    """The files that audits write, relative to the folder of tables: what they found, and how answers
    drifted.
    """
    return [table + ending for table in ("audits", "drift") for ending in TABLE_ENDINGS]


def roofline_files() -> list[str]:
    """The files of the roofline's table, relative to the folder of tables."""
    return [f"roofline{ending}" for ending in TABLE_ENDINGS]


def model_charts(study: Study, model: str) -> list[str]:
    """Names of a model's charts: one for each axis with two values or more, one more for quality where it can
    move.
    """
    names = []
    for axis, settings in study.axes.items():
        if len(settings.values) > 1 and (settings.models is None or model in settings.models):
            names.append(axis)
            if AXES[axis].given and not study.models[model].random_weights:
                names.append(f"{axis}_quality")
    return names


def stage_charts(study: Study, model: str) -> list[str]:
    """Names of a model's charts of stages: one for each axis with two values or more, if stages are measured."""
    axes = [name for name in model_charts(study, model) if name in study.axes]
    return [f"{axis}_stages" for axis in axes] if study.protocol.stages else []


def index_charts(study: Study) -> list[str]:
    """Names of the charts across models."""
    return [*INDEX_CHARTS, *(["stages"] if study.protocol.stages else [])]


def shared_axes(study: Study) -> list[str]:
    """Axes with two values or more: each has a page and a chart across models."""
    return [axis for axis, settings in study.axes.items() if len(settings.values) > 1]


def axis_page_name(axis: str) -> str:
    """The page of an axis, without its ending."""
    return f"axis-{axis}"


def chart_files(study: Study) -> list[str]:
    """Every chart file, relative to the folder of plots."""
    stems = [
        f"{model}/{name}"
        for model in study.models
        for name in (*model_charts(study, model), *stage_charts(study, model))
    ]
    stems += [f"{model}/{ROOFLINE_CHART}" for model in study.models]
    stems += [f"index/{name}" for name in (*index_charts(study), *map(axis_page_name, shared_axes(study)))]
    return [stem + ending for stem in stems for ending in CHART_ENDINGS]


def chart_kind(name: str) -> str:
    """What kind of chart a name belongs to: each has a caption of its own in Snakemake's report
    (rules/captions).
    """
    if name in ("latency_quality", "energy_quality"):
        return "tradeoff"
    if name in (*INDEX_CHARTS, ROOFLINE_CHART):
        return name
    ending = name.rpartition("_")[2]
    return (
        "axis"
        if name.startswith(axis_page_name(""))
        else ending
        if ending in ("stages", "quality")
        else "values"
    )


def chart_processes(study: Study) -> int:
    """How many processes drawing the charts keeps busy: many charts are worth the second that another one
    takes to start.
    """
    return 2 if len(chart_files(study)) >= MANY_CHARTS * len(CHART_ENDINGS) else 1


def page_files(study: Study) -> list[str]:
    """Every page in Markdown, relative to the folder of reports."""
    published = [PUBLISHED_PAGE] if published_models(study) else []
    axes = [f"{axis_page_name(axis)}.md" for axis in shared_axes(study)]
    return ["index.md", *(f"{model}.md" for model in study.models), *axes, *published]


def site_files(study: Study) -> list[str]:
    """The same pages in HTML and what these share, relative to the folder of reports."""
    pages = [f"{page.removesuffix('.md')}.html" for page in page_files(study)]
    return [*pages, *(f"{SITE_FOLDER}/{name}" for name in SITE_FILES)]
