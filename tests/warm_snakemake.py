"""Dry runs of Snakemake in processes forked from one that has imported it, which takes seconds."""

from __future__ import annotations

import functools
import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

IMPORTED = (
    *("snakemake.cli", "snakemake.workflow", "snakemake.dag", "snakemake.scheduling.job_scheduler"),
    *("snakemake.logging", "snakemake.persistence", "snakemake.executors.local", "snakemake.report"),
    *("snakemake.assets", "snakemake.profiles", "snakemake.storage", "smart_open", "jinja2", "requests"),
    *("pydantic", "msgspec", "yaml", "polars", "scipy.stats"),
)
"""What Snakemake and the rules import, but for the project's own code: each project has a copy of its own."""


def plan(folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """The outcome of a dry run in a folder, its output captured."""
    with tempfile.TemporaryDirectory() as captured:
        output, errors = Path(captured, "stdout"), Path(captured, "stderr")
        request = {
            "folder": str(folder),
            "arguments": arguments,
            "environment": dict(os.environ),
            "streams": [str(output), str(errors)],
        }
        server = _server()
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, output.read_text(), errors.read_text())


@functools.cache
def _server() -> subprocess.Popen[str]:
    """One for each test process; it ends with its standard input."""
    return subprocess.Popen(
        [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def serve() -> None:
    """Import, then fork a process for each request that is read, and answer with its exit status."""
    for module in IMPORTED:
        __import__(module)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            os._exit(_run(**request))
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def _run(folder: str, arguments: list[str], environment: dict[str, str], streams: list[str]) -> int:
    from snakemake.cli import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["snakemake", *arguments]
    try:
        main(arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve()
