"""A model that answers from a script: for tests, and for trying an annotator by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable
from typing import Any, TypeVar

from roboscribe.asks import Answer, Ask
from roboscribe.errors import AnswerError

A = TypeVar("A", bound=Answer)
Script = Iterable[Any] | Callable[[Ask[Any]], Any | Awaitable[Any]]


class ScriptedModel:
    """Answers asks from a list, one after the other, or from a callable.

    Args:
        script: Answers (an ``Answer``, its JSON text, or plain data), or a function from ask to such an
            answer. An exception among the answers is raised in its place.
        identity: Enters the fingerprints of what it answers.
        looks: Whether it wants to be shown pictures.
        at_once: For how many asks at the same time work is kept ready.

    Attributes:
        asked: Every ask so far, in order.
    """

    def __init__(
        self, script: Script, identity: str = "scripted", looks: bool = False, at_once: int = 16
    ) -> None:
        self.identity = identity
        self.at_once = at_once
        self._looks = looks
        self.asked: list[Ask[Any]] = []
        self._reply = script if callable(script) else _in_turn(script)

    def looks(self, kind: type[Ask[Any]]) -> bool:
        """As it was told."""
        return self._looks

    def prompt_digest(self, kind: type[Ask[Any]]) -> str | None:
        """None: it reads no prompt."""
        return None

    def afresh(self) -> ScriptedModel:
        """Itself: it recalls nothing."""
        return self

    async def answer(self, ask: Ask[A]) -> A:
        """The next scripted answer, checked against the ask's answer type."""
        self.asked.append(ask)
        reply = self._reply(ask)
        if isawaitable(reply):
            reply = await reply
        if isinstance(reply, Exception):
            raise reply
        kind: Any = ask.answer
        if isinstance(reply, Answer):
            reply = reply.model_dump()
        answer = kind.model_validate_json(reply) if isinstance(reply, str) else kind.model_validate(reply)
        if objection := ask.objection(answer):
            raise AnswerError(objection)
        return answer


def _in_turn(script: Iterable[Any]) -> Callable[[Ask[Any]], Any]:
    answers = iter(script)

    def reply(ask: Ask[Any]) -> Any:
        try:
            return next(answers)
        except StopIteration:
            raise AnswerError(f"The script has no answer left for {type(ask).__name__}.") from None

    return reply
