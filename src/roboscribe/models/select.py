"""Which model answers: settings and environment go in, an open model and the reason for the choice come out."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, cast

from roboscribe.config import VlmSettings, answer_settings, is_address, json_object
from roboscribe.errors import ServerError, SettingsError
from roboscribe.models.asking import AskingModel, Renderer
from roboscribe.models.base import Model
from roboscribe.models.batching import SIZES
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.cache import KeptReplies, RequestCache, default_folder
from roboscribe.models.families import family_of, pixel_bounds, places_of
from roboscribe.models.ledger import Budget, Ledger, Prices
from roboscribe.models.openai import OpenAIBackend
from roboscribe.models.rehearsal import Rehearsal
from roboscribe.models.request import Backend
from roboscribe.models.server import serving, visible_gpus
from roboscribe.models.servers import KnownServers
from roboscribe.models.staged import StagedModel
from roboscribe.models.tokens import count_tokens
from roboscribe.models.trouble import address, key_refused
from roboscribe.origin import installing

Say = Callable[[str], None]

_ENV_URL = "OPENAI_BASE_URL"
_IN_PROCESS = {"transformers": "roboscribe.models.transformers", "vllm": "roboscribe.models.vllm"}
"""Backends that run in this process: the module of each, which also is the name of an extra. It has
a class ``Backend``, made of ``(vlm, identity=…, model=…, ledger=…, say=…)``."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the model runs, and why there, in words that follow "because"."""

    backend: Literal["builtin", "openai", "transformers", "vllm"]
    why: str


def choose(
    vlm: VlmSettings,
    *,
    environ: Mapping[str, str] = os.environ,
    gpus: Callable[[], tuple[str, ...]] = visible_gpus,
    installed: Callable[[str], bool] = lambda package: find_spec(package) is not None,
) -> Choice:
    """Decide where the model runs.

    A choice is never made for want of something: what was asked for and cannot be had is an error.

    Raises:
        SettingsError: The settings name a model, but nowhere to run it.
    """
    if vlm.backend != "auto":
        return Choice(vlm.backend, "--vlm.backend says so")
    if vlm.serve:
        return Choice("openai", "--vlm.serve starts a server")
    if vlm.endpoints:
        return Choice("openai", "--vlm.api-base names a server")
    if vlm.model_id is None:
        unused = f" ({_ENV_URL} alone does not count)" if environ.get(_ENV_URL) else ""
        return Choice("builtin", f"neither --vlm.model-id nor --vlm.api-base is given{unused}")
    if environ.get(_ENV_URL):
        return Choice("openai", f"{_ENV_URL} names a server")
    if not gpus():
        raise SettingsError(
            f"--vlm.model-id {vlm.model_id} is given, but no place to run it: there is no GPU here.",
            "Name a server with --vlm.api-base, or run it on the CPU with --vlm.backend transformers.",
        )
    for package in ("vllm", "transformers"):
        if installed(package):
            return Choice(package, f"there is a GPU and {package} is installed")
    raise SettingsError(
        f"--vlm.model-id {vlm.model_id} is given and there is a GPU, but nothing to run it with.",
        f"Install something with {installing('vllm')} or {installing('transformers')}, or name a server with"
        " --vlm.api-base.",
    )


