"""What an asking model does with good, bad and cut-off replies, with its cache and with its budget."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from talking import BAD, GOOD, Look, Repeat, ScriptedBackend, Sight, jpeg

from roboscribe.asks import Answer
from roboscribe.errors import AnswerError, BudgetSpent, FrameError
from roboscribe.models.asking import AskingModel
from roboscribe.models.cache import RequestCache
from roboscribe.models.ledger import Budget, Ledger
from roboscribe.models.request import Reply, Usage

ASK = Look(episode=0, seed=5, text="What is it?", pictures=(jpeg(),))
SIGHT = Sight(name="red cup", count=2, colours=["red"])


def ask(backend: ScriptedBackend, ledger: Ledger | None = None, cache: RequestCache | None = None) -> Sight:
    model = AskingModel(backend, Repeat(), ledger=ledger or Ledger(), cache=cache, max_tokens=100)
    return asyncio.run(model.answer(ASK))


def test_a_good_reply_is_the_answer() -> None:
    backend, ledger = ScriptedBackend(Reply(GOOD, Usage(50, 10, 20))), Ledger()
    assert ask(backend, ledger) == SIGHT
    (request,) = backend.requests
    assert request.parts == (*ASK.pictures, "What is it?")
    assert (request.system, request.seed, request.max_tokens) == ("You look at robots.", 5, 100)
    assert request.schema["required"] == ["name", "count", "colours"]
    assert (ledger.calls, ledger.repairs, ledger.usage) == (1, 0, Usage(50, 10, 20))


def test_an_unfit_reply_is_shown_to_the_model_with_what_is_wrong() -> None:
    backend, ledger = ScriptedBackend(BAD, GOOD), Ledger()
    assert ask(backend, ledger) == SIGHT
    (turn,) = backend.requests[1].turns
    assert turn.reply == BAD
    assert "count: Input should be less than or equal to 9" in turn.objection
    assert '"maximum": 9' in turn.objection
    assert (ledger.calls, ledger.repairs, ledger.failures) == (2, 1, 0)


@pytest.mark.parametrize("garbled", [GOOD[:-1], GOOD[:20], "", Reply(GOOD[:9], Usage(9, 3), "length")])
def test_a_garbled_reply_is_asked_for_again_in_the_same_words(garbled: str | Reply) -> None:
    backend, ledger = ScriptedBackend(garbled, garbled, GOOD), Ledger()
    assert ask(backend, ledger) == SIGHT
    assert [(request.seed, request.turns) for request in backend.requests] == [(5, ())] * 3
    assert (ledger.calls, ledger.retries, ledger.repairs) == (3, 2, 0)


def test_what_a_model_garbles_again_and_again_is_shown_to_it() -> None:
    slips = [GOOD[:end] for end in range(20, 25)]
    for said in ([slips[0]] * 3, [*slips[:3], slips[1], slips[1]], slips):
        backend = ScriptedBackend(*said, GOOD)
        assert ask(backend) == SIGHT
        assert [len(request.turns) for request in backend.requests] == [0] * len(said) + [1]


def test_prose_is_what_a_model_means_to_say_and_mended_at_once() -> None:
    backend = ScriptedBackend("I see a red cup.", GOOD)
    assert ask(backend) == SIGHT
    assert backend.requests[1].turns[0].reply == "I see a red cup."


def test_a_conversation_that_failed_is_begun_again_with_another_seed() -> None:
    backend = ScriptedBackend(BAD, BAD, GOOD)
    assert ask(backend) == SIGHT
    assert [request.seed for request in backend.requests] == [5, 5, 6]
    assert backend.requests[2].turns == ()


def test_what_cannot_be_answered_fails_with_the_reason() -> None:
    backend, ledger = ScriptedBackend("no", BAD, "no", BAD, "I see a cup.", "{}"), Ledger()
    with pytest.raises(AnswerError, match=r"no valid answer to Look.*name: Field required"):
        ask(backend, ledger)
    assert (ledger.calls, ledger.repairs, ledger.failures) == (6, 3, 1)


def test_where_no_answer_is_whole_the_one_that_lacks_least_is_taken() -> None:
    class Pair(Answer):
        left: str | None
        right: str | None

    class Both(Look):
        answer = Pair

        def objection(self, answer: Any) -> str:
            return "Both are wanted." if None in (answer.left, answer.right) else ""

        def remainder(self, answer: Any) -> Any:
            return answer

    half, none = '{"left": "cup", "right": null}', '{"left": null, "right": null}'
    for said in ([half, "no"], [none, half], [half, none], [none, "no", "no", half], [half, *[half[:9]] * 3]):
        backend = ScriptedBackend(*said, *["no"] * 6)
        model = AskingModel(backend, Repeat(), ledger=Ledger())
        answer = asyncio.run(model.answer(Both(episode=0, text="What is where?")))
        assert answer == Pair(left="cup", right=None)


def test_a_reply_that_is_cut_off_gets_twice_the_room() -> None:
    backend = ScriptedBackend(Reply(GOOD[:20], finish="length"), GOOD)
    assert ask(backend) == SIGHT
    assert [(r.max_tokens, r.turns, r.seed) for r in backend.requests] == [(100, (), 5), (200, (), 5)]


def test_a_reply_that_is_cut_off_after_its_answer_will_do() -> None:
    backend = ScriptedBackend(Reply(GOOD + "\n" * 80, finish="length"))
    assert ask(backend) == SIGHT


def test_replies_cut_off_again_and_again_name_the_flag() -> None:
    full = [Reply("{", Usage(9, room), "length") for room in (100, 200)]
    backend = ScriptedBackend(*full * 3)
    with pytest.raises(AnswerError, match=r"200 tokens; --vlm.max-new-tokens"):
        ask(backend)


def test_an_answer_is_asked_for_once(tmp_path: Path) -> None:
    cache = RequestCache(tmp_path, print)
    assert ask(ScriptedBackend(GOOD), cache=cache) == SIGHT
    ledger = Ledger()
    assert ask(ScriptedBackend(), ledger, cache) == SIGHT
    assert (ledger.cached, ledger.calls, ledger.usage) == (1, 0, Usage())


def test_the_mended_reply_is_what_is_kept(tmp_path: Path) -> None:
    cache = RequestCache(tmp_path, print)
    ask(ScriptedBackend("no", GOOD), cache=cache)
    assert ask(ScriptedBackend(), cache=cache) == SIGHT


def test_a_failure_is_asked_anew(tmp_path: Path) -> None:
    cache = RequestCache(tmp_path, print)
    with pytest.raises(AnswerError):
        ask(ScriptedBackend(*["no"] * 6), cache=cache)
    assert ask(ScriptedBackend(GOOD), cache=cache) == SIGHT


def test_another_model_does_not_get_the_kept_answer(tmp_path: Path) -> None:
    cache = RequestCache(tmp_path, print)
    ask(ScriptedBackend(GOOD), cache=cache)
    other = ScriptedBackend('{"name": "blue cup", "count": 1, "colours": []}')
    other.identity = "other"
    assert ask(other, cache=cache).name == "blue cup"


def test_a_kept_reply_that_no_longer_will_do_is_asked_anew(tmp_path: Path) -> None:
    class Forgetful(RequestCache):
        def get(self, key: str) -> Reply | None:
            return Reply(BAD)

    assert ask(ScriptedBackend(GOOD), cache=Forgetful(tmp_path, print)) == SIGHT


def test_the_budget_ends_the_run_but_kept_answers_are_still_given(tmp_path: Path) -> None:
    cache = RequestCache(tmp_path, print)
    ask(ScriptedBackend(GOOD), cache=cache)
    ledger = Ledger(budget=Budget(max_calls=1))
    backend = ScriptedBackend(GOOD)
    model = AskingModel(backend, Repeat(), ledger=ledger, cache=cache)
    other = Look(episode=1, seed=6, text="What else?")

    async def run() -> None:
        await model.answer(other)
        await model.answer(other)
        await AskingModel(backend, Repeat(), ledger=ledger, cache=cache, max_tokens=100).answer(ASK)
        with pytest.raises(BudgetSpent, match="--max-calls 1"):
            await model.answer(Look(episode=2, seed=7, text="And now?"))

    asyncio.run(run())
    assert (ledger.calls, ledger.cached, ledger.failures) == (1, 2, 0)
    assert len(backend.requests) == 1


def test_requests_under_way_when_the_budget_ends_are_finished() -> None:
    class Slow(ScriptedBackend):
        async def complete(self, request: object) -> Reply:
            await asyncio.sleep(0)
            return Reply(GOOD)

    ledger = Ledger(budget=Budget(max_calls=3))
    model = AskingModel(Slow(), Repeat(), ledger=ledger)

    async def run() -> list[Sight | BaseException]:
        asks = [Look(episode=i, seed=i, text=str(i)) for i in range(8)]
        return await asyncio.gather(*map(model.answer, asks), return_exceptions=True)

    answers = asyncio.run(run())
    assert [answer == SIGHT for answer in answers] == [True] * 3 + [False] * 5
    assert all(isinstance(answer, BudgetSpent) for answer in answers[3:])


def test_pictures_that_cannot_be_read_are_never_left_out() -> None:
    class Broken(Repeat):
        async def render(self, ask: object) -> tuple[str, tuple[str, ...]]:
            raise FrameError(0, "top", Path("v.mp4"), "v.mp4 ends early.")

    backend = ScriptedBackend(GOOD)
    with pytest.raises(FrameError):
        asyncio.run(AskingModel(backend, Broken(), ledger=Ledger()).answer(ASK))
    assert backend.requests == []
