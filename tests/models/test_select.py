"""Which model answers is decided in the open, by rules; its identity holds what changes answers and nothing else."""

import asyncio
import os
import re
import shlex
import shutil
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import FakeServer
from talking import Look, Repeat, Sight

from roboscribe.config import VlmSettings
from roboscribe.errors import NotStaged, ServerError, SettingsError
from roboscribe.models.asking import AskingModel
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.ledger import Budget
from roboscribe.models.select import choose, identity_of, open_model, staged_model
from roboscribe.origin import installing

URL = ("http://127.0.0.1:9/v1",)


def chosen(
    vlm: VlmSettings, environ: dict[str, str] | None = None, gpus: int = 0, installed: tuple[str, ...] = ()
) -> tuple[str, str]:
    choice = choose(
        vlm,
        environ=environ or {},
        gpus=lambda: tuple(str(i) for i in range(gpus)),
        installed=lambda package: package in installed,
    )
    return choice.backend, choice.why


@pytest.mark.parametrize(
    ("vlm", "machine", "backend", "why"),
    [
        ({}, {}, "builtin", "--vlm.model-id"),
        ({}, {"environ": {"OPENAI_BASE_URL": "http://x/v1"}}, "builtin", "alone does not count"),
        ({"api_base": URL}, {}, "openai", "--vlm.api-base"),
        ({"api_base": URL, "model_id": "m"}, {"gpus": 1, "installed": ("vllm",)}, "openai", "--vlm.api-base"),
        ({"serve": True, "model_id": "m"}, {}, "openai", "--vlm.serve"),
        ({"model_id": "m"}, {"environ": {"OPENAI_BASE_URL": "http://x/v1"}}, "openai", "OPENAI_BASE_URL"),
        ({"model_id": "m"}, {"gpus": 1, "installed": ("transformers", "vllm")}, "vllm", "vllm is installed"),
        ({"model_id": "m"}, {"gpus": 1, "installed": ("transformers",)}, "transformers", "GPU"),
        ({"backend": "transformers", "model_id": "m"}, {}, "transformers", "--vlm.backend"),
        ({"backend": "builtin", "model_id": "m"}, {}, "builtin", "--vlm.backend"),
    ],
)
def test_auto_decides_by_rule_and_says_why(
    vlm: dict[str, Any], machine: dict[str, Any], backend: str, why: str
) -> None:
    found, said = chosen(VlmSettings(**vlm), **machine)
    assert found == backend
    assert why in said


def test_a_model_with_nowhere_to_run_is_an_error_not_the_builtin_one() -> None:
    with pytest.raises(SettingsError, match=r"no GPU here.*--vlm.api-base"):
        chosen(VlmSettings(model_id="m"))
    with pytest.raises(SettingsError, match=re.escape(installing("vllm"))):
        chosen(VlmSettings(model_id="m"), gpus=1)


def opened(vlm: VlmSettings, environ: dict[str, str] | None = None, budget: Budget | None = None) -> Any:
    notes: list[str] = []
    with open_model(vlm, budget or Budget(), Repeat(), notes.append, environ=environ or {}) as model:
        return model, notes


def test_without_settings_the_builtin_model_answers() -> None:
    model, notes = opened(VlmSettings())
    assert isinstance(model, BuiltinModel)
    assert notes == ["Model: builtin, because neither --vlm.model-id nor --vlm.api-base is given."]


def test_the_only_model_of_a_server_needs_no_name(tmp_path: Path) -> None:
    with FakeServer(models=("only",), key="k") as server:
        vlm = VlmSettings(api_base=(server.url,), cache_dir=tmp_path)
        model, _ = opened(vlm, {"OPENAI_API_KEY": "k"})
        assert isinstance(model, AskingModel)
        assert model.identity.startswith("only ")
        with pytest.raises(ServerError, match=r"refuses the API key: HTTP 401.*OPENAI_API_KEY is not set"):
            opened(vlm)
        with pytest.raises(ServerError, match=r"OPENAI_API_KEY holds the wrong key"):
            opened(vlm, {"OPENAI_API_KEY": "another"})
    with FakeServer(models=("a", "b")) as server, pytest.raises(SettingsError, match="serves 2 models: a, b"):
        opened(VlmSettings(api_base=(server.url,)))
    with pytest.raises(ServerError, match="No server answers"):
        opened(VlmSettings(api_base=(server.url,)))


