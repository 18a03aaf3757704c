"""What is remembered of servers between runs, and what becomes of asks that are put on the strength of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from fake_openai_server import FakeServer, is_probe
from talking import Look, Repeat, Run, jpeg, looks_at

from roboscribe.config import VlmSettings
from roboscribe.errors import RoboscribeError, ServerError
from roboscribe.frames import Clip
from roboscribe.models.asking import AskingModel
from roboscribe.models.cache import RequestCache
from roboscribe.models.dialect import Dialect
from roboscribe.models.ledger import Ledger
from roboscribe.models.openai import OpenAIBackend
from roboscribe.models.servers import NAME, KnownServers, Server, key_of

SPELT_OUT = Dialect(structure="prompt")


def slow_probes(body: Any) -> float:
    return 0.3 if is_probe(body) else 0.0


def run_opened(
    servers: Sequence[FakeServer],
    asks: Sequence[Look],
    folder: Path,
    *,
    showing: Sequence[str] = ("vqa",),
    cache: RequestCache | None = None,
    model: str = "fake-vlm",
    **vlm: Any,
) -> Run:
    """Put asks to a model while it is opened, as a run does, with what is remembered in a folder.

    Raises:
        RoboscribeError: No server can be used; no ask was answered.
    """
    run = Run([], Ledger(), [], [])
    settings = VlmSettings(**({"temperature": 0.0, "retries": 0} | vlm))

    async def answer(asking: AskingModel, ask: Look) -> str | RoboscribeError:
        try:
            return (await asking.answer(ask)).model_dump_json()
        except RoboscribeError as error:
            return error

    async def answer_all() -> None:
        backend = OpenAIBackend(
            settings,
            identity=model,
            model=model,
            urls=[server.url for server in servers],
            ledger=run.ledger,
            say=run.notes.append,
            known=KnownServers(folder),
            environ={},
        )
        asking = AskingModel(backend, Repeat(), ledger=run.ledger, cache=cache)
        async with AsyncExitStack() as stack:
            opening = asyncio.ensure_future(stack.enter_async_context(asking.opened(showing)))
            await asyncio.sleep(0)
            run.answers = await asyncio.gather(*(answer(asking, ask) for ask in asks))
            await opening

    asyncio.run(answer_all())
    return run


def asked_before_known(server: FakeServer) -> int:
    """How many asks came in before the last probe ended."""
    known = max(request.ended for request in server.seen if is_probe(request.body))
    return sum(request.arrived < known for request in server.asked)


def test_a_server_that_is_remembered_is_asked_while_it_is_looked_at(tmp_path: Path) -> None:
    with FakeServer(latency=slow_probes) as server:
        cold = run_opened([server], looks_at(6), tmp_path)
        assert asked_before_known(server) == 0
        server.seen.clear()
        warm = run_opened([server], looks_at(6), tmp_path)
        assert asked_before_known(server) == 6
    assert warm.answers == cold.answers
    assert all(isinstance(answer, str) for answer in warm.answers)
    assert (warm.ledger.calls, warm.ledger.probes, warm.ledger.retries) == (6, 3, 0)


@pytest.mark.parametrize("other", ["address", "model", "pictures", "format", "age", "damage"])
def test_what_is_known_of_one_server_is_not_believed_of_another(other: str, tmp_path: Path) -> None:
    with FakeServer(models=None, latency=slow_probes) as one, FakeServer(latency=slow_probes) as two:
        run_opened([one], looks_at(1), tmp_path, showing=() if other == "pictures" else ("vqa",))
        one.seen.clear()
        if other == "age":
            (key,) = json.loads((tmp_path / NAME).read_text())
            KnownServers(tmp_path, lambda: time.time() - 8 * 86_400).keep({key: Server(Dialect(), sees=True)})
        if other == "damage":
            (tmp_path / NAME).write_text('{"a": {"dialect": {"structure": "telepathy"}}}')
        run_opened(
            [one, two] if other == "address" else [one],
            looks_at(4),
            tmp_path,
            model="another" if other == "model" else "fake-vlm",
            image_format="png" if other == "format" else "jpeg",
        )
        assert asked_before_known(one) == 0
        assert len(one.asked) + len(two.asked) == 4
        if other == "address":
            assert asked_before_known(two) == 0


def test_a_server_that_heeds_no_schemas_any_more_is_asked_again_in_its_dialect(tmp_path: Path) -> None:
    with FakeServer(structured="ignored") as server:
        expected = run_opened([server], looks_at(6), tmp_path / "cold").answers
    with FakeServer(latency=slow_probes) as server:
        run_opened([server], looks_at(6), tmp_path / "warm")
        server.seen.clear()
        server.structured = "ignored"
        run = run_opened([server], looks_at(6), tmp_path / "warm")
        assert run.answers == expected
        formats = [bool(request.body.get("response_format")) for request in server.asked]
        assert formats == [True] * 6 + [False] * 6
        assert run.ledger.calls + run.ledger.probes == len(server.seen), "what is paid for"
        server.seen.clear()
        run_opened([server], looks_at(6), tmp_path / "warm")
        assert [bool(request.body.get("response_format")) for request in server.asked] == [False] * 6
        assert asked_before_known(server) == 6


@pytest.mark.parametrize("at_once", [1, 2, 16])
def test_probes_and_asks_together_keep_to_the_concurrency(at_once: int, tmp_path: Path) -> None:
    with FakeServer(latency=0.02 * at_once) as server:
        run_opened([server], looks_at(1), tmp_path)
        server.stats.peak_in_flight = 0
        run = run_opened([server], looks_at(20), tmp_path, client_concurrency=at_once)
        assert server.stats.peak_in_flight == at_once
    assert all(isinstance(answer, str) for answer in run.answers)


@pytest.mark.parametrize("lost", ["blind", "barred"])
def test_no_reply_of_a_server_that_cannot_be_used_any_more_is_kept(
    lost: Literal["blind", "barred"], tmp_path: Path
) -> None:
    with FakeServer(latency=slow_probes) as server:
        run_opened([server], looks_at(1), tmp_path)
        server.seen.clear()
        if lost == "blind":
            server.images = "refused"
        else:
            server.key = "secret"
        cache = RequestCache(tmp_path, print)
        with pytest.raises(ServerError, match="pictures" if lost == "blind" else "OPENAI_API_KEY"):
            run_opened([server], looks_at(6), tmp_path, cache=cache)
        assert len(server.asked) == (6 if lost == "blind" else 0)
        assert cache.count == 0
        server.images, server.key = "taken", None
        server.seen.clear()
        run_opened([server], looks_at(1), tmp_path)
        assert asked_before_known(server) == 0, "it is forgotten"


def test_one_of_several_that_cannot_be_used_any_more_leaves_its_asks_to_the_others(tmp_path: Path) -> None:
    with FakeServer(latency=slow_probes) as one, FakeServer(latency=slow_probes) as two:
        expected = run_opened([one, two], looks_at(8), tmp_path).answers
        one.seen.clear()
        two.seen.clear()
        one.images = "refused"
        run = run_opened([one, two], looks_at(8), tmp_path)
        assert run.answers == expected
        assert len(one.asked) > 0
        assert len(two.asked) == 8
    (note,) = run.notes
    assert "other servers" in note


def test_a_schema_that_is_refused_while_a_server_is_looked_at_is_spelt_out(tmp_path: Path) -> None:
    class Picky(FakeServer):
        def _refusal(self, body: Any, urls: list[str]) -> Any:
            if "colours" in str(body.get("response_format", {})):
                return 400, "Invalid schema for response_format: 'array' is not permitted", None
            return None

    with Picky(latency=slow_probes) as server:
        cold = run_opened([server], looks_at(3), tmp_path)
        server.seen.clear()
        warm = run_opened([server], looks_at(3), tmp_path)
        assert asked_before_known(server) == 3
    assert warm.answers == cold.answers
    assert all(isinstance(answer, str) for answer in warm.answers)


def test_a_film_waits_until_it_is_known_whether_videos_are_taken(tmp_path: Path) -> None:
    film = Look(episode=0, text="What?", pictures=(Clip((jpeg(0), jpeg(9)), (1.0, 1.5)),))
    with FakeServer(films=True, latency=slow_probes) as server:
        run_opened([server], looks_at(1), tmp_path)
        server.seen.clear()
        run_opened([server], [film], tmp_path)
        assert asked_before_known(server) == 0
        assert server.asked[0].body["messages"][1]["content"][0]["type"] == "video_url"


def test_what_is_kept_lasts_a_week_and_names_no_address(tmp_path: Path) -> None:
    now = [1_000_000.0]
    known = KnownServers(tmp_path, lambda: now[0])
    key = key_of("http://me:pass@robots.example/v1", "m", Dialect(), "jpeg")
    assert key == key_of("http://robots.example/v1/", "m", Dialect(), "jpeg")
    known.keep({key: Server(SPELT_OUT, sees=True)})
    assert "robots" not in (tmp_path / NAME).read_text()
    now[0] += 6 * 86_400
    assert known.find(key) == Server(SPELT_OUT, True, 1_000_000.0)
    known.keep({key: Server(SPELT_OUT, sees=False)})
    assert known.find(key) == Server(SPELT_OUT, True, now[0]), "a run without pictures does not tell of eyes"
    now[0] += 8 * 86_400
    assert known.find(key) is None
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_folder_that_cannot_be_written_to_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with FakeServer() as server:
        run = run_opened([server], looks_at(1), tmp_path / "file")
    assert isinstance(run.answers[0], str)
    assert run.notes == []
