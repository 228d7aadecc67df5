"""The two ways a checkpoint cannot be had: the combination cannot run, or the files are not usable."""

from __future__ import annotations

from vlm_profiling.errors import VlmError


class Unsupported(VlmError):  # noqa: N818 - an expected outcome of a run, not an error of the program
    """A combination that the model, a library or the machine cannot run. The message is a one-line reason."""


class CheckpointError(VlmError):
    """A checkpoint that cannot be used as it is: missing files, pickle weights, no network. The message says
    what to do.
    """
