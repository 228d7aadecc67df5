"""What runs on several GPUs ask of the workflow: as many as their model's `gpus`, never more than the
workflow may hold.
"""

from __future__ import annotations

import re

from small_project import STUDY, Project

ON_GPUS = {
    "models": {"large": {"tiny": "llava", "gpus": 2}, "small": {"tiny": "llava"}},
    "baseline": {**STUDY["baseline"], "device": "cuda"},
    "axes": {"device": {"values": ["cuda", "cpu"]}},
    "hardware": "h100",
}


def asked(output: str) -> list[tuple[str, dict[str, str]]]:
    """The model of each planned run and the resources that it asks for."""
    jobs = re.findall(r"^rule profile_run:$(.*?)^\s*resources: (.*?)$", output, re.MULTILINE | re.DOTALL)
    found = []
    for body, resources in jobs:
        record = re.search(r"output: results/runs/(\w+)/shapes/(\w+)-", body)
        assert record
        found.append(("-".join(record.groups()), dict(part.split("=", 1) for part in resources.split(", "))))
    return found


def test_a_run_asks_for_its_models_gpus_on_one_node_and_takes_turns(project: Project) -> None:
    project.configure(**ON_GPUS)
    for arguments in ([], ["--resources", "gpu=2", "turn=1"]):
        resources = dict(asked(project.plan(*arguments).stdout))
        chosen = ("gpu", "turn", "nodes", "gpu_model")
        assert {run: tuple(own[name] for name in chosen) for run, own in resources.items()} == {
            "large-cuda": ("2", "1", "1", "h100"),
            "small-cuda": ("1", "1", "1", "h100"),
            "large-cpu": ("0", "1", "1", ""),
            "small-cpu": ("0", "1", "1", ""),
        }


def test_more_gpus_than_the_workflow_may_hold_are_refused_by_name(project: Project) -> None:
    project.configure(**ON_GPUS)
    refused = project.plan("--resources", "gpu=1", check=False)
    assert refused.returncode == 1
    assert "models.large.gpus = 2" in refused.stderr and "models.small" not in refused.stderr
    assert (
        "more than --resources gpu=1; allowed: up to 1, or gpu=N in the profile where N are there"
        in refused.stderr
    )

    project.configure(
        **{**ON_GPUS, "baseline": STUDY["baseline"], "axes": {}}
    )  # on the CPU nothing is asked for
    assert project.plan("--resources", "gpu=1").returncode == 0
