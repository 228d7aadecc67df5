"""Have Snakemake's SLURM executor ask every two seconds how its jobs are.

On its own it waits ten seconds longer after each time that no job had ended, and a short job is noticed late.
"""

import sys

if sys.orig_argv[1:2] and sys.orig_argv[1].endswith("/snakemake"):
    from snakemake_executor_plugin_slurm import Executor

    Executor.next_seconds_between_status_checks = property(lambda self: 2, lambda self, seconds: None)
