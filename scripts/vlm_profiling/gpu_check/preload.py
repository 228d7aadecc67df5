"""What every process of a check needs, imported once: the processes are forked from one that has imported
this.

Nothing here may ask for a GPU or start a thread: CUDA refuses to work in a process forked from one that has
counted its GPUs. torchao counts them when it is imported, which transformers does wherever it is installed;
so it stays out of sight until a process needs it.
"""

import sys
from typing import Any

from vlm_profiling.large_imports import large_imports

hidden: Any = None
assert "torchao" not in sys.modules
sys.modules["torchao"] = hidden
with large_imports():
    import transformers.modeling_utils
    import transformers.models.auto.modeling_auto
    import transformers.models.auto.processing_auto  # noqa: F401

del sys.modules["torchao"]
