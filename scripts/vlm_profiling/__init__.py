"""The library that the scripts share; docs/architecture.md shows its rooms and who may look at whom."""

import logging

# transformers imports torchao wherever it is installed, and torchao tells each process which of its kernels
# for GPUs, none of
# them used here, found no CUDA.
for _name in ("torchao", "torch.utils._pytree"):
    logging.getLogger(_name).setLevel(logging.ERROR)
