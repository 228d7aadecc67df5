#!/usr/bin/env python3
"""Write the generated pages of docs/: config.md and config.schema.json from the settings, metrics.md from the
metric catalogue and the record's schema.

    scripts/make_docs.py            # write them
    scripts/make_docs.py --check    # write nothing; fail naming those that no longer agree with the code
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vlm_profiling.errors import VlmError, main
from vlm_profiling.record.files import write_if_changed
from vlm_profiling.report.exports.dictionary import metrics_page
from vlm_profiling.study.document import reference_page, schema_json

DOCS = Path(__file__).resolve().parents[1] / "docs"


def add_arguments(parser: ArgumentParser) -> None:
    """Whether only to check, and the folder of the pages."""
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is stale")
    parser.add_argument("--output", type=Path, default=DOCS, help="folder of the pages (default: docs)")


def make_docs(options: Namespace) -> None:
    """Write the pages whose content changed. Raises VlmError for stale ones under --check."""
    pages = {
        "config.md": reference_page(),
        "config.schema.json": schema_json(),
        "metrics.md": metrics_page(),
    }
    if options.check:
        stale = [str(options.output / name) for name in pages if _read(options.output / name) != pages[name]]
        if stale:
            raise VlmError(f"{', '.join(stale)}: no longer as the code says; run `make docs`")
        return
    for name, content in pages.items():
        write_if_changed(options.output / name, content)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    main(make_docs, add_arguments, __doc__)
