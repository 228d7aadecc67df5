# The validated study, its runs, and small helpers that every other rule file uses.
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir, "scripts")))

from snakemake.exceptions import WorkflowError
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.types import DeploymentMethod
from vlm_profiling.large_imports import large_imports

with large_imports():  # what Snakemake itself imported, too
    from vlm_profiling.repair import (
        RepairError,
        prepare_damaged_datasets,
        set_aside_broken_records,
        sweep_leftovers,
    )
    from vlm_profiling.outputs import chart_kind
    from vlm_profiling.study import ConfigError
    from vlm_profiling.workflow import (
        ResultsError,
        in_own_thread,
        open_workflow,
        use_this_python,
    )

use_this_python()
# Snakemake's handler of SIGTERM wants a lock that it holds itself while it takes note of a finished job: it would hang for ever.
JobScheduler.exit_gracefully = in_own_thread(JobScheduler.exit_gracefully)


@contextmanager
def told_in_a_line():
    """End Snakemake with the words of an error alone: what a rule or an input function raises it shows with a traceback."""
    try:
        yield
    except ResultsError as error:
        sys.exit(f"vlm-profiling: {error}")


try:
    STUDY = open_workflow(
        [Path(name) for name in workflow.configfiles], Path(workflow.basedir), config
    )
except ConfigError as error:
    raise WorkflowError(str(error)) from None
with told_in_a_line():
    STUDY.write_inputs()
STUDY.prepare_containers()
if workflow.is_main_process and "gpu" in workflow.global_resources:
    try:
        STUDY.require_gpus(workflow.global_resources["gpu"].value)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


pathvars:
    results=STUDY.study.results,


wildcard_constraints:
    model="[^/]+",
    dataset="[^/]+",
    point="[^/]+",


def code(script):
    """The digest of a script and of all library code it imports: changes when a number could, not when a comment does."""
    with told_in_a_line():
        return str(STUDY.code_digest_file(script))


def lock_before_planning():
    """Lock the results when Snakemake is to execute, and not in a job of its own, before it looks for a record.

    Called by the inputs of what comes first in any plan: the target rule, the merge of all records, a run's data set.
    """
    if workflow.is_main_process and workflow.executor_plugin and not workflow.dryrun:
        with told_in_a_line():
            STUDY.lock_results()


def records(wildcards):
    lock_before_planning()
    return STUDY.record_paths


def missing_records(wildcards):
    lock_before_planning()
    return STUDY.missing_records


def dataset_config(wildcards):
    return STUDY.dataset_json(wildcards.dataset)


def dataset_source(wildcards):
    lock_before_planning()
    with told_in_a_line():
        return STUDY.dataset_source(wildcards.dataset)


def model_config(wildcards):
    return STUDY.model_json(wildcards.model)


def checkpoint_source(wildcards):
    with told_in_a_line():
        return STUDY.checkpoint_source(wildcards.model)


def run_spec(wildcards):
    return STUDY.run(wildcards.model, wildcards.dataset, wildcards.point).spec.json


def run_gpus(wildcards):
    return STUDY.run(wildcards.model, wildcards.dataset, wildcards.point).spec.gpus


CORES_OF_A_NODE = 8  # what a CPU run asks of a cluster, where nobody said --cores; `--set-threads profile_run=64` for more


def threads_beside(gpus):
    """What measures the CPU holds every core, so that nothing else runs beside it; on a GPU it leaves some to the CPU rules."""
    return workflow.resource_settings.cores or CORES_OF_A_NODE if gpus == 0 else 4


def run_threads(wildcards):
    return threads_beside(run_gpus(wildcards))


def run_gpu_model(wildcards):
    return STUDY.gpu_model(
        STUDY.run(wildcards.model, wildcards.dataset, wildcards.point).point.device
    )


def run_memory_mb(wildcards, input, attempt):
    run = STUDY.run(wildcards.model, wildcards.dataset, wildcards.point)
    return STUDY.memory_mb(run, Path(input.checkpoint), Path(input.cost), attempt)


def run_minutes(wildcards, attempt):
    return STUDY.runtime_minutes(attempt)


def device_gpus(wildcards):
    return int(wildcards.device == "cuda")


def device_gpu_model(wildcards):
    return STUDY.gpu_model(wildcards.device)


def device_threads(wildcards):
    return threads_beside(device_gpus(wildcards))


def study_folder(wildcards, input):
    """The study's results folder, where the scripts after a run find and leave everything."""
    return str(Path(input.study).parent)


def chart_output(file):
    """A chart's file below results/plots; its SVG also stands in Snakemake's own report, by model and name."""
    path = f"<results>/plots/{file}"
    if not file.endswith(".svg"):
        return path
    folder, _, name = file.removesuffix(".svg").partition("/")
    kind = chart_kind(name)
    return report(
        path,
        caption=f"captions/{kind}.rst",
        category="All models" if folder == "index" else folder,
        labels={"chart": name.replace("_", " "), "kind": kind},
    )


def tell_broken_records():
    for line in set_aside_broken_records(STUDY):
        print(line, file=sys.stderr)


onstart:
    if (
        DeploymentMethod.APPTAINER
        not in workflow.deployment_settings.deployment_method
    ):
        try:
            STUDY.refuse_host()
        except ConfigError as error:
            raise WorkflowError(str(error)) from None
    with told_in_a_line():
        STUDY.lock_results()
    sweep_leftovers(Path(STUDY.study.results))
    try:
        prepare_damaged_datasets(STUDY)
    except RepairError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    tell_broken_records()


onerror:
    tell_broken_records()
