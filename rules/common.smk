# The validated study, its runs, and small helpers that every other rule file uses.
import signal
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Thread

sys.path.insert(0, str(Path(workflow.basedir, "scripts")))

from snakemake.settings.types import DeploymentMethod
from vlm_profiling.large_imports import large_imports

with large_imports():  # what Snakemake itself imported, too
    from vlm_profiling import recovery, resources
    from vlm_profiling.errors import VlmError
    from vlm_profiling.input_files import InputFiles
    from vlm_profiling.outputs import chart_kinds
    from vlm_profiling.workflow import open_workflow, use_this_python

use_this_python()


@contextmanager
def one_message():
    """End Snakemake with an error's message alone: of an input function it would show a traceback."""
    try:
        yield
    except VlmError as error:
        sys.exit(f"vlm-profiling: {error}")


with one_message():
    STUDY = open_workflow(
        [Path(name) for name in workflow.configfiles], Path(workflow.basedir), config
    )
    if workflow.is_main_process and "gpu" in workflow.global_resources:
        resources.require_gpus(
            STUDY.study,
            list(STUDY.runs.values()),
            workflow.global_resources["gpu"].value,
        )
STUDY.prepare_containers()


pathvars:
    results=STUDY.study.results,


wildcard_constraints:
    model="[^/]+",
    dataset="[^/]+",
    point="[^/]+",


@cache
def input_files():
    """The files that rules have as inputs, from when Snakemake first asks for one.

    Only then it is known whether it will execute; and it has not planned yet, so that the results are locked
    before it looks for a record.
    """
    executes = workflow.executor_plugin and not workflow.dryrun
    with one_message():
        return InputFiles(
            STUDY,
            (
                "job"
                if not workflow.is_main_process
                else "execute" if executes else "plan"
            ),
        )


def code(script):
    """The digest of a script and of all library code it imports, which no comment changes."""

    def digest(wildcards):
        with one_message():
            return input_files().code(script)

    return digest


def study_description(wildcards):
    with one_message():
        return input_files().description()


def container_image(wildcards):
    with one_message():
        return input_files().image()


def environment_lock(wildcards):
    with one_message():
        return input_files().lock()


def records(wildcards):
    input_files()
    return STUDY.record_paths


def missing_records(wildcards):
    input_files()
    return STUDY.missing_records


def dataset_config(wildcards):
    return STUDY.dataset_json(wildcards.dataset)


def dataset_source(wildcards):
    with one_message():
        return input_files().dataset_source(wildcards.dataset)


def model_config(wildcards):
    return STUDY.model_json(wildcards.model)


def checkpoint_source(wildcards):
    with one_message():
        return input_files().checkpoint_source(wildcards.model)


def run_spec(wildcards):
    return STUDY.run(wildcards.model, wildcards.dataset, wildcards.point).spec.json


def run_gpus(wildcards):
    return STUDY.run(wildcards.model, wildcards.dataset, wildcards.point).spec.gpus


CORES_OF_A_NODE = 8  # of a CPU run on a cluster without --cores; `--set-threads profile_run=64` for more


def measuring_threads(gpus):
    """A measurement on the CPU holds every core; on a GPU it leaves some to the CPU rules."""
    return workflow.resource_settings.cores or CORES_OF_A_NODE if gpus == 0 else 4


def run_threads(wildcards):
    return measuring_threads(run_gpus(wildcards))


def run_gpu_model(wildcards):
    run = STUDY.run(wildcards.model, wildcards.dataset, wildcards.point)
    return resources.gpu_model(STUDY.study, run.point.device)


def run_memory_mb(wildcards, input, attempt):
    run = STUDY.run(wildcards.model, wildcards.dataset, wildcards.point)
    return attempt * resources.memory_mb(
        STUDY.study, run, Path(input.checkpoint), Path(input.cost)
    )


def run_minutes(wildcards, attempt):
    return attempt * resources.runtime_minutes(STUDY.study)


def device_gpus(wildcards):
    return int(wildcards.device == "cuda")


def device_gpu_model(wildcards):
    return resources.gpu_model(STUDY.study, wildcards.device)


def device_threads(wildcards):
    return measuring_threads(device_gpus(wildcards))


def study_folder(wildcards, input):
    """The study's results folder, where the scripts after a run find and leave everything."""
    return str(Path(input.study).parent)


CHART_KINDS = chart_kinds(STUDY.study)


def chart_output(file):
    """A chart's file below results/plots; its SVG is also in Snakemake's own report, by model and name."""
    path = f"<results>/plots/{file}"
    if not file.endswith(".svg"):
        return path
    folder, _, name = file.removesuffix(".svg").partition("/")
    kind = CHART_KINDS[f"{folder}/{name}"]
    return report(
        path,
        caption=f"captions/{kind}.rst",
        category="All models" if folder == "index" else folder,
        labels={"chart": name.replace("_", " "), "kind": kind},
    )


def print_end():
    """The lines that a start ends with: broken records, and the number of runs of each status."""
    for line in recovery.set_aside_broken_records(STUDY):
        print(line, file=sys.stderr)
    print(recovery.count_outcomes(STUDY), file=sys.stderr)


onstart:
    with one_message():
        if (
            DeploymentMethod.APPTAINER
            not in workflow.deployment_settings.deployment_method
        ):
            STUDY.refuse_host()
        recovery.sweep_leftovers(Path(STUDY.study.results))
        recovery.prepare_damaged_datasets(STUDY)
    # Snakemake's handler of SIGTERM waits for a lock that the interrupted thread may hold: it gets its own.
    stop = workflow.scheduler.exit_gracefully
    signal.signal(
        signal.SIGTERM, lambda *_: Thread(target=stop, daemon=True).start()
    )


onsuccess:
    print_end()


onerror:
    failed = [path for job in workflow.scheduler.failed for path in job.log]
    for line in recovery.failure_lines(failed):
        print(line, file=sys.stderr)
    print_end()