def test_the_server_of_the_environment_is_used() -> None:
    with FakeServer(models=("only",)) as server:
        model, _ = opened(VlmSettings(backend="openai"), {"OPENAI_BASE_URL": server.url + "/"})
    assert model.identity.startswith("only ")


@pytest.mark.parametrize("url", ["localhost:8000", "http://me:pass@localhost:80b/v1"])
def test_what_is_no_address_in_the_environment_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL holds no server address") as refused:
        opened(VlmSettings(model_id="m"), {"OPENAI_BASE_URL": url})
    assert "pass" not in str(refused.value)


@pytest.mark.parametrize("extra", ["transformers", "vllm"])
def test_an_extra_that_is_not_installed_is_named(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, f"roboscribe.models.{extra}", None)
    with pytest.raises(SettingsError, match=re.escape(installing(extra))):
        opened(VlmSettings(backend=extra, model_id="m"))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_a_model_in_this_process_needs_a_name(backend: Any) -> None:
    with pytest.raises(SettingsError, match=r"--vlm.model-id"):
        opened(VlmSettings(backend=backend))


def test_several_gpus_are_refused_where_one_would_be_used() -> None:
    with pytest.raises(SettingsError, match=r"--vlm.num-gpus 2: transformers .* one GPU.*--vlm.serve"):
        opened(VlmSettings(backend="transformers", model_id="m", num_gpus=2))


def test_a_server_of_ones_own_and_another_are_not_mixed() -> None:
    with pytest.raises(SettingsError, match="one of the two"):
        opened(VlmSettings(serve=True, model_id="m", api_base=URL))


def test_a_model_is_served_asked_and_remembered(tmp_path: Path) -> None:
    fake = Path(__file__).resolve().parents[1] / "fake_openai_server.py"
    vlm = VlmSettings(
        serve=True,
        serve_command=f"{shlex.quote(sys.executable)} {fake} --port {{port}} --model {{model}}",
        serve_port=18_700,
        model_id="some-model",
        cache_dir=tmp_path,
    )

    async def ask(model: AskingModel) -> Sight:
        async with model.opened(()):
            return await model.answer(Look(episode=0, seed=1, text="What?"))

    answers: list[Sight] = []
    accounts: list[tuple[int, int]] = []
    for _ in range(2):
        with open_model(vlm, Budget(), Repeat(), print, environ=os.environ) as model:
            assert isinstance(model, AskingModel)
            answers.append(asyncio.run(ask(model)))
            accounts.append((model.ledger.calls, model.ledger.cached))
    assert answers[0] == answers[1]
    assert accounts == [(1, 0), (0, 1)]
    assert not (tmp_path / "servers.json").exists(), "the next server may have the same port"


