"""Forked processes can use a GPU: what they are forked from has never asked for one."""

from __future__ import annotations

import subprocess
import sys

from small_project import PROJECT

ASKED = """
import sys, torch
def asked(*_): raise SystemExit("the preload asked for a GPU")
torch.cuda.is_available = torch.cuda.device_count = torch.cuda.get_device_capability = torch.cuda.init = asked
import vlm_profiling.gpu_check.preload, threading
print(len(threading.enumerate()), "torchao" in sys.modules)
import torchao
"""


def test_importing_what_processes_are_forked_from_asks_for_no_gpu_and_starts_no_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=PROJECT / "scripts", capture_output=True, text=True, timeout=120
    )

    assert done.stdout.split() == ["1", "False"]
    assert "the preload asked" not in done.stdout
    assert "asked for a GPU" in done.stderr, "torchao does ask, so hiding it is what helps"
