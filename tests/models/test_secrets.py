"""The API key goes to the server, and nowhere else."""

import logging
import traceback
from pathlib import Path

import pytest
from fake_openai_server import FakeServer
from talking import Repeat, looks_at, run_asks

from roboscribe.config import VlmSettings
from roboscribe.errors import ServerError, SettingsError
from roboscribe.models.cache import RequestCache
from roboscribe.models.ledger import Budget
from roboscribe.models.select import identity_of, open_model

KEY = "sk-very-secret-0123456789"


def test_the_key_is_in_no_file_no_log_and_no_account(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    cache = RequestCache(tmp_path, print)
    with caplog.at_level(logging.DEBUG), FakeServer(key=KEY, script=[None, None, "500", "drop"]) as server:
        run = run_asks(server, looks_at(5), cache=cache, environ={"OPENAI_API_KEY": KEY})
    assert all(isinstance(answer, str) for answer in run.answers)
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(KEY.encode() in path.read_bytes() for path in files)
    said = [*run.notes, str(run.ledger), caplog.text, *capfd.readouterr()]
    assert not any(KEY in text for text in said)


def test_a_server_that_repeats_the_key_in_its_error_is_not_quoted_in_full() -> None:
    with FakeServer(key="another") as server, pytest.raises(ServerError) as caught:
        run_asks(server, looks_at(1), environ={"OPENAI_API_KEY": KEY})
    assert "Bearer ***" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_credentials_in_an_address_are_not_shown() -> None:
    with FakeServer() as server:
        url = server.url
    password = "hunter" + str(2)
    with pytest.raises(ServerError) as caught:
        run_asks(url.replace("://", f"://user:{password}@"), looks_at(1))
    assert url in str(caught.value)
    assert password not in "".join(traceback.format_exception(caught.value))


def test_credentials_are_no_part_of_a_setting() -> None:
    """Settings are kept: in the plans of clusters, in what a run records."""
    with pytest.raises(SettingsError, match=r"--vlm\.api-base holds") as caught:
        VlmSettings(api_base=("http://host/v1", "http://me:hunter2@other/v1"))
    assert "hunter2" not in str(caught.value)
    with FakeServer(models=("a", "b")) as server:
        url = server.url.replace("://", "://me:hunter2@")
    with pytest.raises(ServerError, match=r"No server answers at http://127") as refused:
        choose_only_model({"OPENAI_BASE_URL": url})
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


def choose_only_model(environ: dict[str, str]) -> None:
    """Ask the server of the environment what it serves."""
    with open_model(VlmSettings(backend="openai"), Budget(), Repeat(), print, environ=environ):
        pass


def test_what_cannot_be_a_key_is_refused_without_being_shown() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
        run_asks("http://127.0.0.1:1/v1", looks_at(1), environ={"OPENAI_API_KEY": "sk-schlüssel\x07"})
    assert "schl" not in str(caught.value)


def test_no_setting_holds_a_key() -> None:
    assert KEY not in identity_of(VlmSettings(api_key_env="SOME_KEY"), "model")
    assert "SOME_KEY" not in identity_of(VlmSettings(api_key_env="SOME_KEY"), "model")
