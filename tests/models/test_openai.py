"""Requests as they reach a server, what is tried again, and what becomes of servers that fail."""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_openai_server import FakeServer, Fault, Structured, answer_schema, is_probe
from talking import BAD, GOOD, Look, Sight, jpeg, looks_at, run_asks

from roboscribe.errors import AnswerError, ServerError
from roboscribe.frames import Clip
from roboscribe.models.endpoint import retry_after


def test_a_request_carries_what_the_settings_say() -> None:
    with FakeServer() as server:
        run_asks(
            server,
            [Look(episode=0, seed=2**31 + 5, text="What?", pictures=(jpeg(),))],
            looks=True,
            temperature=0.3,
            top_p=0.9,
            max_new_tokens=77,
            chat_template_kwargs='{"enable_thinking": false}',
            reasoning_effort="low",
            extra_body='{"top_k": 5, "repetition_penalty": 1.1}',
        )
    (seen,) = server.asked
    body = seen.body
    assert body["messages"][0] == {"role": "system", "content": "You look at robots."}
    picture, text = body["messages"][1]["content"]
    assert picture["image_url"]["url"] == jpeg().data_url
    assert text == {"type": "text", "text": "What?"}
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["strict"] is True
    assert {name: body[name] for name in body if name not in ("messages", "response_format")} == {
        "model": "fake-vlm",
        "max_tokens": 77,
        "seed": 5,
        "temperature": 0.3,
        "top_p": 0.9,
        "reasoning_effort": "low",
        "chat_template_kwargs": {"enable_thinking": False},
        "top_k": 5,
        "repetition_penalty": 1.1,
    }


FILM = Look(episode=0, text="What?", pictures=(Clip((jpeg(0), jpeg(9), jpeg(20)), (1.0, 1.5, 2.0)),))


def test_a_film_goes_as_a_video_with_all_its_frames_where_a_server_takes_one() -> None:
    with FakeServer(films=True) as server:
        run = run_asks(server, [FILM, FILM], looks=True)
    assert run.notes == []
    body = server.asked[0].body
    film, _ = body["messages"][1]["content"]
    assert film == {"type": "video_url", "video_url": {"url": FILM.pictures[0].data_url}}
    assert body["media_io_kwargs"] == {"video": {"num_frames": -1, "fps": 2.0}}
    assert run.ledger.images == 2 * 3 + 1 + 2, "two films of three frames, a picture and a film to try"


@pytest.mark.parametrize("vlm", [{}, {"image_format": "png"}])
def test_a_film_goes_as_pictures_where_a_server_takes_no_video(vlm: dict[str, Any]) -> None:
    with FakeServer() as server:
        run = run_asks(server, [FILM, FILM], looks=True, **vlm)
    assert [answer for answer in run.answers if not isinstance(answer, str)] == []
    assert len(run.notes) == (0 if vlm else 1)
    for seen in server.asked:
        kinds = [part["type"] for part in seen.body["messages"][1]["content"]]
        assert kinds == ["image_url"] * 3 + ["text"]


def test_pictures_are_png_only_when_asked() -> None:
    with FakeServer() as server:
        run_asks(server, looks_at(3, pictures=2), looks=True)
        assert set(server.stats.media) == {"data:image/jpeg"}
    with FakeServer() as server:
        run = run_asks(server, looks_at(3, pictures=2), looks=True, image_format="png")
        assert server.stats.media == {"data:image/png": 7}
    assert run.ledger.images == 7


def test_the_account_agrees_with_the_server() -> None:
    with FakeServer(keep=False) as server:
        ledger = run_asks(server, looks_at(20, pictures=2), looks=True).ledger
    assert (ledger.calls, ledger.probes) == (20, 3)
    assert ledger.calls + ledger.probes == server.stats.calls
    assert ledger.images == server.stats.images == 41
    assert 0.5 < ledger.bytes_sent / server.stats.bytes < 1
    assert ledger.usage.prompt_tokens > 40 * 100


def test_the_concurrency_is_kept_to_and_made_use_of() -> None:
    with FakeServer(latency=0.05) as server:
        run_asks(server, looks_at(40), client_concurrency=5)
    assert server.stats.peak_in_flight == 5


