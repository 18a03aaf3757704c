"""A run wherever its settings want it: on this machine, or as the jobs of a cluster, whose outcome is waited for."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from roboscribe.config import AnnotateSettings, ExecutorSettings
from roboscribe.errors import RoboscribeError, SettingsError
from roboscribe.events import Listener, Note, RunFinished, ignore
from roboscribe.executors.jobs import OUTCOME, Stage, Write, write_staged
from roboscribe.executors.plan import Plan, split
from roboscribe.executors.watch import NUMBERS, watch
from roboscribe.origin import installing
from roboscribe.pipeline import VERIFIED, Opened, annotate, open_datasets
from roboscribe.prompts import Prompts

_POLL_SECONDS = 2.0
_LAUNCH_ONLY = ("executor", "hub", "push_to_hub", "episodes")
"""Settings that are no part of a plan."""


def run(
    settings: AnnotateSettings,
    listen: Listener = ignore,
    *,
    wait: Callable[[float], None] = time.sleep,
) -> RunFinished | None:
    """Annotate a dataset where the settings say.

    Args:
        settings: What to do, and where.
        listen: Called with every event of the run.
        wait: Sleeps for a number of seconds.

    Returns:
        What became of it; None where jobs were submitted and not waited for.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand.
    """
    wanted = settings.executor
    if wanted.force_local or wanted.name == "local":
        return annotate(settings, listen)
    if wanted.name == "auto" and shutil.which("sbatch") is None:
        return annotate(settings, listen)
    kind = choose(wanted, len(open_datasets(settings).episodes))
    if kind == "local":
        return annotate(settings, listen)
    settings = _settled(settings)
    return _launch(kind, settings, open_datasets(settings), listen, wait)


def choose(wanted: ExecutorSettings, episodes: int) -> Literal["local", "slurm", "ray"]:
    """Where so many episodes are annotated; with ``auto``, on Slurm from the threshold on."""
    assert wanted.name != "hf-jobs", "the command line sends its own command there"
    if wanted.name == "auto":
        return "slurm" if episodes >= wanted.auto_threshold else "local"
    return wanted.name


def plan_of(settings: AnnotateSettings, episodes: tuple[int, ...]) -> Plan:
    """Which task works on which of these episodes."""
    wanted = settings.executor
    tasks = wanted.tasks or math.ceil(len(episodes) / wanted.episodes_per_task)
    data = {name: value for name, value in asdict(settings).items() if name not in _LAUNCH_ONLY}
    plain: dict[str, Any] = json.loads(json.dumps(data, default=str))
    return Plan(split(episodes, tasks), plain)


def _launch(
    kind: Literal["slurm", "ray"],
    settings: AnnotateSettings,
    opened: Opened,
    listen: Listener,
    wait: Callable[[float], None],
) -> RunFinished | None:
    if "task" in settings.redo_names:
        raise SettingsError(
            "--redo task works on this machine only: what it changes is not known to the job that writes.",
            "Add --executor.force-local.",
        )
    if kind == "slurm" and shutil.which("sbatch") is None:
        raise SettingsError(
            "--executor slurm: there is no `sbatch` here.", "Run it on a login node of the cluster."
        )
    try:
        from roboscribe.executors import cluster
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"--executor {kind} needs packages that are not installed ({error.name}).",
            f"Install them with {installing('cluster')}, or stay on this machine with --executor local.",
        ) from None
    Prompts(settings.prompts)
    opened.source.verify(opened.episodes[:VERIFIED])
    plan = plan_of(settings, opened.episodes)
    folder = plan.save(opened.target)
    (folder / OUTCOME).unlink(missing_ok=True)
    shared = _shared_out(settings, len(plan.tasks))
    stage = Stage(shared, plan.tasks, folder)
    listen(
        Note(
            f"Plan {plan.fingerprint}: {len(opened.episodes)} episodes in {len(plan.tasks)} tasks; {folder}."
        )
    )
    if kind == "ray":
        cluster.on_ray(settings.executor, folder, len(plan.tasks), stage)
        finished = write_staged(settings)
        listen(finished)
        return finished
    name = f"roboscribe-{opened.source.root.name}"
    jobs = cluster.on_slurm(settings.executor, name, folder, len(plan.tasks), stage, Write(settings, folder))
    (folder / NUMBERS).write_text(json.dumps(jobs))
    listen(
        Note(
            f"Submitted jobs {', '.join(jobs)}; `scancel {' '.join(jobs)}` stops them, what is done is kept."
        )
    )
    if not settings.executor.wait:
        return None
    return _await(folder, listen, wait)


def _await(folder: Path, listen: Listener, wait: Callable[[float], None]) -> RunFinished:
    """Show how it goes until the last job has ended, and tell what it told.

    Raises:
        RoboscribeError: It ended without telling anything.
    """
    told = None
    while True:
        seen = watch(folder)
        if seen.progress != told:
            told = seen.progress
            listen(told)
        if seen.is_over:
            break
        wait(_POLL_SECONDS)
    try:
        finished = TypeAdapter(RunFinished).validate_json((folder / OUTCOME).read_bytes())
    except OSError:
        raise RoboscribeError(
            "The last job ended without writing the dataset.",
            f"Its log is in {folder}/write/slurm_logs; the same command goes on.",
        ) from None
    finished = replace(finished, asks=told.asks, spent=told.spent) if told else finished
    listen(finished)
    return finished


def _settled(settings: AnnotateSettings) -> AnnotateSettings:
    """The settings with paths that hold in whatever folder a job runs."""

    def absolute(section: Any) -> Any:
        paths = {item.name: getattr(section, item.name) for item in fields(section)}
        return replace(section, **{k: v.absolute() for k, v in paths.items() if isinstance(v, Path)})

    return absolute(replace(settings, trace=absolute(settings.trace), vlm=absolute(settings.vlm)))


def _shared_out(settings: AnnotateSettings, tasks: int) -> AnnotateSettings:
    """The settings of one task: its share of what may be spent."""
    cost, calls = settings.max_cost, settings.max_calls
    return replace(
        settings,
        max_cost=None if cost is None else cost / tasks,
        max_calls=None if calls is None else max(1, calls // tasks),
        executor=ExecutorSettings(name="local"),
    )
