"""Imports of large libraries leave the garbage collector nothing to walk through, neither later nor at the
end.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"

A_RUN = """
import atexit, gc

from vlm_profiling.large_imports import large_imports

atexit.register(lambda: print(gc.get_freeze_count() > 50_000))  # called last
with large_imports():
    library = [[] for _ in range(50_000)]
print(gc.isenabled(), gc.get_freeze_count() > 50_000)
gc.unfreeze()  # as a measuring pass does when it is over
print(gc.get_freeze_count())
"""


def test_a_process_that_imported_large_libraries_ends_without_walking_through_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", A_RUN],
        env={"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "True", "0", "True"]
