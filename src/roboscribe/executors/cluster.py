"""The cluster: the tasks of a plan go in, jobs of Slurm or Ray that work on them come out.

datatrove launches, queues and resumes them; no other module knows it.
"""

from __future__ import annotations

import logging
import math
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from datatrove.executor import RayPipelineExecutor, SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from roboscribe.config import ExecutorSettings
from roboscribe.errors import RoboscribeError, first_line
from roboscribe.executors.queue import Jobs

Work = Callable[[int], None]
"""Does the work of a task, by its number; raises when some of it is left undone. Lies in a module of its own, for
jobs load it by name."""

_ADDRESS = "RAY_ADDRESS"
_START_RAY = f"Start one with `ray start --head`, or name one with the environment variable {_ADDRESS}."
_CONNECT_SECONDS = 5.0
_JOIN_SECONDS = 60.0


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

        datatrove works in a child of Ray's worker, which would outlive it and ask on when its launch is long gone; and
        were it killed, for want of memory above all, datatrove would wait for it for ever. So it has a child of its
        own do the work.

        Raises:
            ChildProcessError: The work was not done, and why has been told, or it was killed.
        """
        parent = os.getppid()
        child = os.fork()
        if child == 0:
            self._work_and_exit(rank)
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            # In Slurm's words, see ``ended_by_itself``; datatrove adds them to the log that it keeps of the task.
            how = signal.strsignal(-code) if code < 0 else f"Exited with exit code {code}"
            raise ChildProcessError(f"task {rank}: {how}")
        return ()

    def _work_and_exit(self, rank: int) -> NoReturn:
        code = 1
        try:
            threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
            self.work(rank)
            code = 0
        except BaseException:  # noqa: BLE001 - nothing may get past the end of this process
            traceback.print_exc()
        finally:
            os._exit(code)


class Slurm(SlurmPipelineExecutor):
    """Jobs of Slurm, without those that datatrove adds to sum up what each task has counted.

    Nobody reads these sums, and after a failed task such a job would wait in the queue for ever.
    """

    def launch_merge_stats(self) -> None:
        """Nothing."""

    def get_sbatch_args(self, max_array: int = 1) -> dict[str, Any]:
        """The arguments that have a value; the others are left to the cluster."""
        return {key: value for key, value in super().get_sbatch_args(max_array).items() if value is not None}


@dataclass(frozen=True)
class Batch:
    """Tasks that do the same kind of work, side by side as far as there is room.

    Attributes:
        name: Of the folder for what datatrove and Slurm keep of them, in that of the plan.
        tasks: Their number; nothing is launched for none.
        work: Does a task's work.
        gpus: GPUs of each.
    """

    name: str
    tasks: int
    work: Work
    gpus: int = 0


def on_slurm(settings: ExecutorSettings, name: str, folder: Path, batches: Sequence[Batch]) -> Jobs:
    """Submit an array of jobs for each batch, which begins once all of the one before have ended, however they did.

    Which tasks are needed is the plan's to say, so none is skipped for a mark of an earlier launch.

    Args:
        settings: What the cluster is asked for.
        name: Of the jobs.
        folder: Where their logs go.
        batches: The tasks of the plan, what is done after them, and the one job that ends the run.

    Returns:
        The jobs.

    Raises:
        RoboscribeError: Slurm does not take them.
    """
    numbers: list[str] = []
    job: Slurm | None = None
    for batch in batches:
        if not batch.tasks:
            continue
        job = Slurm(
            [Task(batch.work)],
            tasks=batch.tasks,
            workers=settings.workers or -1,
            gpus_per_task=batch.gpus,
            job_name=name if batch is batches[0] else f"{name}-{batch.name}",
            max_array_size=settings.max_array,
            logging_dir=str(folder / batch.name),
            depends=job,
            run_on_dependency_fail=True,
            time=settings.slurm_time,
            partition=settings.slurm_partition,
            cpus_per_task=settings.slurm_cpus,
            mem_per_cpu_gb=math.ceil(settings.slurm_mem / settings.slurm_cpus),
            qos=settings.slurm_qos or "",
            env_command=_environment(settings),
            sbatch_args={"account": settings.slurm_account},
            mail_type="NONE",
            skip_completed=False,
            job_id_retriever=partial(_keep_number, numbers),
        )
    assert job is not None, "one job ends the run"
    # What it says of launching goes among this program's output; in jobs it says where they are.
    logger.disable("datatrove")
    try:
        job.run()
    except subprocess.CalledProcessError as error:
        if numbers:
            # Those that it has taken would do the work of the next launch, too.
            subprocess.run(["scancel", *numbers], check=False)
        raise RoboscribeError(
            f"Slurm does not take the jobs: sbatch ended with code {error.returncode}, and says why above.",
            "Mend the --executor flags, or stay on this machine with --executor local.",
        ) from None
    arrays = math.ceil(batches[0].tasks / settings.max_array)
    return Jobs(tuple(numbers[:arrays]), settings.max_array, numbers[-1], tuple(numbers[arrays:-1]))


@contextmanager
def ray_joined() -> Generator[None]:
    """Around work on the Ray cluster of this machine, or the one that ``RAY_ADDRESS`` names.

    Raises:
        RoboscribeError: There is none.
    """
    import ray

    _check_ray()
    try:
        _join(for_workers(os.environ))
    except (ConnectionError, ValueError, TimeoutError) as error:
        address = os.environ.get(_ADDRESS)
        told = f" at {_ADDRESS}={address}: {first_line(error)}" if address else ""
        raise RoboscribeError(f"--executor ray: no Ray cluster is up{told}.", _START_RAY) from None
    try:
        yield
    finally:
        ray.shutdown()


def on_ray(settings: ExecutorSettings, folder: Path, batches: Sequence[Batch]) -> None:
    """Have batches of tasks done on the Ray cluster that was joined, one after the other, however their tasks end.

    Args:
        settings: What the cluster is asked for.
        folder: Where logs go.
        batches: The tasks.
    """
    logger.disable("datatrove")
    for batch in batches:
        if batch.tasks:
            RayPipelineExecutor(
                [RayTask(batch.work)],
                tasks=batch.tasks,
                workers=settings.workers or -1,
                cpus_per_task=settings.slurm_cpus,
                mem_per_cpu_gb=math.ceil(settings.slurm_mem / settings.slurm_cpus),
                gpus_per_task=batch.gpus,
                logging_dir=str(folder / batch.name),
                skip_completed=False,
            ).run()


def _check_ray() -> None:
    """Make sure that something listens where the cluster is to be, as Ray itself tries for minutes.

    Raises:
        RoboscribeError: Nothing does.
    """
    named = os.environ.get(_ADDRESS, "").strip()
    if not named or named == "auto":
        # Where Ray keeps the address of the cluster that was last started on this machine.
        current = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
        address, where = current.read_text().strip() if current.is_file() else "", str(current)
    else:
        address, where = named, _ADDRESS
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise RoboscribeError(
            f"--executor ray: nothing answers at {address}, where {where} says that the Ray cluster is:"
            f" {error.strerror or error}.",
            _START_RAY,
        ) from None


def _join(environ: Mapping[str, str]) -> None:
    """Join the cluster in a thread that is given up where something else listens at its address: Ray would wait on.

    Raises:
        ConnectionError: There is none.
        TimeoutError: It did not answer in time.
        ValueError: The address is none.
    """
    import ray

    joined: Future[None] = Future()

    def join() -> None:
        try:
            ray.init(
                "auto", logging_level=logging.ERROR, log_to_driver=False, runtime_env={"env_vars": environ}
            )
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            joined.set_exception(error)
        else:
            joined.set_result(None)

    threading.Thread(target=join, daemon=True).start()
    try:
        joined.result(_JOIN_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"no answer within {_JOIN_SECONDS:g} s") from None


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
