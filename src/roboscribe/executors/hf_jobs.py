"""Hugging Face Jobs: a command of ours goes in, a job that runs it, its log and how it ended come out."""

from __future__ import annotations

import shlex
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from roboscribe import __version__
from roboscribe.config import ExecutorSettings, VlmSettings
from roboscribe.errors import RoboscribeError, SettingsError, cause, closest
from roboscribe.models.select import choose
from roboscribe.origin import checkout, requirement

TAIL = 20
"""Lines that are kept, or shown, of the end of a log."""

_NEEDED = (1, 20)
"""The least release of huggingface_hub; earlier ones take Ctrl-C for the end of a log."""
_IMAGE = "python:3.12"
_IMAGE_WITH_VLLM = "vllm/vllm-openai:latest"
_ENDED = "roboscribe: ended with code "
"""Begins the last line of a job that came to its end: Hugging Face keeps no exit code."""
_OVER = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
_POLL_SECONDS = 2.0
_URL = "OPENAI_BASE_URL"
_HERE = ("localhost", "127.0.0.1", "0.0.0.0", "::1")
_PIP = "python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore"
_LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may run jobs and write datasets."
_HINTS = {
    401: _LOG_IN,
    402: "Add credit at https://huggingface.co/settings/billing, or name who pays with --executor.hf-namespace.",
    403: _LOG_IN,
    404: "Check the number of the job and whose it is, and --executor.hf-namespace.",
}


@dataclass(frozen=True)
class Machine:
    """A kind of machine that jobs run on.

    Attributes:
        name: Its flavor.
        has_gpu: Whether it has a GPU.
        price: In words, such as ``1.50 USD an hour``.
    """

    name: str
    has_gpu: bool
    price: str


