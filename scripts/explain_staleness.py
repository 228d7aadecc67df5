#!/usr/bin/env python3
"""Say of every cell of a study whether its record still holds, and what changed where it does not.

    explain_staleness.py [config.yaml] [--all]

Current cells are only counted, unless --all. A missing cell is compared with the records that no cell asks for any more: what
differs is the setting that was changed. Needs only the records: works in a fresh clone with copied results.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.record.images import study_image
from vlm_profiling.report.changes import count_states, explain_cells, orphans
from vlm_profiling.report.staleness import read_present
from vlm_profiling.study import ConfigError
from vlm_profiling.study.digest import code_digest
from vlm_profiling.workflow import open_workflow

SCRIPTS = Path(__file__).resolve().parent


def main() -> int:
    """Compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml")
    parser.add_argument("--all", action="store_true", help="print current cells too")
    options = parser.parse_args()
    try:
        workflow = open_workflow([options.config], SCRIPTS.parent)
    except ConfigError as error:
        print(f"explain_staleness: {error}", file=sys.stderr)
        return 2
    folder = Path(workflow.study.results, "runs")
    code = code_digest(SCRIPTS / "profile_run.py", SCRIPTS / "vlm_profiling")
    present = read_present(workflow.study, code["sha256"])
    cells = explain_cells(folder, workflow.runs, present, study_image(workflow.study.container), code)
    for cell in cells:
        if options.all or cell.state != "current":
            print(f"{cell.state:<10}{cell.run.name}")
            for reason in cell.because:
                print(f"{'':<10}  {reason}")
    left = orphans(folder, workflow.runs)
    print(f"{len(cells)} cells: {', '.join(f'{number} {state}' for state, number in count_states(cells).items())}")
    if left:
        print(f"{len(left)} records that no cell asks for: `make prune` lists them, and removes them after asking")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(0)
