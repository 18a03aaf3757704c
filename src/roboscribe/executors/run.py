"""A run wherever its settings want it: on this machine, or as the jobs of a cluster, whose outcome is waited for."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, fields, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from roboscribe.config import AnnotateSettings, DialogueSettings, ExecutorSettings
from roboscribe.dataset import Dataset
from roboscribe.errors import RoboscribeError, SettingsError
from roboscribe.events import Listener, Note, RunFinished, ignore
from roboscribe.executors.commands import (
    Settings,
    asks_when_writing,
    check,
    is_numbered,
    is_redone,
    open_named,
    work,
)
from roboscribe.executors.jobs import Number, Prepare, Stage, Write
from roboscribe.executors.launches import alone, clear, staged_before
from roboscribe.executors.plan import Plan, split, split_by_size
from roboscribe.executors.queue import tail_of
from roboscribe.executors.report import FILES, NUMBER, TASKS, TIME_WIDTH, WRITE, log_path
from roboscribe.executors.watch import Watch, watch
from roboscribe.hirobot.dialogue import target_of
from roboscribe.models.select import runs_here
from roboscribe.opened import VERIFIED
from roboscribe.origin import installing
from roboscribe.plain import counted
from roboscribe.staging.cores import cores

if TYPE_CHECKING:
    from roboscribe.executors.cluster import Batch

_POLL_SECONDS = 2.0
FRAMES_OF_WRITE_TASK = 2_000_000
"""Frames for which a task makes data files, when nobody says otherwise: about a minute's work, many times what it takes
to start one."""
_LATE_SECONDS = 60.0
"""How much later than its end one may see what a job has written, over a network file system."""
_LAUNCH_ONLY = ("executor", "hub", "push_to_hub", "episodes")
"""Settings that are no part of a plan."""


def run(
    settings: Settings,
    listen: Listener = ignore,
    *,
    wait: Callable[[float], None] = time.sleep,
) -> RunFinished | None:
    """Do what a command is to do where its settings say.

    Args:
        settings: What to do, and where.
        listen: Called with every event of the run.
        wait: Sleeps for a number of seconds.

    Returns:
        What became of it; None where jobs were submitted and not waited for.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand.
    """
    kind = _place(settings)
    if kind == "local":
        return work(settings, listen, processes=settings.executor.workers or cores())
    return _launch(kind, _settled(settings), listen, wait)


def _place(settings: Settings) -> Literal["local", "slurm", "ray"]:
    """Where the settings want it; nothing is opened where that is plain."""
    wanted = settings.executor
    if wanted.force_local or wanted.name == "local" or (wanted.name == "auto" and not shutil.which("sbatch")):
        return "local"
    return choose(wanted, len(open_named(settings).episodes))


def choose(wanted: ExecutorSettings, episodes: int) -> Literal["local", "slurm", "ray"]:
    """Where so many episodes are annotated; with ``auto``, on Slurm from the threshold on."""
    assert wanted.name != "hf-jobs", "the command line sends its own command there"
    if wanted.name == "auto":
        return "slurm" if episodes >= wanted.auto_threshold else "local"
    return wanted.name


def plan_of(settings: Settings, episodes: tuple[int, ...], staged: frozenset[int] = frozenset()) -> Plan:
    """Which task works on which of these episodes, but for those that are staged."""
    wanted = settings.executor
    left = [episode for episode in episodes if episode not in staged]
    tasks = wanted.tasks or math.ceil(len(left) / wanted.episodes_per_task)
    return replace(
        _undivided(settings), tasks=split(left, tasks), before=tuple(sorted(staged & set(episodes)))
    )


def files_of(settings: Settings, source: Dataset) -> tuple[tuple[int, int], ...]:
    """Which task makes which data files; none where the job that writes the dataset makes all of them."""
    shards = source.shards()
    frames = sum(map(source.episode_length, source.episode_indices))
    tasks = min(settings.executor.write_tasks or frames // FRAMES_OF_WRITE_TASK, len(shards))
    return split_by_size([shard.path.stat().st_size for shard in shards], tasks) if tasks > 1 else ()


def _batches(settings: Settings, plan: Plan, folder: Path, cluster: ModuleType) -> list[Batch]:
    """All that is launched: what stages, where data files are shared out what makes them, and what writes."""
    asking = asks_when_writing(settings)
    numbering = is_numbered(settings) and bool(plan.files)
    shared = _shared_out(settings, len(plan.tasks) + asking * (1 + numbering))
    gpus = settings.executor.slurm_gpus
    return [
        cluster.Batch(TASKS, len(plan.tasks), Stage(shared, plan.tasks, folder), gpus),
        cluster.Batch(NUMBER, int(numbering), Number(shared, folder), gpus * asking),
        cluster.Batch(FILES, len(plan.files), Prepare(shared, plan.files, folder)),
        cluster.Batch(WRITE, 1, Write(shared, folder), gpus * asking),
    ]


def _undivided(settings: Settings) -> Plan:
    """The plan of the settings, without any task."""
    data = {name: value for name, value in asdict(settings).items() if name not in _LAUNCH_ONLY}
    plain: dict[str, Any] = json.loads(json.dumps(data, default=str))
    return Plan((), plain)


def _launch(
    kind: Literal["slurm", "ray"], settings: Settings, listen: Listener, wait: Callable[[float], None]
) -> RunFinished | None:
    _check(kind, settings)
    cluster = _cluster(kind)
    opened = open_named(settings)
    check(settings, opened)
    opened.source.verify(opened.episodes[:VERIFIED])
    with cluster.ray_joined() if kind == "ray" else nullcontext(), alone(opened.target):
        staged = staged_before(opened.target, _undivided(settings).work, redo=is_redone(settings))
        plan = plan_of(settings, opened.episodes, staged)
        plan = replace(plan, files=files_of(settings, opened.source))
        folder = plan.save(opened.target)
        clear(folder)
        batches = _batches(settings, plan, folder, cluster)
        before = f", {len(plan.before)} are staged already" if plan.before else ""
        left = counted(len(plan.episodes) - len(plan.before), "episode")
        tasks = counted(len(plan.tasks), "task")
        listen(Note(f"Plan {plan.fingerprint}: {left} in {tasks}{before}; {folder}."))
        listen(Note(f"`roboscribe status --root {opened.target} --watch` shows how it goes, node by node."))
        if not settings.executor.slurm_gpus and runs_here(settings.vlm):
            listen(Note("Each task runs the model itself, and --executor.slurm-gpus 0 gives it no GPU."))
        if kind == "ray":
            cluster.on_ray(settings.executor, folder, batches)
            return _told(watch(folder), listen)
        name = f"roboscribe-{opened.source.root.name}"
        jobs = cluster.on_slurm(settings.executor, name, folder, batches)
        jobs.save(folder)
    stop = f"`scancel {' '.join(jobs.numbers)}` stops them, what is done is kept."
    listen(Note(f"Submitted jobs {', '.join(jobs.numbers)}; {stop}"))
    if not settings.executor.wait:
        return None
    return _told(_await(folder, listen, wait), listen)


def _check(kind: Literal["slurm", "ray"], settings: Settings) -> None:
    """Refuse what cannot be done there.

    Raises:
        SettingsError: It cannot.
    """
    if isinstance(settings, AnnotateSettings) and "task" in settings.redo_names:
        raise SettingsError(
            "--redo task works on this machine only: what it changes is not known to the job that writes.",
            "Add --executor.force-local.",
        )
    if kind == "slurm" and shutil.which("sbatch") is None:
        raise SettingsError(
            "--executor slurm: there is no `sbatch` here.", "Run it on a login node of the cluster."
        )
    if settings.push_to_hub and not settings.executor.wait:
        raise SettingsError(
            "--push-to-hub and --executor.wait=false exclude each other: this command pushes once jobs have ended.",
            "Leave one of the two out; `roboscribe push` sends the dataset later.",
        )


def _cluster(kind: Literal["slurm", "ray"]) -> ModuleType:
    """What launches there.

    Raises:
        SettingsError: Its packages are not installed.
    """
    try:
        if kind == "ray":
            import_module("ray")
        return import_module("roboscribe.executors.cluster")
    except ModuleNotFoundError as error:
        extra = "ray" if kind == "ray" else "cluster"
        raise SettingsError(
            f"--executor {kind} needs packages that are not installed ({error.name}).",
            f"Install them with {installing(extra)}, or stay on this machine with --executor local.",
        ) from None


def _await(folder: Path, listen: Listener, wait: Callable[[float], None]) -> Watch:
    """Show how it goes until the last job has ended, and what it tells is to be seen here."""
    told = None
    late = 0.0
    while True:
        seen = watch(folder)
        if seen.progress != told:
            told = seen.progress
            listen(told)
        if seen.is_over and (seen.outcome or seen.writing_failed or late >= _LATE_SECONDS):
            return seen
        late += _POLL_SECONDS if seen.is_over else 0.0
        wait(_POLL_SECONDS)


def _told(seen: Watch, listen: Listener) -> RunFinished:
    """Tell what the last job told.

    Raises:
        RoboscribeError: It ended without telling anything.
    """
    root = seen.folder.parents[2]
    if seen.outcome is None and seen.is_unknown:
        raise RoboscribeError(
            "Slurm cannot be asked how the last job stands.",
            f"Jobs that are left go on; `roboscribe status --root {root} --watch` shows how.",
        )
    if seen.outcome is None:
        raise RoboscribeError(
            f"The last job ended without writing the dataset{_last_word(seen.folder)}",
            f"`roboscribe status --root {root} --task write` shows its log; the same command goes on.",
        )
    progress = seen.progress
    finished = replace(seen.outcome.finished, asks=progress.asks, spent=progress.spent)
    listen(finished)
    return finished


def _last_word(folder: Path) -> str:
    """What the last job told last, to end a sentence with."""
    lines = tail_of(log_path(folder / WRITE, 0)).splitlines()
    return f": {lines[-1][TIME_WIDTH:]}" if lines else "."


def _settled(settings: Settings) -> Settings:
    """The settings with paths that hold in whatever folder a job runs."""

    def absolute(section: Any) -> Any:
        paths = {item.name: getattr(section, item.name) for item in fields(section)}
        return replace(
            section, **{k: v.expanduser().absolute() for k, v in paths.items() if isinstance(v, Path)}
        )

    settings = absolute(replace(settings, vlm=absolute(settings.vlm)))
    if isinstance(settings, AnnotateSettings):
        settings = replace(settings, trace=absolute(settings.trace))
    if isinstance(settings, DialogueSettings):
        settings = replace(settings, output_dir=target_of(settings).absolute())
    return settings


def _shared_out(settings: Settings, jobs: int) -> Settings:
    """The settings of one job: its share of what may be spent."""
    cost, calls = settings.max_cost, settings.max_calls
    return replace(
        settings,
        max_cost=None if cost is None else cost / max(1, jobs),
        max_calls=None if calls is None else max(1, calls // max(1, jobs)),
        executor=ExecutorSettings(name="local"),
    )
