"""The cluster: the tasks of a plan go in, jobs of Slurm or Ray that work on them come out.

datatrove launches, queues and resumes them; no other module knows it.
"""

from __future__ import annotations

import math
import shlex
import subprocess
import sys
from collections.abc import Callable
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
    settings: ExecutorSettings, name: str, folder: Path, tasks: int, work: Work, finish: Work
) -> tuple[str, ...]:
    """Submit an array of jobs, and one that finishes the run once all of them have ended, however they did.

    Args:
        settings: What the cluster is asked for.
        name: Of the jobs.
        folder: Where their logs and completion marks go; both are read by a relaunch.
        tasks: Number of tasks.
        work: Does a task's work.
        finish: Does the work of the last job.

    Returns:
        Numbers of the jobs, the last one's last.

    Raises:
        RoboscribeError: Slurm does not take them.
    """
    common: dict[str, Any] = {
        "time": settings.slurm_time,
        "partition": settings.slurm_partition,
        "cpus_per_task": settings.slurm_cpus,
        "mem_per_cpu_gb": math.ceil(settings.slurm_mem / settings.slurm_cpus),
        "qos": settings.slurm_qos or "",
        "env_command": _environment(settings),
        "sbatch_args": {"account": settings.slurm_account},
        "mail_type": "NONE",
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
        depends=stage,
        run_on_dependency_fail=True,
        skip_completed=False,
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
    return tuple(str(job) for job in (stage.job_id, last.job_id) if job not in (None, -1))


def on_ray(settings: ExecutorSettings, folder: Path, tasks: int, work: Work) -> None:
    """Have the tasks done on a Ray cluster, and wait for them."""
    logger.disable("datatrove")
    RayPipelineExecutor(
        [Task(work)],
        tasks=tasks,
        workers=settings.workers or -1,
        cpus_per_task=settings.slurm_cpus,
        mem_per_cpu_gb=math.ceil(settings.slurm_mem / settings.slurm_cpus),
        gpus_per_task=settings.slurm_gpus,
        logging_dir=str(folder / "tasks"),
    ).run()


def _environment(settings: ExecutorSettings) -> str:
    """The shell command after which a job finds this program."""
    if settings.slurm_env_command is not None:
        return settings.slurm_env_command
    if settings.slurm_venv is not None:
        return f"source {shlex.quote(str(settings.slurm_venv / 'bin' / 'activate'))}"
    return f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
