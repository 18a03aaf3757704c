"""Where the work of a run is done: on this machine, on a cluster, or at Hugging Face."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from roboscribe.config.checks import at_least
from roboscribe.errors import SettingsError

ExecutorName = Literal["auto", "local", "slurm", "ray", "hf-jobs"]
"""Where a run's work is done; auto decides by the number of episodes and what is there."""

_TIME = re.compile(r"(\d+-)?\d{1,3}(:\d{1,2}){0,2}")
_DURATION = re.compile(r"\d+(\.\d+)?[smhd]?")


@dataclass(frozen=True)
class ExecutorSettings:
    """Where the work is done, and how it is shared out there; nothing of it changes a row."""

    name: ExecutorName = "auto"
    """On this machine (local), as jobs of a Slurm cluster, as tasks of a Ray cluster, or as a job of Hugging Face
    (hf-jobs); auto takes Slurm from --executor.auto-threshold episodes on where there is `sbatch`, and this machine
    otherwise."""
    force_local: bool = False
    """Stay on this machine whatever the number of episodes."""
    auto_threshold: int = 32
    """Episodes from which on auto takes Slurm."""
    tasks: int | None = None
    """Tasks to share the episodes out to; one for every --executor.episodes-per-task when left out."""
    episodes_per_task: int = 64
    """Episodes of one task."""
    write_tasks: int | None = None
    """Tasks to share the data files out to that are to be written, once all is staged; one for every 2 million frames
    when left out. Where there are fewer than two, one job writes them all."""
    workers: int | None = None
    """Tasks at work at once, as many as the cluster gives when left out. On this machine, processes that share a long
    run of the builtin model, one for each core when left out; 1 is this process alone."""
    slurm_partition: str | None = None
    """Partition of the jobs; the cluster's own default when left out."""
    slurm_time: str = "24:00:00"
    """Longest a job may take, as Slurm writes it; what is finished by then is kept."""
    slurm_cpus: int = 2
    """CPUs of a task."""
    slurm_mem: int = 8
    """GB of memory of a task."""
    slurm_gpus: int = 0
    """GPUs of a task, for a model that runs in it."""
    slurm_qos: str | None = None
    """Quality of service."""
    slurm_account: str | None = None
    """Account to charge."""
    slurm_venv: Path | None = None
    """Virtual environment that jobs activate; the one of this command when left out."""
    slurm_env_command: str | None = None
    """Shell command by which jobs make their environment instead, such as `module load python/3.11`."""
    max_array: int = 1000
    """Most jobs of one array; more tasks go into several."""
    wait: bool = True
    """Show how it goes until the last job has ended; otherwise return at once, and `roboscribe status` tells."""
    hf_flavor: str = "cpu-basic"
    """Machine of a Hugging Face job, such as `a10g-large`; `hf jobs hardware` lists them with their prices."""
    hf_image: str | None = None
    """Docker image of a Hugging Face job that has Roboscribe in it; when left out, it is installed first, into
    `vllm/vllm-openai` where vLLM is needed and `python:3.12` otherwise."""
    hf_install: str | None = None
    """What pip installs in a Hugging Face job, such as `roboscribe[vllm] @ git+https://…`; when left out, this release
    or commit with the extras that the model needs, or nothing where --executor.hf-image is given."""
    hf_timeout: str = "24h"
    """Longest a Hugging Face job may take, such as `90m` or `2d`; what it has not pushed by then is lost."""
    hf_namespace: str | None = None
    """User or organisation that a Hugging Face job runs for and is charged to; you when left out."""
    hf_secrets: tuple[str, ...] = ()
    """Variables of this environment that a Hugging Face job gets as secrets, besides HF_TOKEN and the API key."""

    def __post_init__(self) -> None:
        for flag, value in (
            ("auto-threshold", self.auto_threshold),
            ("tasks", self.tasks),
            ("episodes-per-task", self.episodes_per_task),
            ("write-tasks", self.write_tasks),
            ("workers", self.workers),
            ("slurm-cpus", self.slurm_cpus),
            ("slurm-mem", self.slurm_mem),
            ("max-array", self.max_array),
        ):
            if value is not None:
                at_least(f"executor.{flag}", value, 1)
        at_least("executor.slurm-gpus", self.slurm_gpus, 0)
        if not _TIME.fullmatch(self.slurm_time):
            raise SettingsError(
                f"--executor.slurm-time is {self.slurm_time!r}, which Slurm does not read.",
                "Write hours:minutes:seconds, or days-hours.",
            )
        if not _DURATION.fullmatch(self.hf_timeout):
            raise SettingsError(
                f"--executor.hf-timeout is {self.hf_timeout!r}, which is no duration.",
                "Write 90m, 12h or 2d.",
            )
        if self.force_local and self.name not in ("auto", "local"):
            raise SettingsError(
                f"--executor.force-local and --executor {self.name} exclude each other.",
                "Leave one of the two out.",
            )
        for flag, name in (
            ("partition", self.slurm_partition),
            ("qos", self.slurm_qos),
            ("account", self.slurm_account),
            ("env-command", self.slurm_env_command),
        ):
            if name is not None and not name.strip():
                raise SettingsError(f"--executor.slurm-{flag} is empty.", "Name it, or leave it out.")
        if self.slurm_venv is not None and self.slurm_env_command is not None:
            raise SettingsError(
                "--executor.slurm-venv and --executor.slurm-env-command both make the jobs' environment.",
                "Give one of the two.",
            )
        activate = self.slurm_venv and self.slurm_venv.expanduser() / "bin" / "activate"
        if activate and not activate.is_file():
            raise SettingsError(
                f"--executor.slurm-venv {self.slurm_venv}: there is no {activate}.",
                "Name a virtual environment; one that only the nodes see, with --executor.slurm-env-command"
                ' "source …".',
            )
