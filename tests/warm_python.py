"""Python processes forked from one that has imported what they need: an import takes seconds, a fork none."""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class WarmPython:
    """A process that has imported modules; it starts with the first call and ends with the tests' process."""

    def __init__(self, modules: Sequence[str], environment: dict[str, str] | None = None) -> None:
        """`environment`: what the process itself starts with, beside the present one."""
        self._modules = modules
        self._environment = environment or {}
        self._server: subprocess.Popen[str] | None = None

    def run(
        self,
        code: str,
        *arguments: str,
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
        stdin: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """The outcome of `python -c CODE ARGUMENTS` in a process of its own, its output captured.

        Args:
            code: what the process runs
            arguments: of its command line
            folder: where it runs; the present one
            environment: all its variables; the present ones
            stdin: what it reads
        """
        with tempfile.TemporaryDirectory() as streams:
            Path(streams, "0").write_text(stdin)
            request = {
                "code": code,
                "arguments": arguments,
                "folder": str(folder or Path.cwd()),
                "environment": dict(os.environ) if environment is None else environment,
                "streams": streams,
            }
            status = self._ask(json.dumps(request))
            output, errors = (Path(streams, name).read_text() for name in ("1", "2"))
            return subprocess.CompletedProcess(arguments, status, output, errors)

    def _ask(self, request: str) -> int:
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-P", __file__, *self._modules],
                env={**os.environ, **self._environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._server.stdin and self._server.stdout
        self._server.stdin.write(request + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


def serve(modules: Sequence[str]) -> None:
    """Import modules, then fork a process for each request that is read, and answer with its exit status."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            os._exit(_run(**json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def _run(code: str, arguments: list[str], folder: str, environment: dict[str, str], streams: str) -> int:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)):
        os.dup2(os.open(f"{streams}/{number}", flags), number)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["-c", *arguments]
    main: dict[str, Any] = {"__name__": "__main__"}
    status: object = 0
    atexit._clear()  # of the process that it was forked from
    try:
        exec(compile(code, "<string>", "exec"), main)
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    serve(sys.argv[1:])
