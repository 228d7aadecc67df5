"""A SLURM cluster on this machine's loopback: real munge, slurmctld and slurmd, two nodes that each claim
GPUs. Needs root.

On its own, to try the cluster guide by hand: python3 tests/cluster/loopback.py up        prints the nodes and
returns; everything lies below /tmp/vlm-cluster python3 tests/cluster/loopback.py up-with-accounts      with
an accounting database, for sacct python3 tests/cluster/loopback.py down
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FOLDER = Path("/tmp/vlm-cluster")
SYSTEM_CONFIG = Path("/etc/slurm")
"""Where SLURM looks unless SLURM_CONF says otherwise, which Snakemake's jobs do not pass on."""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel")
NODES = ("node1", "node2")
ACCOUNTING_PROGRAMS = ("slurmdbd", "sacctmgr", "mariadbd", "mariadb-install-db")
CONFIGURATION = ("slurm.conf", "gres.conf", "slurmdbd.conf")
ACCOUNT = "lab"
CPUS, MEMORY_MB, GPUS, FIRST_PORT = 8, 16000, 2, 17001
DATABASE_PORT, ACCOUNTS_PORT = 16833, 16819
START_S = 30

SLURM_CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
{accounting}
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SlurmdTimeout=10
InactiveLimit=0
KillWait=3
MinJobAge=3600
SlurmdParameters=config_overrides
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=3,bf_interval=3
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=gpu Nodes={names} Default=YES MaxTime=24:00:00 State=UP PriorityTier=1
PartitionName=urgent Nodes={names} MaxTime=24:00:00 State=UP PriorityTier=10
"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"
ACCOUNTING = f"""\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={ACCOUNTS_PORT}
AccountingStoragePass={FOLDER}/munge.socket
AccountingStorageTRES=gres/gpu,gres/gpu:h100
AccountingStoreFlags=job_comment"""
SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdPort={port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct_db
"""
# NodeHostname is this machine for every node: each slurmd is told its name and listens on a port of its own.
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} CoresPerSocket={cpus} "
    "RealMemory={memory} Gres=gpu:h100:{gpus} State=UNKNOWN"
)


def why_not() -> str | None:
    """Why no cluster can be started here; None when one can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)}: `make test-system` installs them"
    if os.geteuid() != 0:
        return "a loopback cluster's daemons need root"
    for name in CONFIGURATION:
        existing = SYSTEM_CONFIG / name
        if existing.exists() and not (existing.is_symlink() and existing.readlink().is_relative_to(FOLDER)):
            return f"{existing} belongs to another cluster"
    return None


def why_no_accounts() -> str | None:
    """Why no accounting database can be started here; None when one can."""
    missing = [name for name in ACCOUNTING_PROGRAMS if shutil.which(name) is None]
    return f"no {', '.join(missing)}: `envs/test-system.sh --accounts` installs them" if missing else None


def up(*, accounts: bool = False) -> None:
    """Start everything and wait until both nodes have run a job step. Raises TimeoutError with the logs'
    names.

    `accounts`: with an accounting database (slurmdbd on MariaDB), in which root belongs to the account `lab`.
    """
    down()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o755)
    for name in ("state", "devices"):
        (FOLDER / name).mkdir()
    write_configuration(ACCOUNTING if accounts else NO_ACCOUNTING)
    munge_key()
    munge = [
        "munged",
        f"--socket={FOLDER}/munge.socket",
        f"--key-file={FOLDER}/munge.key",
        f"--pid-file={FOLDER}/munged.pid",
    ]
    subprocess.run(
        [*munge, f"--log-file={FOLDER}/munged.log", f"--seed-file={FOLDER}/munge.seed", "--force"], check=True
    )
    wait_for((FOLDER / "munge.socket").exists)
    if accounts:
        start_accounts()
    start_controller()
    for name in NODES:
        start_node(name)
    wait_for(lambda: succeeds("srun", "-Q", "-N2", "--mem=50", "true"))


