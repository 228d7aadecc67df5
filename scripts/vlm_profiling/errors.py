"""The base of all expected errors, and the one way in which a script starts and ends."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from typing import NoReturn

FAILED = 1
"""Exit status of a script that ends with an expected error. A command line that cannot be parsed is 2."""
FOUND = 3
"""Exit status of a command that ran and found what it was asked to look for."""
INTERRUPTED = 130
"""Exit status after SIGINT, as a shell gives it: 128 + 2."""


class VlmError(Exception):
    """An expected error. Its message says what a person can change; it is shown without a traceback."""


def main(
    run: Callable[[Namespace], int | None],
    add_arguments: Callable[[ArgumentParser], None],
    description: str | None,
    *,
    name: str | None = None,
    arguments: Sequence[str] | None = None,
) -> NoReturn:
    """Parse the command line, run the script, end the process.

    Args:
        run: the script; gets the parsed options, returns an exit status, None for 0.
        add_arguments: adds the script's arguments to a parser.
        description: the text above the arguments in --help, usually the script's docstring.
        name: the script's name in messages; by default its file's.
        arguments: the command line; by default that of this process.
    """
    parser = ArgumentParser(name, description=description, formatter_class=RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args(arguments)
    sys.exit(exit_status(run, options))


def exit_status(run: Callable[[Namespace], int | None], options: Namespace) -> int:
    """The exit status of a script; an expected error, or one of the file system, is one message on stderr."""
    try:
        status = run(options) or 0
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of stdout, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (VlmError, OSError) as error:
        print(f"vlm-profiling: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("vlm-profiling: interrupted", file=sys.stderr)
        return INTERRUPTED
    return status
