#!/usr/bin/env python3
"""Write the reference of config.yaml: docs/config.md and docs/config.schema.json.

scripts/document_config.py            # write them
scripts/document_config.py --check    # exit 1 naming those that no longer agree with the settings' models
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.record.files import write_if_changed
from vlm_profiling.study.document import reference_page, schema_json

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> int:
    """Exit code: 0, or 1 where --check found a stale page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is stale")
    parser.add_argument("--output", type=Path, default=DOCS, help="folder of the pages (default: docs)")
    arguments = parser.parse_args()

    pages = {"config.md": reference_page(), "config.schema.json": schema_json()}
    if arguments.check:
        stale = [name for name, content in pages.items() if _content(arguments.output / name) != content]
        for name in stale:
            print(f"{arguments.output / name} is stale: run `make config-docs`", file=sys.stderr)
        return 1 if stale else 0
    for name, content in pages.items():
        write_if_changed(arguments.output / name, content)
    return 0


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