@pytest.mark.parametrize(
    "fault",
    ["500", "503", "429", "429-date", "drop", "html", "malformed", "truncated", "empty", "wrong-schema"],
)
def test_every_passing_fault_is_overcome(fault: Fault) -> None:
    asks = looks_at(1)
    with FakeServer() as server:
        expected = run_asks(server, asks).answers
    with FakeServer(script=[None, None, fault]) as server:
        run = run_asks(server, asks)
    assert run.answers == expected
    assert server.stats.faults == {fault: 1}
    assert (run.ledger.retries, run.ledger.repairs) == ((0, 1) if fault == "wrong-schema" else (1, 0))
    replied = fault in ("malformed", "truncated", "empty", "wrong-schema")
    assert run.ledger.calls == (2 if replied else 1), "what is paid for"


@pytest.mark.parametrize("fault", ["429", "429-date"])
def test_retry_after_is_kept_to(fault: Fault) -> None:
    with FakeServer(script=[None, None, fault], retry_after=40) as server:
        run = run_asks(server, looks_at(1))
    (wait,) = run.waits
    assert 38 < wait <= 40


def test_waits_grow_and_are_spread() -> None:
    with FakeServer(script=[None, None, *["500"] * 8]) as server:
        run = run_asks(server, looks_at(1), retries=8)
    assert len(run.waits) == 8
    assert all(wait <= 0.5 * 2**i for i, wait in enumerate(run.waits))
    assert len(set(run.waits)) == 8
    assert max(run.waits) > 0.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)) == seconds


def test_a_request_without_a_reply_in_time_is_sent_again() -> None:
    with FakeServer(script=[None, None, "hang"]) as server:
        run = run_asks(server, looks_at(1), timeout_s=0.3)
    assert run.ledger.retries == 1
    assert isinstance(run.answers[0], str)


def test_a_request_that_always_fails_fails_alone() -> None:
    def slow_poison(body: dict[str, Any]) -> float:
        if "Episode 3" in json.dumps(body["messages"]):
            raise ConnectionResetError
        return 0.0

    with FakeServer(latency=slow_poison) as server:
        run = run_asks(server, looks_at(6), retries=2)
    errors = [i for i, answer in enumerate(run.answers) if not isinstance(answer, str)]
    assert errors == [3]
    assert isinstance(run.answers[3], AnswerError)
    assert "in 3 tries" in str(run.answers[3])
    assert run.ledger.failures == 1


def test_a_refused_request_is_not_sent_again() -> None:
    with (
        FakeServer(refuses={"top_k": "top_k is 0, which makes no sense"}) as server,
        pytest.raises(ServerError),
    ):
        run_asks(server, looks_at(1), extra_body='{"top_k": 0}')
    bodies = [json.dumps(request.body) for request in server.seen]
    assert len(bodies) == len(set(bodies))
    assert server.asked == []


def test_when_the_server_is_gone_the_run_ends() -> None:
    with FakeServer() as server:
        url = server.url
        run = run_asks(server, looks_at(1))
    run = run_asks(url, looks_at(2), check=False, retries=2)
    assert all(isinstance(error, ServerError) for error in run.answers)
    assert "No server answers at http://127.0.0.1" in str(run.answers[0])


def test_several_servers_share_the_work() -> None:
    with FakeServer(latency=0.01) as one, FakeServer(latency=0.01) as two, FakeServer(latency=0.01) as three:
        run_asks([one, two, three], looks_at(60), client_concurrency=12)
    counts = [len(server.asked) for server in (one, two, three)]
    assert sum(counts) == 60
    assert min(counts) >= 6


def test_a_server_that_is_away_from_the_start_is_left_aside_with_a_note() -> None:
    with FakeServer() as gone:
        url = gone.url
    with FakeServer() as server:
        run = run_asks([url, server], looks_at(10))
    assert all(isinstance(answer, str) for answer in run.answers)
    assert run.ledger.retries == 0
    (note,) = run.notes
    assert url in note
    assert "other servers" in note


def test_when_one_server_fails_the_others_take_over_and_it_is_tried_again_later() -> None:
    with FakeServer(script=[None, None, *["503"] * 3]) as weak, FakeServer() as strong:
        asks = looks_at(40)
        run = run_asks([weak, strong], asks, client_concurrency=2)
    assert all(isinstance(answer, str) for answer in run.answers)
    assert len(weak.asked) < len(strong.asked)
    assert run.ledger.retries <= 3


@pytest.mark.parametrize(
    ("structured", "format_", "spelt_out"),
    [
        ("json_schema", "json_schema", False),
        ("json_object", "json_object", True),
        ("ignored", None, True),
        ("rejected", None, True),
    ],
)
def test_the_schema_reaches_the_model_in_the_way_its_server_knows(
    structured: Structured, format_: str | None, spelt_out: bool
) -> None:
    with FakeServer(structured=structured) as server:
        run = run_asks(server, looks_at(10))
    assert all(isinstance(answer, str) for answer in run.answers)
    assert len(server.asked) == 10
    assert run.ledger.repairs == 0
    for seen in server.asked:
        assert seen.body.get("response_format", {}).get("type") == format_
        assert ("JSON schema" in json.dumps(seen.body["messages"])) is spelt_out


