"""Write results in other tools' formats: a LaTeX table, vLLM's benchmark JSON, MLPerf's system description.

    vlm.py export latex results --columns model generate_mean_s exact_match > table.tex
    vlm.py export vllm results --output export/vllm
    vlm.py export mlperf results --output export/systems

latex reads results/tables, the others the records; CSV and Parquet with their data dictionary are in
results/tables already.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec
import polars as pl

from vlm_profiling.record.files import RecordError, write_bytes
from vlm_profiling.report.exports.latex import latex_table
from vlm_profiling.report.exports.mlperf import fields_to_fill_in, system_description
from vlm_profiling.report.exports.vllm import serve_result, throughput_result
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.part_rows import FindingRow
from vlm_profiling.tables.results_folder import read_results
from vlm_profiling.tables.study_tables import read_findings

DEFAULT_COLUMNS = ("model", "dataset", "generate_mean_s", "ttft_mean_s", "batch_flops", "exact_match")


def add_arguments(parser: ArgumentParser) -> None:
    """The format, the results folder, and the format's own options."""
    formats = parser.add_subparsers(dest="format", required=True)
    latex = formats.add_parser("latex", help="a table of chosen columns, printed")
    latex.add_argument("results", type=Path, help="results folder of a study")
    latex.add_argument(
        "--columns", nargs="+", default=DEFAULT_COLUMNS, help="columns of tables/runs (docs/metrics.md)"
    )
    latex.add_argument("--axis", default="baseline", help="only runs on this axis; baseline by default")
    latex.add_argument("--siunitx", action="store_true", help="numbers in \\num{}, for the package siunitx")
    for name, help_text in (("vllm", "one file a finished run and shape"), ("mlperf", "one file a machine")):
        other = formats.add_parser(name, help=help_text)
        other.add_argument("results", type=Path, help="results folder of a study")
        other.add_argument("--output", type=Path, required=True, help="folder for the files")


def run(options: Namespace) -> None:
    """Print the table, or write the files."""
    if options.format == "latex":
        print(latex_of(options.results, options.columns, options.axis, siunitx=options.siunitx), end="")
    elif options.format == "vllm":
        print(f"{export_vllm(options.results, options.output)} runs")
    else:
        export_mlperf(options.results, options.output)


def latex_of(results: Path, columns: list[str], axis: str, *, siunitx: bool) -> str:
    """The table of the runs on one axis.

    Args:
        results: the results folder.
        columns: names of columns of tables/runs.
        axis: the name of an axis, or "baseline".
        siunitx: numbers in \\num{}.

    Raises:
        RecordError: there is no such table or run.
        ColumnError: a column is unknown.
    """
    path = results / "tables" / "runs.parquet"
    try:
        runs = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RecordError(f"{path}: {error}") from None
    chosen = runs.filter(pl.col("axes").str.split(",").list.contains(axis))
    if chosen.is_empty():
        axes = sorted(set(",".join(runs["axes"]).split(",")))
        raise RecordError(f"{path}: no run on axis {axis!r}; there are {', '.join(axes)}")
    flags: dict[RunKey, list[FindingRow]] = {}
    for finding in read_findings(results / "tables"):
        if finding.verdict == "fail":
            flags.setdefault(finding.place, []).append(finding)
    return latex_table(chosen, columns, flags, siunitx=siunitx)


def export_vllm(results: Path, output: Path) -> int:
    """Write MODEL/DATASET/POINT-KEY.{serve,throughput}.json for each finished run; returns how many there
    are.
    """
    finished = [measured for measured in read_results(results).cells.values() if measured.cell.ok]
    for cell, record in finished:
        name = f"{cell.model}/{cell.dataset}/{cell.point.label}-{cell.key}"
        for shape, content in (("serve", serve_result(record)), ("throughput", throughput_result(record))):
            write_bytes(output / f"{name}.{shape}.json", _json(content))
    return len(finished)


def export_mlperf(results: Path, output: Path) -> None:
    """Write system-N.json for each machine of the records, and name what a person has to fill in."""
    machines = [
        system_description(measured.record.environment) for measured in read_results(results).cells.values()
    ]
    distinct = [machine for number, machine in enumerate(machines) if machine not in machines[:number]]
    for number, machine in enumerate(distinct, start=1):
        write_bytes(output / f"system-{number}.json", _json(machine))
        names = f"{machine['accelerator_model_name']}, {machine['host_processor_model_name']}"
        print(f"system-{number}.json: {names}")
        print(f"  to be filled in by hand: {', '.join(fields_to_fill_in(machine))}")


def _json(content: dict) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
