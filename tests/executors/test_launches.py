"""What a launch knows of earlier ones: what they have staged needs no task, and only one is at work at a time."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pytest

from roboscribe.config import AnnotateSettings, ExecutorSettings
from roboscribe.errors import RoboscribeError
from roboscribe.events import EpisodeFailed, EpisodeStaged, RunFinished
from roboscribe.executors.launches import alone, staged_before
from roboscribe.executors.outcome import Outcome
from roboscribe.executors.plan import Plan
from roboscribe.executors.queue import Jobs
from roboscribe.executors.report import Reporter
from roboscribe.executors.run import plan_of
from roboscribe.executors.watch import watch

EPISODES = tuple(range(6))


class Launches:
    """Launches for one dataset, one after the other."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self._time = 0

    def plan(self, tasks: int = 2, seed: int = 0, redo: tuple[str, ...] = ()) -> Plan:
        settings = AnnotateSettings(
            root=self.target, seed=seed, redo=redo, executor=ExecutorSettings(tasks=tasks)
        )
        empty = plan_of(settings, ())
        return plan_of(settings, EPISODES, staged_before(self.target, empty.work, redo=bool(redo)))

    def launched(
        self,
        plan: Plan,
        staged: Collection[int] = (),
        failed: Collection[int] = (),
        found: Collection[int] | None = None,
    ) -> Path:
        """A launch whose tasks tell what they have staged, and whose last job tells what it has found."""
        folder = plan.save(self.target)
        self._time += 1
        os.utime(folder / "plan.json", (self._time, self._time))
        for number, task in enumerate(plan.tasks):
            reporter = Reporter(folder, number)
            for episode in task:
                if episode in staged:
                    reporter.listen(EpisodeStaged(episode, 1, (), ()))
                if episode in failed:
                    reporter.listen(EpisodeFailed(episode, "vqa", "no video"))
            reporter.end()
        if found is not None:
            failed = len(EPISODES) - len(found)
            finished = RunFinished(len(found), failed, 0, 0, 0, 0, 0.0, str(self.target))
            Outcome(finished, tuple(found)).save(folder)
        return folder


@pytest.fixture
def launches(tmp_path: Path) -> Launches:
    return Launches(tmp_path)


def test_what_is_left_is_spread_over_all_tasks(launches: Launches) -> None:
    first = launches.plan(tasks=2)
    assert first.tasks == ((0, 1, 2), (3, 4, 5))
    launches.launched(first, staged=(0, 1, 3), failed=(4,))
    again = launches.plan(tasks=3)
    assert (again.tasks, again.before) == (((2,), (4,), (5,)), (0, 1, 3))
    folder = launches.launched(again, staged=(2,))
    assert (watch(folder).progress.done, watch(folder).progress.episodes) == (4, 6)
    assert launches.plan(tasks=1).tasks == ((4, 5),)


def test_what_the_last_job_did_not_find_is_staged_again(launches: Launches) -> None:
    launches.launched(launches.plan(), staged=EPISODES, found=EPISODES)
    assert launches.plan().tasks == ()
    launches.launched(launches.plan(), found=(0, 1, 2))
    assert launches.plan(tasks=1).tasks == ((3, 4, 5),)


def test_other_work_takes_the_place_of_what_was_staged(launches: Launches) -> None:
    launches.launched(launches.plan(), staged=EPISODES)
    launches.launched(launches.plan(seed=1), staged=(0,))
    assert launches.plan(tasks=1).tasks == (EPISODES,)


def test_what_is_to_be_made_anew_goes_on_until_it_is_and_then_begins_anew(launches: Launches) -> None:
    launches.launched(launches.plan(redo=("vqa",)), staged=(0, 1))
    assert launches.plan(tasks=1, redo=("vqa",)).tasks == ((2, 3, 4, 5),)
    launches.launched(launches.plan(redo=("vqa",)), staged=EPISODES, found=EPISODES)
    assert launches.plan(tasks=1, redo=("vqa",)).tasks == (EPISODES,)


def test_two_launches_at_once_are_refused(
    launches: Launches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alone(tmp_path), pytest.raises(RoboscribeError, match="Another launch"), alone(tmp_path):
        pass
    squeue = tmp_path / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text("#!/bin/sh\necho '8|0|PENDING|Dependency'\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(squeue.parent), prepend=os.pathsep)
    folder = launches.launched(launches.plan())
    Jobs(("7",), 1000, "8").save(folder)
    with pytest.raises(RoboscribeError) as refused, alone(tmp_path):
        pass
    assert "scancel 7 8" in refused.value.hint