def test_what_a_server_can_do_is_found_out_once_however_many_ask() -> None:
    with FakeServer(structured="json_object") as server:
        run_asks(server, looks_at(20), check=False)
        probes = len(server.seen) - len(server.asked)
    assert len(server.asked) == 20
    assert probes <= 5


def test_bounds_that_a_server_refuses_are_left_out_and_answers_still_checked() -> None:
    words = iter([BAD, *[GOOD] * 5])
    with FakeServer(
        structured="unbounded", answer=lambda body: answer_schema(body) if is_probe(body) else next(words)
    ) as server:
        run = run_asks(server, looks_at(5), client_concurrency=1)
    assert run.answers == [Sight.model_validate_json(GOOD).model_dump_json()] * 5
    assert run.ledger.repairs == 1
    schemas = [seen.body["response_format"]["json_schema"]["schema"] for seen in server.asked]
    assert len(schemas) == 6
    assert schemas[0]["required"] == ["name", "count", "colours"]
    assert schemas[0]["properties"]["name"] == {"type": "string"}


def test_a_schema_that_only_the_probe_got_past_is_spelt_out() -> None:
    class Picky(FakeServer):
        def _refusal(self, body: Any, urls: list[str]) -> Any:
            if "colours" in json.dumps(body.get("response_format", {})):
                return 400, "Invalid schema for response_format: 'array' is not permitted", None
            return None

    with Picky() as server:
        run = run_asks(server, looks_at(5), client_concurrency=1)
    assert all(isinstance(answer, str) for answer in run.answers)
    formats = [seen.body.get("response_format", {}).get("type") for seen in server.asked]
    assert formats == ["json_schema", "json_schema", "json_object", *[None] * 5]


def test_a_schema_that_is_refused_changes_no_request_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    class Picky(FakeServer):
        def _refusal(self, body: Any, urls: list[str]) -> Any:
            if "puce" in json.dumps(body.get("response_format", {})):
                return 400, "Invalid schema for response_format: 'puce' is not permitted", None
            return None

    def narrow(ask: Look, schema: dict[str, Any]) -> None:
        if ask.episode % 2:
            schema["properties"]["name"]["description"] = "puce"

    monkeypatch.setattr(Look, "narrow", narrow)
    with Picky() as server:
        run = run_asks(server, looks_at(6), client_concurrency=1)
    assert all(isinstance(answer, str) for answer in run.answers)
    formats = [seen.body.get("response_format", {}).get("type") for seen in server.asked]
    once = ["json_schema", "json_schema", "json_schema", "json_object", None]
    assert formats == [*once, "json_schema", None, "json_schema", None]


@pytest.mark.parametrize("fault", ["malformed", "500", "drop", "empty"])
def test_a_fault_while_finding_out_decides_nothing(fault: Fault) -> None:
    with FakeServer(script=[None, fault, fault]) as server:
        run_asks(server, looks_at(3))
    assert all(seen.body["response_format"]["type"] == "json_schema" for seen in server.asked)


def test_a_server_that_asks_to_slow_down_is_waited_for() -> None:
    with FakeServer(script=["429"] * 5) as server:
        run = run_asks(server, looks_at(3))
    assert all(isinstance(answer, str) for answer in run.answers)
    assert run.waits[:1] == [1.0]


@pytest.mark.parametrize(
    ("refuses", "absent", "present"),
    [
        ({"max_tokens": "Use 'max_completion_tokens' instead."}, "max_tokens", "max_completion_tokens"),
        ({"seed": "Extra inputs are not permitted: seed"}, "seed", "max_tokens"),
    ],
)
def test_fields_a_server_refuses_are_spared(refuses: dict[str, str], absent: str, present: str) -> None:
    with FakeServer(refuses=refuses) as server:
        run_asks(server, looks_at(3))
    assert len(server.asked) == 3
    assert all(absent not in seen.body and present in seen.body for seen in server.asked)


