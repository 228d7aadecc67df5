"""The device that was asked for, looked for before anything is loaded."""

from __future__ import annotations

import os

from vlm_profiling.measure.outcomes import MachineError


def require_device(device: str, gpus: int = 1) -> None:
    """Raise MachineError unless torch sees the device: "cpu", or "cuda" with as many GPUs."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise MachineError(
            "device 'cuda' was asked, but torch sees no CUDA GPU here; allowed: run on a machine with a GPU "
            f"and its driver, or set device: cpu (torch {torch.__version__}, "
            f"built for CUDA: {torch.version.cuda or 'no'})"
        )
    if device == "cuda" and torch.cuda.device_count() < gpus:
        raise MachineError(
            f"the model asks for gpus: {gpus}, but this process sees {torch.cuda.device_count()} "
            f"(CUDA_VISIBLE_DEVICES: {os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')}); "
            "allowed: run where as many are seen, or ask for fewer"
        )