@dataclass(frozen=True)
class Job:
    """What is sent to Hugging Face.

    Attributes:
        image: Docker image.
        command: Words that run in it.
        secrets: Environment variables that nobody gets to read.
        environment: Other environment variables.
    """

    image: str
    command: tuple[str, ...]
    secrets: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """How a job stands.

    Attributes:
        stage: ``SCHEDULING``, ``RUNNING``, ``COMPLETED``, ``CANCELED``, ``ERROR`` or ``DELETED``.
        message: What Hugging Face says of it; may be empty.
        flavor: Machine it runs on.
        url: Page that shows it.
    """

    stage: str
    message: str
    flavor: str
    url: str

    @property
    def is_over(self) -> bool:
        """Whether it will not run any more."""
        return self.stage in _OVER


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended.

    Attributes:
        state: Its last one.
        log: The last lines of its log.
    """

    state: State
    log: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """Of the command that it ran; 1 where that did not come to its end."""
        for line in reversed(self.log):
            if line.startswith(_ENDED):
                return int(line.removeprefix(_ENDED))
        return 0 if self.state.stage == "COMPLETED" else 1


def job_of(
    words: Sequence[str],
    vlm: VlmSettings,
    settings: ExecutorSettings,
    machine: Machine,
    *,
    token: str,
    environ: Mapping[str, str],
) -> Job:
    """The job that runs a command of ours.

    Args:
        words: The command with its flags.
        vlm: Which model it asks.
        settings: Image, what is installed into it, and secrets.
        machine: What it runs on.
        token: Of the Hugging Face Hub.
        environ: Variables of this environment, some of which the job gets.

    Raises:
        SettingsError: The model cannot be reached or run from there, or a secret is not at hand, or nobody says what to
            install.
    """
    gpus = ("0",) if machine.has_gpu else ()
    backend = choose(vlm, environ=environ, gpus=lambda: gpus, installed=lambda package: True).backend
    extras = () if backend == "builtin" else (backend,)
    if vlm.serve and vlm.serve_command is None:
        extras = ("openai", "vllm")
    if "vllm" in extras and not machine.has_gpu:
        raise SettingsError(
            f"vLLM needs a GPU, and --executor.hf-flavor {machine.name} has none.",
            "Take one that has; `hf jobs hardware` lists them with their prices.",
        )
    environment = {_URL: environ[_URL]} if backend == "openai" and environ.get(_URL) else {}
    for url in (*vlm.endpoints, *environment.values()):
        if urlsplit(url).hostname in _HERE:
            raise SettingsError(
                f"The model's server, {url}, is this machine, which a job of Hugging Face does not reach.",
                "Name one that is on the Internet, or have the job start one with --vlm.serve.",
            )
    secrets = {"HF_TOKEN": token, **_secrets(vlm, settings, environ)}
    install = settings.hf_install
    if install is None and settings.hf_image is None:
        if (folder := checkout()) is not None:
            raise SettingsError(
                f"This Roboscribe runs from {folder}, which a job of Hugging Face does not see.",
                "Name a release or a commit with --executor.hf-install, or an image with --executor.hf-image.",
            )
        install = requirement(*extras)
    steps = [f"{_PIP} {shlex.quote(install)}"] if install else []
    steps.append(f"python3 -m roboscribe {shlex.join(words)}")
    return Job(
        image=settings.hf_image or (_IMAGE_WITH_VLLM if "vllm" in extras else _IMAGE),
        command=("sh", "-c", f"{' && '.join(steps)}; code=$?; echo '{_ENDED}'$code; exit $code"),
        secrets=secrets,
        environment=environment,
    )


class Jobs:
    """The jobs of a user or an organisation.

    Args:
        namespace: Whose they are; of the user who is logged in when None.

    Raises:
        RoboscribeError: Nobody is logged in, the Hub cannot be reached, or its library is too old.
    """

    def __init__(self, namespace: str | None = None) -> None:
        from huggingface_hub import HfApi, get_token

        _check_library()
        token = get_token()
        if token is None:
            raise RoboscribeError("Nobody is logged in to the Hugging Face Hub.", _LOG_IN)
        self.token: str = token
        self._api: Any = HfApi(library_name="roboscribe", library_version=__version__)
        with _told():
            self.namespace: str = namespace or self._api.whoami()["name"]

    def check_dataset(self, repo_id: str, revision: str | None) -> None:
        """Make sure that a job will find a dataset, before it costs anything.

        Raises:
            RoboscribeError: It is not on the Hub, or hidden from the user.
        """
        from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

        with _told():
            try:
                self._api.dataset_info(repo_id, revision=revision or "main")
            except (HFValidationError, RepositoryNotFoundError, RevisionNotFoundError):
                raise SettingsError(
                    f"--repo-id {repo_id}: the Hugging Face Hub has no such dataset or --revision, or hides it from"
                    " you.",
                    "Send a dataset of this machine with `roboscribe push` first.",
                ) from None

    def machine(self, flavor: str) -> Machine:
        """The machine of a flavor.

        Raises:
            RoboscribeError: There is none of this name.
        """
        with _told():
            offered = {kind.name: kind for kind in self._api.list_jobs_hardware()}
        if flavor not in offered:
            raise SettingsError(
                f"--executor.hf-flavor: Hugging Face has no {flavor!r}.{closest(flavor, offered)}",
                f"There are: {', '.join(offered)}.",
            )
        kind = offered[flavor]
        return Machine(
            flavor, kind.accelerator is not None, f"{kind.unit_cost_usd:g} USD a {kind.unit_label}"
        )

    def submit(self, job: Job, flavor: str, timeout: str) -> str:
        """Have a job run; its number.

        Raises:
            RoboscribeError: Hugging Face does not take it.
        """
        with _told():
            info = self._api.run_job(
                image=job.image,
                command=list(job.command),
                env=dict(job.environment),
                secrets=dict(job.secrets),
                flavor=flavor,
                timeout=timeout,
                namespace=self.namespace,
            )
        return info.id

    def state(self, job: str) -> State:
        """How a job stands.

        Raises:
            RoboscribeError: There is no such job, or nobody can be asked.
        """
        with _told():
            info = self._api.inspect_job(job_id=job, namespace=self.namespace)
        return State(str(info.status.stage), info.status.message or "", str(info.flavor or ""), info.url)

    def log(self, job: str, *, follow: bool = False) -> Iterator[str]:
        """The lines that a job has told so far; with ``follow``, also those to come while it runs.

        Raises:
            RoboscribeError: They cannot be had.
        """
        with _told():
            yield from self._api.fetch_job_logs(job_id=job, namespace=self.namespace, follow=follow)

    def follow(
        self,
        job: str,
        show: Callable[[str], None],
        say: Callable[[str], None],
        wait: Callable[[float], None] = time.sleep,
    ) -> Ended:
        """Show what a job tells until it is over.

        Args:
            job: Its number.
            show: Told each line of its log.
            say: Told when its stage changes.
            wait: Sleeps for a number of seconds.

        Raises:
            RoboscribeError: There is no such job, or nobody can be asked.
        """
        shown, stage = 0, ""
        last: deque[str] = deque(maxlen=TAIL)
        while True:
            state = self.state(job)
            if state.stage != stage:
                stage = state.stage
                say(f"Job {self.namespace}/{job}: {stage.lower()} on {state.flavor}.")
            # A stream may end before its job does, and then begins anew.
            lines = self.log(job, follow=True) if stage != "SCHEDULING" else iter(())
            for line in islice(lines, shown, None):
                shown += 1
                last.append(line)
                show(line)
            if state.is_over:
                return Ended(state, tuple(last))
            wait(_POLL_SECONDS)


def _secrets(vlm: VlmSettings, settings: ExecutorSettings, environ: Mapping[str, str]) -> dict[str, str]:
    for name in settings.hf_secrets:
        if not environ.get(name):
            raise SettingsError(
                f"--executor.hf-secrets: the environment has no {name}.", "Set it, or leave it out."
            )
    names = {*settings.hf_secrets, *([vlm.api_key_env] if environ.get(vlm.api_key_env) else [])}
    return {name: environ[name] for name in sorted(names)}


def _check_library() -> None:
    import huggingface_hub

    installed = huggingface_hub.__version__
    if tuple(map(int, installed.split(".")[:2])) < _NEEDED:
        raise SettingsError(
            f"--executor hf-jobs needs huggingface_hub {'.'.join(map(str, _NEEDED))}, and {installed} is installed.",
            "Bring it up to date with pip install -U huggingface_hub.",
        )


@contextmanager
def _told() -> Generator[None]:
    """Tell what Hugging Face says in a sentence.

    Raises:
        RoboscribeError: In the place of what its library raises.
    """
    from huggingface_hub.errors import HfHubHTTPError

    # The base of what its HTTP library raises, which is another one from version to version.
    from huggingface_hub.errors import HTTPError  # isort: skip  # pyright: ignore[reportPrivateImportUsage]

    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        said = f": {error.server_message}" if error.server_message else ""
        raise RoboscribeError(
            f"Hugging Face Jobs answers HTTP {status}{said}".rstrip(".") + ".", _HINTS.get(status, "")
        ) from None
    except (HTTPError, OSError) as error:
        raise RoboscribeError(
            f"Hugging Face cannot be reached: {cause(error)}.", "Check the connection; jobs go on without it."
        ) from None
