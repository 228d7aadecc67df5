"""A study in a container: what its records say, what it cannot see, and what refuses to be measured
elsewhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from secrets_seen import SECRET, files_that_tell, watched_command_lines
from small_project import Project

from vlm_profiling.record.container_image import sif_identifier

pytestmark = pytest.mark.container

IN_CONTAINERS = ("--profile", "profiles/workstation")
APPTAINER = ("apptainer", "--quiet", "exec", "--cleanenv")


def inside(project: Project, code: str, **environment: str) -> str:
    """What a Python program prints in the study's image, started as Snakemake starts jobs."""
    command = [*APPTAINER, "--home", str(project.folder), "containers/cpu.sif", "python3", "-c", code]
    done = subprocess.run(
        command,
        cwd=project.folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def environments(project: Project) -> list[dict]:
    return [json.loads(content)["environment"] for content in project.records.values()]


def test_every_record_says_which_image_it_was_measured_in_and_what_ran_it(contained: Project) -> None:
    identifier = sif_identifier(contained.folder / "containers/cpu.sif")
    version = subprocess.run(
        ["apptainer", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    told = {
        (facts["container"], facts["container_digest"], facts["container_runtime"])
        for facts in environments(contained)
    }
    assert told == {("cpu.sif", identifier, f"apptainer {version}")}
    assert all(not facts.get("lock_differences") for facts in environments(contained))


def test_nothing_of_the_hosts_python_is_seen_inside(contained: Project) -> None:
    planted = {"PYTHONPATH": str(Path(pytest.__file__).parents[1])}
    code = (
        "import importlib.util, sys; print([n for n in ('pytest', 'snakemake', 'pulp') if "
        "importlib.util.find_spec(n)])"
    )
    assert inside(contained, code, **planted) == "[]"


def test_a_finished_study_in_containers_has_nothing_to_do(contained: Project) -> None:
    assert contained.planned(*IN_CONTAINERS) == {}


def test_a_workflow_that_forgets_the_containers_is_refused(copied: Project) -> None:
    shutil.rmtree(copied.folder / "results/runs")
    done = copied.run(check=False)
    assert done.returncode != 0
    assert "jobs belong in this image: add --sdm apptainer" in done.stdout + done.stderr
    assert copied.records == {}


def test_the_script_itself_refuses_to_measure_outside(copied: Project) -> None:
    record = next(iter(copied.records))
    shutil.rmtree(copied.folder / "results/runs")
    done = copied.run("--no-hooks", f"results/runs/{record}", check=False)
    assert done.returncode != 0
    assert (
        "runs of this study belong in containers/cpu.sif, but this process is in no container"
        in copied.log_of(record)
    )
    assert copied.records == {}


def test_an_image_built_anew_at_the_same_path_makes_every_run_stale(copied: Project) -> None:
    image = copied.folder / "containers/cpu.sif"
    other = shutil.copy2(image, image.with_name("other.sif"))
    with Path(other).open("r+b") as file:
        file.seek(48)
        file.write(uuid.uuid4().bytes)
    shutil.copystat(image, other)
    Path(other).replace(image)
    assert copied.planned(*IN_CONTAINERS)["profile_run"] == 3


@pytest.mark.soak
def test_measuring_on_the_host_after_all_is_another_run_and_says_so(copied: Project) -> None:
    before = set(copied.records)
    copied.configure(container="none")
    copied.run()
    new = {name: json.loads(content) for name, content in copied.records.items() if name not in before}
    assert len(new) == 3
    assert {record["environment"]["absent"]["container"] for record in new.values()} == {
        "the study says container: none"
    }


def test_devices_and_offline_caches_reach_the_container_and_unset_ones_stay_unset(
    contained: Project, tmp_path: Path
) -> None:
    scripts = contained.folder / "scripts"
    setup = (
        f"import sys, os; sys.path.insert(0, {str(scripts)!r}); from pathlib import Path; "
        f"from vlm_profiling.containers import "
        f"enter_containers; enter_containers(Path({str(contained.folder)!r}), ['shapes']); "
        "names = ('APPTAINERENV_CUDA_VISIBLE_DEVICES', 'APPTAINERENV_HF_HOME', 'APPTAINER_BIND'); "
        "import json; print(json.dumps({name: os.environ.get(name) for name in names}))"
    )
    host = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    host.pop("CUDA_VISIBLE_DEVICES", None)
    for visible, expected in ((None, "None"), ("1", "1")):
        given = {**host, **({"CUDA_VISIBLE_DEVICES": visible} if visible else {})}
        shown = subprocess.run(
            [sys.executable, "-c", setup],
            cwd=contained.folder,
            env=given,
            capture_output=True,
            text=True,
            check=True,
        )
        passed = {name: value for name, value in json.loads(shown.stdout).items() if value is not None}
        code = (
            "import os; print(os.environ.get('CUDA_VISIBLE_DEVICES'), os.environ['HF_HOME'], "
            "os.access(os.environ['HF_HOME'], os.W_OK), os.access('shapes', os.W_OK), "
            "os.access('results', os.W_OK))"
        )
        assert inside(contained, code, **passed) == f"{expected} {tmp_path} False False True"


@pytest.mark.soak
def test_a_token_reaches_the_container_by_its_environment_alone(
    copied: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    name = next(name for name in copied.records if "-b1-" in name)
    (copied.folder / "results/runs" / name).unlink()
    with watched_command_lines() as told:
        said = copied.run(*IN_CONTAINERS, "--printshellcmds", "--verbose")
    assert (told, files_that_tell(copied.folder)) == (set(), [])
    assert SECRET not in said.stdout + said.stderr
    code = "import os; print(os.environ.get('HF_TOKEN'))"
    assert inside(copied, code, APPTAINERENV_HF_TOKEN=SECRET) == SECRET


def test_an_ordinary_user_measures_in_the_same_image(copied: Project, ordinary_user: str) -> None:
    name = next(name for name in copied.records if "-b1-" in name)
    spec = json.loads(copied.records[name])["spec"]
    (copied.folder / "results/runs" / name).unlink()
    subprocess.run(["chown", "-R", f"{ordinary_user}:", str(copied.folder / "results")], check=True)
    files = {
        "checkpoint": "checkpoints/tiny.json",
        "dataset": "datasets/shapes/manifest.json",
        "code": "code/profile_run.json",
    }
    files |= {"image": "image.json", "output": f"runs/{name}"}
    measure = [
        "scripts/profile_run.py",
        "--run",
        spec,
        *(part for k, v in files.items() for part in (f"--{k}", f"results/{v}")),
    ]
    become = ["runuser", "-u", ordinary_user, "--", "env", f"HOME={copied.folder}"]
    command = [*become, *APPTAINER, "--home", str(copied.folder), "containers/cpu.sif", *measure]
    done = subprocess.run(command, cwd=copied.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    record = json.loads(copied.records[name])
    assert (record["status"], record["environment"]["container"]) == ("ok", "cpu.sif")
