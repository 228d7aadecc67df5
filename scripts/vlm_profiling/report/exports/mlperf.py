"""The machine of a run as MLPerf's system description (mlcommons/inference, tools/submission: the checker's
required fields).

Fields that no record has are left out and named, so that a person fills them in.
"""

from __future__ import annotations

from vlm_profiling.record.machine import Environment

REQUIRED = (
    *("division", "submitter", "status", "system_name", "number_of_nodes", "host_processor_model_name"),
    *(
        "host_processors_per_node",
        "host_processor_core_count",
        "host_memory_capacity",
        "host_storage_capacity",
    ),
    *(
        "host_storage_type",
        "accelerators_per_node",
        "accelerator_model_name",
        "accelerator_memory_capacity",
        "framework",
    ),
    *(
        "operating_system",
        "system_type",
        "other_software_stack",
        "host_processor_frequency",
        "host_processor_caches",
    ),
    *(
        "host_memory_configuration",
        "host_processor_interconnect",
        "host_networking",
        "host_networking_topology",
    ),
    *("accelerator_frequency", "accelerator_host_interconnect", "accelerator_interconnect"),
    *(
        "accelerator_interconnect_topology",
        "accelerator_memory_configuration",
        "accelerator_on-chip_memories",
        "cooling",
    ),
    *("hw_notes", "sw_notes", "host_network_card_count", "system_type_detail"),
)
"""In the order of the submission checker of MLPerf Inference v5."""
FRAMEWORKS = {"torch": "PyTorch", "transformers": "transformers"}
GIBIBYTE = 2**30


def system_description(environment: Environment) -> dict[str, str]:
    """The machine of a record. A run uses one node."""
    gpu, packages = environment.gpu, environment.packages
    software = {"CUDA": gpu and gpu.cuda, "driver": gpu and gpu.driver, "Python": environment.python}
    limit = gpu and gpu.power_limit_w
    kinds = " and ".join(dict.fromkeys(own.name for own in environment.gpus))
    notes = [
        f"{environment.cpu_cores} cores used",
        f"{environment.threads} threads",
        f"power limit {limit} W" if limit else "",
    ]
    fields = {
        "number_of_nodes": "1",
        "host_processor_model_name": environment.cpu,
        "host_processor_frequency": environment.cpu_max_mhz and f"{environment.cpu_max_mhz:.0f} MHz",
        "host_memory_capacity": f"{environment.memory_bytes / GIBIBYTE:.0f} GiB",
        "accelerators_per_node": str(len(environment.gpus)),
        "accelerator_model_name": kinds or "N/A",
        "accelerator_memory_capacity": f"{gpu.memory_bytes / GIBIBYTE:.0f} GiB" if gpu else "N/A",
        "accelerator_frequency": gpu and gpu.sm_clock_max_mhz and f"{gpu.sm_clock_max_mhz} MHz",
        "framework": ", ".join(
            f"{title} {packages[name]}" for name, title in FRAMEWORKS.items() if name in packages
        ),
        "operating_system": environment.platform,
        "other_software_stack": ", ".join(
            f"{name} {version}" for name, version in software.items() if version
        ),
        "hw_notes": ", ".join(filter(None, notes)),
        "sw_notes": f"container {environment.container}" if environment.container else "no container",
    }
    return {name: fields[name] for name in REQUIRED if fields.get(name)}


def fields_to_fill_in(description: dict[str, str]) -> list[str]:
    """The required fields that it lacks."""
    return [name for name in REQUIRED if name not in description]
