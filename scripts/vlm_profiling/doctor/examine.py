"""Every check of this machine for one study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vlm_profiling.containers import HOST_LOCK
from vlm_profiling.doctor.base import MachineCheck
from vlm_profiling.doctor.cluster import ask_partitions, check_slurm
from vlm_profiling.doctor.gpus import check_gpus
from vlm_profiling.doctor.host import check_cpu_energy, check_hub, check_load, check_results
from vlm_profiling.doctor.software import check_containers, check_packages
from vlm_profiling.workflow import StudyWorkflow

WORKFLOW_LOCK = Path("envs", "workflow.lock")


def examine(workflow: StudyWorkflow) -> Iterator[MachineCheck]:
    """Each check, as soon as it is made. None loads torch, starts a job or changes anything."""
    study, project = workflow.study, workflow.code_folder
    images = [
        image for image in dict.fromkeys((workflow.container, workflow.cpu_container)) if image is not None
    ]
    on_host = None in (workflow.container, workflow.cpu_container)
    yield from check_packages([project / WORKFLOW_LOCK, *([project / HOST_LOCK] if on_host else [])])
    if images:
        yield from check_containers(images)
    needed_gpus = max(run.spec.gpus for run in workflow.runs.values())
    partitions = ask_partitions()
    on_cluster = partitions is not None and partitions[0]
    yield from check_gpus(
        needed=needed_gpus, hardware=study.hardware, memory_gib=study.device_memory_gib, on_cluster=on_cluster
    )
    yield from check_slurm(partitions, study.hardware if needed_gpus else None)
    yield check_results(Path(study.results))
    yield from check_hub(study)
    yield check_cpu_energy(needed="cpu" in workflow.devices)
    yield check_load()
