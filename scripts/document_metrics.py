#!/usr/bin/env python3
"""Write the metric dictionary, docs/metrics.md: every figure and every column of the tables.

scripts/document_metrics.py            # write it
scripts/document_metrics.py --check    # exit 1 where it no longer agrees with the record's schema
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.record.files import write_if_changed
from vlm_profiling.report.exports.dictionary import metrics_page

PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"


def main() -> int:
    """Exit code: 0, or 1 where --check found the page stale."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the page is stale")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page (default: docs/metrics.md)")
    arguments = parser.parse_args()

    content = metrics_page()
    if not arguments.check:
        write_if_changed(arguments.output, content)
        return 0
    if arguments.output.is_file() and arguments.output.read_bytes() == content:
        return 0
    print(f"{arguments.output} is stale: run `make metric-docs`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