def runs_here(vlm: VlmSettings, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the model will run where its asks are put, on that machine's GPUs, if it has any.

    Raises:
        SettingsError: The settings cannot be used.
    """
    choice = choose(vlm, environ=environ, gpus=lambda: ("0",), installed=lambda package: True)
    return (vlm.serve and vlm.serve_command is None) or choice.backend in _IN_PROCESS


@contextmanager
def open_model(
    vlm: VlmSettings,
    budget: Budget,
    renderer: Renderer,
    say: Say,
    *,
    environ: Mapping[str, str] = os.environ,
) -> Generator[Model, None, None]:
    """The model that the settings ask for, with its servers running where ``--vlm.serve`` wants them.

    One that is not the builtin model is an ``AskingModel``, to be ``opened`` where it is used, which checks that it
    can answer.

    Args:
        vlm: The settings.
        budget: How much it may spend.
        renderer: Puts asks into words and pictures.
        say: Told which model it is and why, and how servers come up.
        environ: Environment variables.

    Raises:
        SettingsError: The settings cannot be used, or an extra they need is not installed.
        ServerError: A server did not come up.
    """
    choice = choose(vlm, environ=environ)
    say(f"Model: {choice.backend}, because {choice.why}.")
    if choice.backend == "builtin":
        yield BuiltinModel()
        return
    ledger = Ledger(Prices.of(vlm), budget)
    folder = vlm.cache_dir or default_folder(environ)
    cache = RequestCache(folder, say) if vlm.cache else None

    def asking(backend: Backend, model: str) -> AskingModel:
        return AskingModel(
            backend,
            renderer,
            ledger=ledger,
            cache=cache,
            max_tokens=vlm.max_new_tokens,
            places=places_of(vlm, model),
        )

    model, urls = _whereabouts(vlm, choice, environ)
    if choice.backend != "openai":
        yield asking(_in_process(choice.backend, vlm, model, ledger, say), model)
    elif vlm.serve:
        with serving(vlm, model, say, gpus=visible_gpus(environ), environ=environ) as urls:
            yield asking(_openai(vlm, model, urls, ledger, say, environ), model)
    else:
        # Of servers that a run starts itself nothing is remembered: the next ones have their ports.
        known = KnownServers(folder) if vlm.cache else None
        yield asking(_openai(vlm, model, urls, ledger, say, environ, known), model)


@contextmanager
def rehearse_model(
    vlm: VlmSettings, renderer: Renderer, say: Say, *, environ: Mapping[str, str] = os.environ
) -> Generator[Rehearsal | None]:
    """A stand-in for the model that the settings ask for; None for the builtin model, which takes nothing.

    Nothing is started or loaded, and no server is asked for more than what it serves and to count tokens.

    Args:
        vlm: The settings.
        renderer: Puts asks into words and pictures.
        say: Told which model it is and why.
        environ: Environment variables.

    Raises:
        SettingsError: The settings cannot be used.
        ServerError: The model is not named, and the server cannot be asked.
    """
    choice = choose(vlm, environ=environ)
    say(f"Model: {choice.backend}, because {choice.why}.")
    if choice.backend == "builtin":
        yield None
        return
    model, urls = _whereabouts(vlm, choice, environ)
    if choice.backend != "openai":
        _check_in_process(choice.backend, vlm)
        pixel_bounds(vlm, family_of(model))
    size = SIZES.get(choice.backend)
    with closing(KeptReplies(vlm.cache_dir or default_folder(environ), say)) as kept:
        yield Rehearsal(
            identity_of(vlm, model),
            renderer,
            find=kept.find if vlm.cache else lambda outline: None,
            tokens=count_tokens(vlm, model, urls, vlm.api_key(environ)),
            max_tokens=vlm.max_new_tokens,
            places=places_of(vlm, model),
            films=choice.backend != "vllm",
            at_once=vlm.client_concurrency if size is None else vlm.batch_size or size,
            servers=max(1, len(urls)) if choice.backend == "openai" else 0,
        )


def staged_model(
    vlm: VlmSettings, renderer: Renderer, *, environ: Mapping[str, str] = os.environ
) -> StagedModel:
    """A model that only stands in for the one that the settings ask for, to write what is staged.

    Args:
        vlm: The settings.
        renderer: Puts asks into words.
        environ: Environment variables.

    Raises:
        SettingsError: The settings cannot be used.
        ServerError: The model is not named, and the server cannot be asked.
    """
    # What it stands in for may run where there are GPUs, as there need be none here; how it runs tells no answer apart.
    choice = choose(vlm, environ=environ, gpus=lambda: ("0",), installed=lambda package: True)
    if choice.backend == "builtin":
        builtin = BuiltinModel()
        return StagedModel(builtin.identity, builtin.looks, builtin.prompt_digest)
    model, _ = _whereabouts(vlm, choice, environ)
    return StagedModel(identity_of(vlm, model), lambda kind: True, renderer.digest)


def _whereabouts(vlm: VlmSettings, choice: Choice, environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The model, and the addresses of servers that run already."""
    if choice.backend != "openai":
        return _named(vlm, f"--vlm.backend {choice.backend}"), ()
    if vlm.serve and vlm.endpoints:
        raise SettingsError(
            "--vlm.serve starts servers of its own, but --vlm.api-base names others.",
            "Give one of the two.",
        )
    if vlm.serve:
        return _named(vlm, "--vlm.serve"), ()
    from_environment = environ.get(_ENV_URL, "").rstrip("/")
    if from_environment and not vlm.endpoints and not is_address(from_environment):
        # It may hold a password, so it is not shown.
        raise SettingsError(f"{_ENV_URL} holds no server address.", "Write it as http://localhost:8000/v1.")
    urls = vlm.endpoints or ((from_environment,) if from_environment else ())
    return vlm.model_id or _only_model(vlm, urls, environ), urls


def identity_of(vlm: VlmSettings, model: str) -> str:
    """Model and sampling settings that change answers, readable by a person.

    A local folder goes by its name and a digest of what it holds, so that it may be moved.
    """
    settings = answer_settings(vlm)
    for name in ("chat_template_kwargs", "extra_body"):
        flag = f"vlm.{name.replace('_', '-')}"
        settings[name] = (
            json.dumps(json_object(flag, settings[name]), sort_keys=True) if settings[name] else None
        )
    del settings["model_id"]
    # What is left to the server or the model, by whichever word, says nothing about the answers.
    given = [f"{name}={value}" for name, value in sorted(settings.items()) if value not in (None, "auto")]
    return " ".join([_model_name(model), *given])


def _model_name(model: str) -> str:
    folder = Path(model)
    if not folder.is_dir():
        return model
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            # Weights are known by their size: reading them would take minutes.
            content = path.read_bytes() if path.suffix == ".json" else b""
            digest.update(f"{path.relative_to(folder)}\n{path.stat().st_size}\n".encode() + content)
    return f"{folder.resolve().name}@{digest.hexdigest()[:12]}"


def _named(vlm: VlmSettings, needed_by: str) -> str:
    if vlm.model_id is None:
        raise SettingsError(f"{needed_by} needs to know which model.", "Name it with --vlm.model-id.")
    return vlm.model_id


def _openai(
    vlm: VlmSettings,
    model: str,
    urls: tuple[str, ...],
    ledger: Ledger,
    say: Say,
    environ: Mapping[str, str],
    known: KnownServers | None = None,
) -> Backend:
    if find_spec("openai") is None:
        raise _not_installed("openai", "openai")
    return OpenAIBackend(
        vlm,
        identity=identity_of(vlm, model),
        model=model,
        urls=urls,
        ledger=ledger,
        say=say,
        known=known,
        environ=environ,
    )


def _in_process(
    name: Literal["transformers", "vllm"], vlm: VlmSettings, model: str, ledger: Ledger, say: Say
) -> Backend:
    _check_in_process(name, vlm)
    try:
        module = import_module(_IN_PROCESS[name])
    except ModuleNotFoundError as error:
        raise _not_installed(name, error.name) from None
    backend = module.Backend(vlm, identity=identity_of(vlm, model), model=model, ledger=ledger, say=say)
    return cast(Backend, backend)


def _check_in_process(name: str, vlm: VlmSettings) -> None:
    if name == "transformers" and (vlm.num_gpus or 1) > 1:
        raise SettingsError(
            f"--vlm.num-gpus {vlm.num_gpus}: transformers in this process uses one GPU.",
            "Leave it out, or use --vlm.backend vllm or --vlm.serve, which share a model out among several.",
        )
    for flag, value in (("extra-body", vlm.extra_body), ("reasoning-effort", vlm.reasoning_effort)):
        if value is not None:
            raise SettingsError(f"--vlm.{flag} is for servers, and --vlm.backend is {name}.", "Leave it out.")


def _not_installed(backend: str, package: str | None) -> SettingsError:
    return SettingsError(
        f"--vlm.backend {backend} needs packages that are not installed ({package}).",
        f"Install them with {installing(backend)}.",
    )


def _only_model(vlm: VlmSettings, urls: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """The name of the model of a server that serves just one."""
    if not urls:
        return _named(vlm, "--vlm.backend openai")
    name = address(urls[0])
    request = urllib.request.Request(
        f"{urls[0]}/models", headers={"Authorization": f"Bearer {vlm.api_key(environ)}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            served = [str(item["id"]) for item in json.load(reply)["data"]]
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            is_set = bool(environ.get(vlm.api_key_env, "").strip())
            raise key_refused(name, f"HTTP {error.code}", vlm.api_key_env, is_set=is_set) from None
        served, said = [], f"answers HTTP {error.code} to the question what it serves"
    except OSError as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise ServerError(
            f"No server answers at {name}: {reason}.", "Check --vlm.api-base, and that the server runs."
        ) from None
    except (ValueError, KeyError, TypeError):
        served, said = [], "does not tell what it serves"
    else:
        said = f"serves {len(served)} models: {', '.join(served[:8])}"
    if len(served) == 1:
        return served[0]
    raise SettingsError(f"{name} {said}.", "Name the model with --vlm.model-id.")