@pytest.mark.parametrize("gpus", [0, 1])
def test_what_writes_staged_results_needs_no_gpu_where_the_model_that_made_them_does(
    gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roboscribe.models.select.find_spec", lambda package: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus))))
    vlm = VlmSettings(model_id="m")
    with pytest.raises(SettingsError):
        choose(vlm, environ={})
    staged = staged_model(vlm, Repeat(), environ={})
    assert staged.identity == identity_of(vlm, "m"), "results of the model hold for it"
    assert staged.looks(Look)
    with pytest.raises(NotStaged, match="Look of episode 0"):
        asyncio.run(staged.answer(Look(episode=0, seed=1, text="What?")))


ANSWERS = {
    "temperature": 0.9,
    "top_p": 0.5,
    "max_new_tokens": 7,
    "chat_template_kwargs": '{"a": 1}',
    "reasoning_effort": "low",
    "extra_body": '{"top_k": 1}',
    "dtype": "float16",
    "max_pixels": 100_000,
}
OTHERS = {
    "backend": "openai",
    "api_base": URL,
    "api_key_env": "KEY",
    "serve": True,
    "serve_command": "x {port}",
    "serve_port": 9,
    "num_gpus": 2,
    "parallel_servers": 2,
    "serve_ready_timeout_s": 1.0,
    "client_concurrency": 3,
    "timeout_s": 1.0,
    "retries": 1,
    "image_format": "png",
    "device": "cpu",
    "batch_size": 2,
    "max_model_len": 4096,
    "cache": False,
    "cache_dir": Path("x"),
    "price_prompt": 1.0,
    "price_completion": 1.0,
    "price_cached": 1.0,
}


def test_every_setting_is_known_to_change_answers_or_not() -> None:
    assert {item.name for item in fields(VlmSettings)} == {"model_id", *ANSWERS, *OTHERS}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_what_changes_answers_changes_the_identity(name: str) -> None:
    changed = replace(VlmSettings(), **{name: ANSWERS[name]})
    assert identity_of(changed, "m") != identity_of(VlmSettings(), "m")


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_does_not_change_answers_leaves_the_identity(name: str) -> None:
    changed = replace(VlmSettings(), **{name: OTHERS[name]})
    assert identity_of(changed, "m") == identity_of(VlmSettings(), "m")


def test_identity_reads_well_and_does_not_depend_on_how_json_is_written() -> None:
    one = VlmSettings(chat_template_kwargs='{"b":1,"a":2}')
    two = VlmSettings(chat_template_kwargs='{ "a": 2, "b": 1 }')
    assert identity_of(one, "qwen") == identity_of(two, "qwen")
    assert identity_of(VlmSettings(), "qwen") == "qwen max_new_tokens=1024 temperature=0.2"


def test_a_local_model_may_be_moved_but_not_changed(tmp_path: Path) -> None:
    here = tmp_path / "one" / "tiny"
    here.mkdir(parents=True)
    (here / "config.json").write_text('{"layers": 2}')
    (here / "model.safetensors").write_bytes(b"0" * 10)
    before = identity_of(VlmSettings(), str(here))
    there = shutil.move(here, tmp_path / "tiny")
    assert identity_of(VlmSettings(), str(there)) == before
    assert before.startswith("tiny@")
    (Path(there) / "config.json").write_text('{"layers": 3}')
    assert identity_of(VlmSettings(), str(there)) != before


@pytest.mark.parametrize(
    ("vlm", "said"),
    [
        ({"chat_template_kwargs": "enable_thinking"}, "--vlm.chat-template-kwargs is not a JSON object"),
        ({"extra_body": "[1]"}, "--vlm.extra-body is not a JSON object"),
        ({"client_concurrency": 0}, "--vlm.client-concurrency is 0"),
        ({"temperature": -1.0}, "--vlm.temperature is -1"),
        ({"timeout_s": 0.0}, "--vlm.timeout-s is 0"),
        ({"parallel_servers": 0}, "--vlm.parallel-servers is 0"),
        ({"api_base": ("localhost:8000",)}, "'localhost:8000' is no server address"),
        ({"api_base": ("http://localhost:80b/v1",)}, "'http://localhost:80b/v1' is no server address"),
        ({"api_base": ("http:///v1",)}, "'http:///v1' is no server address"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(vlm: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said.replace("[", r"\[")):
        VlmSettings(**vlm)


def test_addresses_are_separated_by_commas_too() -> None:
    vlm = VlmSettings(api_base=("http://a/v1, http://b/v1/", "http://a/v1"))
    assert vlm.endpoints == ("http://a/v1", "http://b/v1")
