#!/usr/bin/env python3
"""Write a study's pages from its tables: one for each model, and one across models; as Markdown, and as a
static site.

    write_report.py --study results/study.json --tables results/tables --plots results/plots --output results/reports \
        --runs results/runs --datasets results/datasets

Exit status 2 when the study or the tables cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.record.files import RecordError
from vlm_profiling.report.description import read_description
from vlm_profiling.report.pages.write import write_pages
from vlm_profiling.report.site.site import write_site
from vlm_profiling.study import ConfigError


def main() -> int:
    """Parse, write, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", type=Path, required=True, help="JSON file with the study's settings")
    parser.add_argument(
        "--tables", type=Path, required=True, help="folder of the tables that merge_runs.py wrote"
    )
    parser.add_argument(
        "--plots", type=Path, required=True, help="folder of the charts that draw_charts.py drew"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the pages")
    parser.add_argument("--runs", type=Path, help="folder of the records, to link to them")
    parser.add_argument(
        "--datasets", type=Path, help="folder of the prepared data sets, to show images beside answers"
    )
    options = parser.parse_args()
    try:
        study, _ = read_description(options.study)
        count = write_pages(
            study, options.tables, options.plots, options.output, runs=options.runs, datasets=options.datasets
        )
        write_site(study, options.tables, options.plots, options.output)
    except (ConfigError, RecordError, OSError) as error:
        print(f"write_report: {error}", file=sys.stderr)
        return 2
    print(f"{count} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