def write_configuration(accounting: str) -> None:
    """slurm.conf and gres.conf, linked to from where every SLURM program looks."""
    host = socket.gethostname().split(".")[0]
    settings = {"host": host, "cpus": CPUS, "memory": MEMORY_MB, "gpus": GPUS}
    nodes = [
        NODE.format(name=name, port=FIRST_PORT + number, **settings) for number, name in enumerate(NODES)
    ]
    names = ",".join(NODES)
    text = SLURM_CONF.format(
        host=host, folder=FOLDER, nodes="\n".join(nodes), names=names, accounting=accounting
    )
    (FOLDER / "slurm.conf").write_text(text)
    # Character devices, or a job's CUDA_VISIBLE_DEVICES stays unset: more of /dev/null.
    for number in range(GPUS):
        os.mknod(FOLDER / "devices" / f"nvidia{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    gres = f"NodeName={','.join(NODES)} Name=gpu Type=h100 File={FOLDER}/devices/nvidia[0-{GPUS - 1}]\n"
    (FOLDER / "gres.conf").write_text(gres)
    SYSTEM_CONFIG.mkdir(exist_ok=True)
    for name in ("slurm.conf", "gres.conf"):
        link_configuration(name)


def link_configuration(name: str) -> None:
    (SYSTEM_CONFIG / name).unlink(missing_ok=True)
    (SYSTEM_CONFIG / name).symlink_to(FOLDER / name)


def start_accounts() -> None:
    """A MariaDB of its own below the folder, slurmdbd on it, and an account for root."""
    data, socket_file, password = FOLDER / "database", FOLDER / "database-run/socket", secrets.token_hex(16)
    for folder in (data, socket_file.parent):
        folder.mkdir()
        shutil.chown(folder, "mysql")
    common = ["--no-defaults", "--user=mysql", f"--datadir={data}", f"--tmpdir={socket_file.parent}"]
    made = ["mariadb-install-db", *common, "--auth-root-authentication-method=socket"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    server = ["mariadbd", *common, f"--socket={socket_file}"]
    server += [
        "--bind-address=127.0.0.1",
        f"--port={DATABASE_PORT}",
        f"--pid-file={socket_file.parent}/mariadbd.pid",
    ]
    server += ["--innodb-lock-wait-timeout=900"]  # slurmdbd asks for it
    with (FOLDER / "mariadbd.log").open("w") as log:
        subprocess.Popen(server, stdout=log, stderr=log, start_new_session=True)
    ask = ["mariadb", "--no-defaults", f"--socket={socket_file}"]
    wait_for(lambda: succeeds(*ask, "--execute=select 1"))
    grants = (
        f"create user slurm@'127.0.0.1' identified by '{password}'; grant all on "
        f"slurm_acct_db.* to slurm@'127.0.0.1'"
    )
    subprocess.run(ask, input=f"create database slurm_acct_db; {grants}", text=True, check=True)
    settings = {"folder": FOLDER, "port": ACCOUNTS_PORT, "database_port": DATABASE_PORT, "password": password}
    (FOLDER / "slurmdbd.conf").touch(mode=0o600)  # slurmdbd insists
    (FOLDER / "slurmdbd.conf").write_text(SLURMDBD_CONF.format(**settings))
    link_configuration("slurmdbd.conf")
    subprocess.run(["slurmdbd"], check=True, capture_output=True)
    wait_for(lambda: succeeds("sacctmgr", "--noheader", "list", "cluster"))
    for words in (["cluster", "loopback"], ["account", ACCOUNT], ["user", "root", f"account={ACCOUNT}"]):
        subprocess.run(
            ["sacctmgr", "--immediate", "--quiet", "add", *words], check=True, stdout=subprocess.DEVNULL
        )


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=START_S).returncode == 0


def munge_key() -> None:
    key = FOLDER / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)


def start_controller() -> None:
    subprocess.run(["slurmctld"], check=True, capture_output=True)


def start_node(name: str) -> None:
    subprocess.run(["slurmd", "-N", name], check=True, capture_output=True)


def kill(name: str, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to one of this cluster's daemons (slurmctld, node1, node2, munged) and wait until it is
    gone.
    """
    file = FOLDER / f"{name}.pid"
    if not file.exists():
        return
    pid = int(file.read_text())
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    wait_for(lambda: not alive(pid))


def crash_node(name: str) -> None:
    """Take a node down as a machine that loses its power: slurmd, and every process of its jobs, are gone at
    once.
    """
    jobs = [row[0] for row in squeue(f"--nodelist={name}", "--format=%i")]
    kill(name)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if any(
            command.startswith(f"slurmstepd: [{job}.".encode())
            or f"SLURM_JOB_ID={job}\0".encode() in variables
            for job in jobs
        ):
            with suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)


def mend_node(name: str) -> None:
    """What an administrator does once a node is back: start its slurmd, and let it take jobs again."""
    start_node(name)
    subprocess.run(["scontrol", "update", f"nodename={name}", "state=resume"], capture_output=True)


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def down() -> None:
    """Stop what `up` started; the folder with the logs stays."""
    if (FOLDER / "slurmctld.pid").exists():
        subprocess.run(
            ["scancel", "--state=RUNNING", "--state=PENDING", "--user=root"],
            capture_output=True,
            timeout=START_S,
        )
    for name in (*NODES, "slurmctld", "slurmdbd", "database-run/mariadbd", "munged"):
        kill(name, signal.SIGTERM)
    for name in CONFIGURATION:
        link = SYSTEM_CONFIG / name
        if link.is_symlink() and link.readlink().is_relative_to(FOLDER):
            link.unlink()


def wait_for(condition: Callable[[], bool], seconds: float = START_S) -> None:
    """Raise TimeoutError when a condition does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"the loopback cluster did not do it in {seconds:g} s; its logs: {FOLDER}/*.log"
            )
        time.sleep(0.1)


def sacct(*arguments: str) -> list[dict[str, str]]:
    """Rows of the accounting database, jobs and their steps."""
    command = ["sacct", "--parsable2", "--allusers", *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    head, *rows = [line.split("|") for line in shown.splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def squeue(*arguments: str) -> list[list[str]]:
    """Rows of squeue, split at the bar that the format puts between columns."""
    shown = subprocess.run(
        ["squeue", "--noheader", *arguments], capture_output=True, text=True, check=True
    ).stdout
    return [line.split("|") for line in shown.splitlines()]


def jobs() -> list[dict[str, str]]:
    """What the controller remembers of each job, oldest first: JobState, NodeList, Comment, TresPerJob..."""
    shown = subprocess.run(
        ["scontrol", "--oneliner", "show", "jobs"], capture_output=True, text=True, check=True
    ).stdout
    return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in shown.splitlines()]


def batch_script(job: str) -> str:
    """What the controller was given to run."""
    command = ["scontrol", "write", "batch_script", job, "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    problem = why_not()
    if problem is not None:
        sys.exit(problem)
    {"up": up, "up-with-accounts": lambda: up(accounts=True), "down": down}[sys.argv[1]]()
    if sys.argv[1] != "down":
        subprocess.run(["sinfo", "--Node", "--partition=gpu", "--format=%N %T %c cores %m MB %G"], check=True)
