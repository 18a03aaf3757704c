"""Ways of servers that are in use: what each says otherwise than others is understood, or told in a clear sentence."""

import json
from typing import Any

import pytest
from fake_openai_server import FakeServer, is_probe
from talking import GOOD, looks_at, run_asks

from roboscribe.errors import AnswerError


class Odd(FakeServer):
    """Answers every request that is no probe in a way of its own, some times or always."""

    def __init__(self, status: int, body: Any, times: int = 1000) -> None:
        super().__init__()
        self._left, self._status, self._odd = times, status, body

    async def _answer(self, body: Any, fault: Any, writer: Any) -> bool:
        if is_probe(body) or self._left == 0:
            return await super()._answer(body, fault, writer)
        self._left -= 1
        data = json.dumps(self._odd).encode()
        head = f"HTTP/1.1 {self._status} Odd\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        await writer.drain()
        return True


def reply(finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}]}


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "text", "text": GOOD[:20]}, {"type": "text", "text": GOOD[20:]}]},
        {"content": GOOD, "reasoning_content": "Is it red?", "refusal": None, "tool_calls": []},
        {"content": None, "reasoning_content": GOOD},
        {"content": f"<think>A cup.</think>{GOOD}"},
    ],
)
def test_an_answer_is_found_in_whichever_field_a_server_puts_it(message: dict[str, Any]) -> None:
    with Odd(200, reply(**message)) as server:
        (answer,) = run_asks(server, looks_at(1)).answers
    assert json.loads(str(answer)) == json.loads(GOOD)


def test_a_draft_in_thinking_that_was_cut_off_is_no_answer() -> None:
    thinking = {"content": None, "reasoning_content": f"Perhaps {GOOD}? But then"}
    with Odd(200, reply(**thinking, finish="length")) as server:
        (error,) = run_asks(server, looks_at(1)).answers
    assert isinstance(error, AnswerError)


def test_what_a_model_says_in_refusing_is_the_reason() -> None:
    with Odd(200, reply(content=None, refusal="I cannot help with that.")) as server:
        (error,) = run_asks(server, looks_at(1)).answers
        assert len(server.asked) == 6, "each conversation has one turn in which it may think better of it"
    assert isinstance(error, AnswerError)
    assert "'I cannot help with that.'" in str(error)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "This model's maximum context length is 4096 tokens. However, you requested 5120 tokens."),
        (413, "Request too large"),
        (422, "The response was filtered due to the prompt triggering a content management policy."),
    ],
)
def test_a_request_that_can_never_succeed_is_sent_once_and_says_why(status: int, said: str) -> None:
    with Odd(status, {"error": {"message": said, "code": status}}) as server:
        (error,) = run_asks(server, looks_at(1)).answers
        assert len(server.asked) == 1
    assert isinstance(error, AnswerError)
    assert f"HTTP {status}: {said.rstrip('.')}" in str(error)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        (200, {"error": {"code": 502, "message": "Provider returned error"}}),
        (200, {"choices": []}),
        (524, "A timeout occurred"),
    ],
)
def test_what_may_pass_is_tried_again(status: int, body: Any) -> None:
    with Odd(status, body, times=2) as server:
        run = run_asks(server, looks_at(1))
    assert isinstance(run.answers[0], str)
    assert run.ledger.retries == 2


def test_what_a_router_says_behind_its_200_is_told() -> None:
    with Odd(200, {"error": {"code": 502, "message": "Provider returned error"}}) as server:
        (error,) = run_asks(server, looks_at(1), retries=1).answers
    assert "the last brought: Provider returned error" in str(error)


def test_errors_in_a_list_name_the_field_that_is_to_be_spared() -> None:
    said = 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'

    class Listing(FakeServer):
        async def _answer(self, body: Any, fault: Any, writer: Any) -> bool:
            if "seed" not in body:
                return await super()._answer(body, fault, writer)
            error = [{"error": {"code": 400, "message": said, "details": ["." * 400]}}]
            return await Odd._answer(Odd(400, error), {"messages": []}, fault, writer)

    with Listing() as server:
        run = run_asks(server, looks_at(1))
    assert isinstance(run.answers[0], str)
    assert all("seed" not in seen.body for seen in server.asked)
