"""Sending a command to Hugging Face Jobs: its arguments go in, a job that does the same and its log come out."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from roboscribe.cli.app import EXIT_ABORTED, EXIT_OK
from roboscribe.cli.flags import flag_types, words_of
from roboscribe.cli.outcome import Pushing, destination_of
from roboscribe.cli.progress import listener
from roboscribe.config import ExecutorSettings, VlmSettings
from roboscribe.errors import SettingsError
from roboscribe.events import Note

if TYPE_CHECKING:
    from roboscribe.executors.hf_jobs import Jobs

_INSTEAD = {
    "root": "Send the dataset with `roboscribe push`, and name it with --repo-id.",
    "jsonl": "Use --executor local.",
    "output-dir": "Leave it out: the job pushes what it makes.",
}


class Sendable(Pushing, Protocol):
    """Arguments of a command that can be sent away."""

    @property
    def executor(self) -> ExecutorSettings: ...
    @property
    def vlm(self) -> VlmSettings: ...
    @property
    def repo_id(self) -> str | None: ...
    @property
    def revision(self) -> str | None: ...


def send(command: str, arguments: Sendable) -> int:
    """Have a job run a command, and show its log unless it is not to be waited for; the exit code.

    Raises:
        RoboscribeError: The job could not do what the command does here, or is not taken.
    """
    from roboscribe.executors.hf_jobs import Jobs, job_of

    words = words_elsewhere(command, arguments)
    destination = destination_of(arguments)
    if destination is None:
        raise SettingsError(
            "--executor hf-jobs needs --push-to-hub: what a job leaves on its disk is lost.",
            "Add it, and --hub.repo-id where the result is not to go to --repo-id.",
        )
    settings = arguments.executor
    jobs = Jobs(settings.hf_namespace)
    jobs.check_dataset(str(arguments.repo_id), arguments.revision)
    machine = jobs.machine(settings.hf_flavor)
    job = job_of(words, arguments.vlm, settings, machine, token=jobs.token, environ=os.environ)
    number = jobs.submit(job, machine.name, settings.hf_timeout)
    with listener(arguments.log_format) as listen:

        def say(text: str) -> None:
            listen(Note(text))

        say(
            f"Sent to Hugging Face as job {jobs.namespace}/{number} on {machine.name}, {machine.price}, for"
            f" {settings.hf_timeout} at most; its result goes to {destination.repo_id}."
        )
        say(_controls(jobs, number))
        return follow(jobs, number, say) if settings.wait else EXIT_OK


def words_elsewhere(command: str, arguments: Sendable) -> list[str]:
    """The words by which another machine does what a command would do here.

    Raises:
        SettingsError: Something in them is on this machine only.
    """
    for flag, _ in flag_types(type(arguments)):
        value = attrgetter(flag.replace("-", "_"))(arguments)
        if isinstance(value, Path) and not flag.startswith("executor."):
            raise SettingsError(
                f"--{flag} is a path of this machine, which a job of Hugging Face does not see.",
                _INSTEAD.get(flag, "Leave it out, or use another executor."),
            )
    model = arguments.vlm.model_id
    if model is not None and Path(model).is_dir():
        raise SettingsError(
            f"--vlm.model-id {model} is a folder of this machine, which a job of Hugging Face does not see.",
            "Name a model on the Hub.",
        )
    settings: Any = arguments
    return [command, *words_of(replace(settings, executor=ExecutorSettings(name="local")))]


def follow(jobs: Jobs, number: str, say: Callable[[str], None]) -> int:
    """Show the log of a job until it is over; its exit code."""
    try:
        ended = jobs.follow(number, lambda line: print(line, flush=True), say)
    except KeyboardInterrupt:
        print(f"\nroboscribe: the job goes on. {_controls(jobs, number)}", file=sys.stderr)
        return EXIT_ABORTED
    if ended.exit_code != EXIT_OK:
        message = f" ({ended.state.message})" if ended.state.message else ""
        say(f"The job failed{message}; {ended.state.url} keeps its log.")
    return ended.exit_code


def show_job(job: str, *, follow_it: bool) -> int:
    """Show how a job stands and the end of its log, or all of its log until it is over; the exit code.

    Raises:
        RoboscribeError: There is no such job.
    """
    from roboscribe.executors.hf_jobs import TAIL, Jobs

    owner, _, number = job.rpartition("/")
    jobs = Jobs(owner or None)
    if follow_it:
        return follow(jobs, number, print)
    state = jobs.state(number)
    for line in deque(jobs.log(number), maxlen=TAIL):
        print(line)
    message = f" ({state.message})" if state.message else ""
    print(f"Job {jobs.namespace}/{number}: {state.stage.lower()}{message} on {state.flavor}; {state.url}")
    return EXIT_OK


def _controls(jobs: Jobs, number: str) -> str:
    job = f"{jobs.namespace}/{number}"
    return f"`roboscribe status --job {job} --watch` shows its log, `hf jobs cancel {job}` stops it."
