"""The cluster: the tasks of a plan go in, jobs of Slurm or Ray that work on them come out.

datatrove launches, queues and resumes them; no other module knows it.
"""

from __future__ import annotations

import logging
import math
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from datatrove.executor import RayPipelineExecutor, SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from roboscribe.config import ExecutorSettings
from roboscribe.errors import RoboscribeError

Work = Callable[[int], None]
"""Does the work of a task, by its number; raises when some of it is left undone. Lies in a module of its own, for
jobs load it by name."""


class Task(PipelineStep):
    """One task of a plan, as a step of datatrove's: there is no data to pass on."""

    name = "roboscribe"
    type = "annotation"

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> tuple[()]:
        """Do the work of task ``rank``."""
        self.work(rank)
        return ()


class RayTask(Task):
    """One task of a plan on Ray."""

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> tuple[()]:
        """Do the work of task ``rank``, as long as Ray wants it done.

        datatrove works in a child of Ray's worker, which would outlive it and ask on when its launch is long gone.
        """
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
        return super().run(data, rank, world_size)


class Slurm(SlurmPipelineExecutor):
    """Jobs of Slurm, without those that datatrove adds to sum up what each task has counted.

    Nobody reads these sums, and after a failed task such a job would wait in the queue for ever.
    """

    def launch_merge_stats(self) -> None:
        """Nothing."""

    def get_sbatch_args(self, max_array: int = 1) -> dict[str, Any]:
        """The arguments that have a value; the others are left to the cluster."""
        return {key: value for key, value in super().get_sbatch_args(max_array).items() if value is not None}


def on_slurm(
    settings: ExecutorSettings,
    name: str,
    folder: Path,
    tasks: int,
    work: Work,
    finish: Work,
    *,
    gpus_to_finish: int,
) -> tuple[str, ...]:
    """Submit an array of jobs, and one that finishes the run once all of them have ended, however they did.

    Which tasks are needed is the plan's to say, so none is skipped for a mark of an earlier launch.

    Args:
        settings: What the cluster is asked for.
        name: Of the jobs.
        folder: Where their logs go.
        tasks: Number of tasks; there is only the last job where there are none.
        work: Does a task's work.
        finish: Does the work of the last job.
        gpus_to_finish: GPUs of the last job.

    Returns:
        Numbers of the jobs, the last one's last.

    Raises:
        RoboscribeError: Slurm does not take them.
    """
    numbers: list[str] = []
    common: dict[str, Any] = {
        "time": settings.slurm_time,
        "partition": settings.slurm_partition,
        "cpus_per_task": settings.slurm_cpus,
        "mem_per_cpu_gb": math.ceil(settings.slurm_mem / settings.slurm_cpus),
        "qos": settings.slurm_qos or "",
        "env_command": _environment(settings),
        "sbatch_args": {"account": settings.slurm_account},
        "mail_type": "NONE",
        "skip_completed": False,
        "job_id_retriever": partial(_keep_number, numbers),
    }
    stage = Slurm(
        [Task(work)],
        tasks=tasks,
        workers=settings.workers or -1,
        gpus_per_task=settings.slurm_gpus,
        job_name=name,
        max_array_size=settings.max_array,
        logging_dir=str(folder / "tasks"),
        **common,
    )
    last = Slurm(
        [Task(finish)],
        tasks=1,
        job_name=f"{name}-write",
        logging_dir=str(folder / "write"),
        gpus_per_task=gpus_to_finish,
        depends=stage if tasks else None,
        run_on_dependency_fail=True,
        **common,
    )
    # What it says of launching goes among this program's output; in jobs it says where they are.
    logger.disable("datatrove")
    try:
        last.run()
    except subprocess.CalledProcessError as error:
        raise RoboscribeError(
            f"Slurm does not take the jobs: sbatch ended with code {error.returncode}, and says why above.",
            "Mend the --executor flags, or stay on this machine with --executor local.",
        ) from None
    return tuple(numbers)


def on_ray(settings: ExecutorSettings, folder: Path, tasks: int, work: Work) -> None:
    """Have the tasks done on a Ray cluster, and wait for them, however they end.

    Raises:
        RoboscribeError: There is no cluster.
    """
    import ray

    logger.disable("datatrove")
    environ = for_workers(os.environ)
    try:
        ray.init("auto", logging_level=logging.ERROR, log_to_driver=False, runtime_env={"env_vars": environ})
    except ConnectionError:
        raise RoboscribeError(
            "--executor ray: no Ray cluster is up.",
            "Start one with `ray start --head`, or name one with the environment variable RAY_ADDRESS.",
        ) from None
    try:
        RayPipelineExecutor(
            [RayTask(work)],
            tasks=tasks,
            workers=settings.workers or -1,
            cpus_per_task=settings.slurm_cpus,
            mem_per_cpu_gb=math.ceil(settings.slurm_mem / settings.slurm_cpus),
            gpus_per_task=settings.slurm_gpus,
            logging_dir=str(folder / "tasks"),
            skip_completed=False,
        ).run()
    finally:
        ray.shutdown()


def for_workers(environ: Mapping[str, str]) -> dict[str, str]:
    """What tasks on Ray get of the environment of a command, as jobs of Slurm do: keys of servers, caches, proxies.

    Which GPUs a task sees is for Ray to say: those of the command would be the same ones for every task.
    """
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("RAY_") and not name.endswith("_VISIBLE_DEVICES")
    }


def _end_with(parent: int) -> None:
    """End this process, at once, when its parent has ended."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGKILL)


def _keep_number(numbers: list[str], told: str) -> str:
    """The number of a job, which ends what `sbatch` tells; there may be several arrays, and each is to be known."""
    numbers.append(told.split()[-1])
    return numbers[-1]


def _environment(settings: ExecutorSettings) -> str:
    """The shell command after which a job finds this program."""
    if settings.slurm_env_command is not None:
        return settings.slurm_env_command
    if settings.slurm_venv is not None:
        return f"source {shlex.quote(str(settings.slurm_venv / 'bin' / 'activate'))}"
    return f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
