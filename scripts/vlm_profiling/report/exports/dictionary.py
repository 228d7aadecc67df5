"""The metric dictionary as a page: docs/metrics.md, and the README of the tables."""

from __future__ import annotations

from itertools import groupby

from vlm_profiling.metrics.catalog import METRICS, Metric
from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.report.table import (
    NOTHING,
    Block,
    Cell,
    Code,
    Column,
    Heading,
    Page,
    Prose,
    Table,
)
from vlm_profiling.tables.column_docs import table_columns

HEAD = """\
What each metric is, where it is measured, and what other tools call it. Made by `make docs` from
`metrics/catalog.py` and from the docstrings of the record's schema, which the tables follow column by
column.

A name in another tool's column is the nearest metric, not the same measurement: vLLM and AIPerf measure
requests sent to a server, with its queue and network; MLPerf measures samples that its load generator
issues. Here a batch is given to the model in one process, so times are of a batch unless the name says per
sample. A dash: that tool has no such metric."""
TABLES = {
    "runs": "A row for each run: its place in the grid, its outcome, and every value of its record.",
    "samples": "A row for each sample of every finished run, with the batch it was in.",
    "stages": "A row for each stage of every run that measured stages.",
    "layers": "A row for each kind of layer in a stage of every run that measured layers.",
    "roofline": "A row for each stage of every finished run and ceiling: the datasheet's or this machine's.",
    "audits": "A row for each audit of a finished run.",
    "drift": (
        "A row for each finished run of another optimization than the reference's: its answers compared with "
        "the reference's."
    ),
}


def metrics_page() -> bytes:
    """The dictionary in Markdown: the published metrics with their names elsewhere, then every table's
    columns.
    """
    titles = ("Metric", "Column", "Unit", "What it is", "Measured in", "vLLM", "AIPerf", "MLPerf")
    heads = [Column(title, text=True) for title in titles]
    blocks: list[Block] = [Prose(HEAD), Heading("Published metrics")]
    blocks.append(Table(heads, [_row(metric) for metric in METRICS.values()]))
    for name, columns in table_columns().items():
        blocks += [Heading(f"tables/{name}"), Prose(TABLES[name])]
        for section, own in groupby(columns, key=lambda column: column.section):
            lines: list[list[Cell]] = [
                [Code(column.name), Prose(_definition(column.definition))] for column in own
            ]
            blocks += [Prose(f"**{_definition(section)}**")] if section else []
            blocks.append(Table([Column("Column", text=True), Column("What it is", text=True)], lines))
    return page_markdown(Page("Metric dictionary", blocks)).encode()


def _row(metric: Metric) -> list[Cell]:
    values = [columns.value for columns in (metric.columns, metric.cpu_columns) if columns]
    table_name = "" if metric.table == "runs" else f"{metric.table}."
    columns = Prose(" or ".join(f"`{table_name}{value}`" for value in values))
    others = [Prose(name or NOTHING) for name in (metric.vllm, metric.aiperf, metric.mlperf)]
    return [
        metric.title,
        columns,
        metric.unit,
        Prose(_definition(metric.definition)),
        metric.measured_in,
        *others,
    ]


def _definition(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
