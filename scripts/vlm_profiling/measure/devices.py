"""The device that was asked for, looked for before anything is loaded."""

from __future__ import annotations

from vlm_profiling.measure.failures import MachineError


def require_device(device: str) -> None:
    """Raise MachineError unless torch sees the device: "cpu" or "cuda"."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise MachineError(
            "device 'cuda' was asked, but torch sees no CUDA GPU here; allowed: run on a machine with a GPU and its "
            f"driver, or set device: cpu (torch {torch.__version__}, built for CUDA: {torch.version.cuda or 'no'})"
        )
