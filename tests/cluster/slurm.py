"""A real Slurm cluster of one node, this machine, while a block runs: its environment comes out.

Needs root, and the Debian packages slurm-wlm and munge.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PARTITION = "robots"
_CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
SlurmctldPort={port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_min_interval=100000,sched_interval=1,batch_sched_delay=0,defer_batch
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobRequeue=1
MinJobAge=300
DefMemPerCPU=1000
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName={partition} Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
"""


def missing() -> str:
    """What a cluster lacks here; empty when it can be started."""
    programs = ("munged", "slurmctld", "slurmd", "sbatch")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    lacking = [program for program in programs if shutil.which(program, path=path) is None]
    if lacking:
        return f"no {', '.join(lacking)} (Debian packages slurm-wlm and munge)"
    return "" if os.geteuid() == 0 else "not root"


@contextmanager
def slurm_cluster(folder: Path, cpus: int = 2) -> Generator[dict[str, str]]:
    """Environment variables under which `sbatch` reaches the cluster.

    Args:
        folder: For its state and logs.
        cpus: CPUs it gives to jobs.
    """
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    config = folder / "slurm.conf"
    port, node_port = _free_ports(2)
    config.write_text(
        _CONFIG.format(
            host=host,
            folder=folder,
            port=port,
            node_port=node_port,
            cpus=cpus,
            memory=_memory_mb(),
            partition=PARTITION,
        )
    )
    environ = {"SLURM_CONF": str(config), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    _start_munge()
    processes = [
        subprocess.Popen([program, "-D", *more], env=os.environ | environ, stderr=subprocess.DEVNULL)
        for program, more in (("slurmctld", ["-c"]), ("slurmd", ["-c", "-N", host]))
    ]
    try:
        _await_idle(environ)
        yield environ
    finally:
        subprocess.run(["scancel", "--full", "-u", "root"], env=os.environ | environ, check=False)
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _start_munge() -> None:
    if subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode == 0:
        return
    for name in ("/run/munge", "/var/lib/munge", "/var/log/munge"):
        Path(name).mkdir(parents=True, exist_ok=True)
        shutil.chown(name, "munge", "munge")
    subprocess.run(["runuser", "-u", "munge", "--", "/usr/sbin/munged"], check=True)


def _await_idle(environ: dict[str, str]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env=os.environ | environ, capture_output=True, text=True, check=False
        )
        if told.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    raise TimeoutError("the Slurm node did not become idle")


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
