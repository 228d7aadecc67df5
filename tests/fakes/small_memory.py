"""A device whose memory is too small, as sitecustomize.py of runs: torch's own error for every allocation
above a limit.

SMALL_MEMORY_BYTES is the largest tensor that can be had.
"""

import os
import sys

if any(word.endswith("profile_run.py") for word in sys.orig_argv):
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class SmallMemory(TorchDispatchMode):
        """Looks at what every operation returns."""

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            for tensor in result if isinstance(result, tuple | list) else (result,):
                if isinstance(tensor, torch.Tensor) and tensor.numel() * tensor.element_size() > LIMIT:
                    asked = tensor.numel() * tensor.element_size()
                    raise torch.OutOfMemoryError(
                        f"CUDA out of memory. Tried to allocate {asked} bytes. GPU 0 has {LIMIT} bytes"
                    )
            return result

    LIMIT = int(os.environ["SMALL_MEMORY_BYTES"])
    SmallMemory().__enter__()
