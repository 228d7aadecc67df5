"""What every process of a check needs, imported once: the processes are forked from one that has imported this.

Nothing here may touch a device or start a thread: neither survives a fork.
"""

from vlm_profiling.large_imports import large_imports

with large_imports():
    import transformers.models.auto.modeling_auto
    import transformers.models.auto.processing_auto  # noqa: F401

    import vlm_profiling.checkpoints.describe
    import vlm_profiling.cost.count
    import vlm_profiling.measure.calibrate
    import vlm_profiling.measure.overhead
    import vlm_profiling.measure.request
    import vlm_profiling.measure.run  # noqa: F401
