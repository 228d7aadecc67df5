"""The small files that rules have as inputs: the study, its lock and image, digests of code and of folders.

Snakemake compares small files by content, so a change reruns what it can have moved, and nothing else. A file
is written only when its content changes, and a plan (`snakemake -n`) restores every file when it ends.
"""

from __future__ import annotations

import atexit
import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path
from typing import Literal

import msgspec

from vlm_profiling.containers import lock_of
from vlm_profiling.errors import VlmError
from vlm_profiling.record.container_image import study_image
from vlm_profiling.record.file_lock import LockedError, hold_lock, wait_for_writers
from vlm_profiling.record.files import write_bytes
from vlm_profiling.staleness.code_digest import digest_json
from vlm_profiling.staleness.source_digest import digest_source
from vlm_profiling.study.spec import lock_sha256
from vlm_profiling.workflow import MEASURING, StudyWorkflow

Mode = Literal["execute", "plan", "job"]
"""execute: this process runs the workflow. plan: it only shows what would run. job: it runs one job of a
workflow whose main process has written the files.
"""
FOLDERS = ("code/locks", "code/measured", "code", "sources/datasets", "sources/checkpoints", "sources", ".")
"""The folders of these files in a results folder, the inner ones first."""
ADVICE = {
    errno.EROFS: "mount it so that it can be written",
    errno.EACCES: "let its owner give you the right to write there",
    errno.EPERM: "let its owner give you the right to write there",
    errno.ENOSPC: "make room on its disk",
    errno.EDQUOT: "make room in your quota",
    errno.ENOLCK: "have its file system mounted with locks",
    errno.ENOSYS: "have its file system mounted with locks",
}
"""What helps against each reason why a results folder cannot be written."""


class ResultsError(VlmError):
    """The results folder cannot be used: one line that names the path and what helps."""


class InputFiles:
    """The input files of one study, in the process of a workflow.

    Args:
        workflow: the study.
        mode: what this process does with the results.

    Raises:
        ResultsError: the folder holds the results of a study of another name; or the workflow is to be
            executed, and another one is at work in the folder, or it cannot be written.
    """

    def __init__(self, workflow: StudyWorkflow, mode: Mode) -> None:
        self._workflow = workflow
        self._results = Path(workflow.study.results)
        self._mode: Mode = mode
        self._lock: BufferedWriter | None = None
        """Held until this process ends."""
        self._refuse_results_of_another_study()
        if mode == "execute":
            self._hold_lock()
            # Before Snakemake plans: it would remove a record that such a run writes later, to measure again.
            wait_for_writers(self._results / "runs")

    def description(self) -> str:
        """The study's settings in their order, for the scripts that make tables, charts and pages."""
        return self._write(self._results / "study.json", self._workflow.description)

    def image(self) -> str:
        """The container image that runs belong in: another one at the same path is another content."""
        content = msgspec.json.encode(study_image(self._workflow.study.container)) + b"\n"
        return self._write(self._results / "image.json", content)

    def lock(self) -> str:
        """The lock of the environment that runs are measured in, under the hash that records carry.

        Older ones are kept in the same folder: `vlm why` then names the packages that changed. Its time is
        that of its first use, so that a lock checked out anew is no reason to measure.
        """
        text = lock_of(self._workflow.study.container, self._workflow.code_folder).read_bytes()
        path = self._results / "code" / "locks" / f"{lock_sha256(text.decode())}.lock"
        return str(path) if path.exists() else self._write(path, text)

    def code(self, script: str) -> str:
        """The digest of a script and of the library code it imports.

        That of measuring code is also kept under its hash, which records carry: `vlm why` then names the
        files that changed.
        """
        digest = self._workflow.code_digest(script)
        content, folder = digest_json(digest), self._results / "code"
        if script == MEASURING:
            self._write(folder / "measured" / f"{digest['sha256']}.json", content)
        return self._write(folder / f"{script}.json", content)

    def dataset_source(self, name: str) -> list[str]:
        """The digest of the folder that a data set is drawn from; none for other sources."""
        return self._source("datasets", name, self._workflow.study.datasets[name].folder)

    def checkpoint_source(self, name: str) -> list[str]:
        """The digest of the folder that a model is loaded from; none for other sources."""
        return self._source("checkpoints", name, self._workflow.study.models[name].folder)

    def _source(self, kind: str, name: str, folder: str | None) -> list[str]:
        if folder is None:
            return []
        path = self._results / "sources" / kind / f"{name}.json"
        if self._mode == "job":
            return [str(path)]
        digest, seen = digest_source(Path(folder), path.with_suffix(".seen"))
        self._write(path.with_suffix(".seen"), seen)
        return [self._write(path, digest)]

    def _write(self, path: Path, content: bytes) -> str:
        if self._mode != "job" and not (path.is_file() and path.read_bytes() == content):
            if self._mode == "plan" and self._lock is None:
                self._restore_at_exit()
            with self._named_errors():
                write_bytes(path, content)
        return str(path)

    def _restore_at_exit(self) -> None:
        """Give every file its present content and time when this process ends; hold the lock until then."""
        folders = [self._results / folder for folder in FOLDERS]
        new_folders = [path for path in (*folders, *self._results.parents) if not path.exists()]
        new_lock = not (self._results / ".lock").exists()
        self._hold_lock()
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in self._files()}

        def restore() -> None:
            for path in self._files():
                if path not in before:
                    path.unlink()
            for path, (content, time_ns) in before.items():
                if path.stat().st_mtime_ns != time_ns:
                    write_bytes(path, content)
                    os.utime(path, ns=(time_ns, time_ns))
            if new_lock:
                (self._results / ".lock").unlink()
            for folder in new_folders:
                with suppress(OSError):
                    folder.rmdir()

        atexit.register(restore)

    def _files(self) -> list[Path]:
        kept = [path for folder in ("code", "sources") for path in (self._results / folder).rglob("*")]
        return [
            path
            for path in (self._results / "study.json", self._results / "image.json", *kept)
            if path.is_file()
        ]

    def _refuse_results_of_another_study(self) -> None:
        description, name = self._results / "study.json", self._workflow.study.name
        try:
            owner = json.loads(description.read_bytes())["study"]["name"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        if owner != name:
            raise ResultsError(
                f"results = {str(self._results)!r} holds the results of the study {owner!r}, this one is"
                f" {name!r}; allowed: a folder of its own, or the same name (to rename a study, delete"
                f" {description})"
            )

    def _hold_lock(self) -> None:
        """Keep the results folder for this process."""
        try:
            with self._named_errors():
                self._lock = hold_lock(self._results / ".lock")
        except LockedError as error:
            raise ResultsError(
                f"{error}: a workflow is at work on these results; wait until it has ended, or end it"
            ) from None

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Raise an error at a path in the results folder as ResultsError; others pass."""
        folder = self._workflow.study.results
        try:
            yield
        except OSError as error:
            path = os.path.relpath(error.filename or ".")
            if not Path(path).is_relative_to(os.path.relpath(folder)):
                raise
            advice = ADVICE.get(error.errno or 0, "repair it")
            raise ResultsError(
                f"{folder} cannot be written ({path}: {error.strerror}); {advice}, or name another folder by"
                " `results:` in the study"
            ) from error