@pytest.mark.parametrize(
    ("model", "vlm", "sent"),
    [
        ("Qwen3.5-35B-A3B", {}, {"enable_thinking": False}),
        ("Qwen3.5-35B-A3B", {"chat_template_kwargs": '{"enable_thinking": true}'}, {"enable_thinking": True}),
        ("Qwen3.5-35B-A3B", {"reasoning_effort": "low"}, None),
        ("gpt-5-mini", {}, None),
    ],
)
def test_thinking_is_off_where_a_template_offers_it(model: str, vlm: dict[str, Any], sent: object) -> None:
    with FakeServer(models=(model,)) as server:
        run_asks(server, looks_at(2), model=model, **vlm)
    assert [seen.body.get("chat_template_kwargs") for seen in server.seen] == [sent] * len(server.seen)


def test_template_variables_that_were_asked_for_are_not_left_out() -> None:
    refuses = {"chat_template_kwargs": "Unexpected keys in the request: {'chat_template_kwargs'}"}
    with FakeServer(models=("qwen3-vl",), refuses=refuses) as server:
        assert isinstance(run_asks(server, looks_at(1), model="qwen3-vl").answers[0], str)
        with pytest.raises(ServerError, match="chat_template_kwargs"):
            run_asks(server, looks_at(1), model="qwen3-vl", chat_template_kwargs='{"enable_thinking": true}')


def test_the_check_needs_no_list_of_models() -> None:
    with FakeServer(models=None) as server:
        assert isinstance(run_asks(server, looks_at(1), looks=True).answers[0], str)


def test_a_server_that_is_not_there_is_named_before_anything_is_asked() -> None:
    with FakeServer() as server:
        url = server.url
    with pytest.raises(ServerError, match=r"No server answers at http://127.0.0.1:.*--vlm.api-base"):
        run_asks(url, looks_at(1))


def test_an_address_that_leads_elsewhere_is_told() -> None:
    with FakeServer() as server, pytest.raises(ServerError, match=r"right up to its /v1"):
        run_asks(server.url + "/v2", looks_at(1))


def test_a_wrong_key_names_the_variable() -> None:
    with FakeServer(key="right") as server:
        with pytest.raises(ServerError, match="MY_KEY holds the wrong key"):
            run_asks(server, looks_at(1), api_key_env="MY_KEY", environ={"MY_KEY": "wrong"})
        with pytest.raises(ServerError, match="OPENAI_API_KEY is not set"):
            run_asks(server, looks_at(1))
        run = run_asks(server, looks_at(1), environ={"OPENAI_API_KEY": "right\n"})
    assert isinstance(run.answers[0], str)


def test_a_temperature_that_a_model_does_not_take_names_the_flag() -> None:
    said = "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default is supported."
    with FakeServer(refuses={"temperature": said}) as server:
        with pytest.raises(ServerError, match=r"supported\. Leave .* --vlm\.temperature None"):
            run_asks(server, looks_at(1), temperature=0.2)
        assert isinstance(run_asks(server, looks_at(1), temperature=None).answers[0], str)


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    with (
        FakeServer(models=("a", "b")) as server,
        pytest.raises(ServerError, match=r"'fake-vlm'.*does not exist\. It serves a, b"),
    ):
        run_asks(server, looks_at(1))


def test_a_server_without_eyes_is_refused_when_there_will_be_pictures() -> None:
    with FakeServer(images="refused") as server:
        with pytest.raises(ServerError, match=r"not about pictures.*vision-language model"):
            run_asks(server, looks_at(1), looks=True)
        assert server.asked == []
        assert isinstance(run_asks(server, looks_at(1), looks=False).answers[0], str)


def test_a_server_that_passes_over_pictures_is_noted() -> None:
    with FakeServer(images="ignored") as server:
        assert "no tokens for a picture" in run_asks(server, looks_at(1), looks=True).notes[0]
    with FakeServer() as server:
        assert run_asks(server, looks_at(1), looks=True).notes == []


def test_a_key_refused_midway_ends_the_run() -> None:
    class Revoking(FakeServer):
        def _refusal(self, body: Any, urls: list[str]) -> Any:
            return (401, "revoked", None) if len(self.asked) >= 2 else None

    with Revoking() as server:
        run = run_asks(server, looks_at(6), client_concurrency=1)
    assert [isinstance(answer, str) for answer in run.answers] == [True, True, *[False] * 4]
    assert all(isinstance(answer, ServerError) for answer in run.answers[2:])
    assert run.ledger.retries == 0


def test_closing_leaves_no_connection_behind() -> None:
    with FakeServer() as server:
        run_asks(server, looks_at(5))
        deadline = time.monotonic() + 5
        while server._connections and time.monotonic() < deadline:
            asyncio.run(asyncio.sleep(0.01))
        assert not server._connections
