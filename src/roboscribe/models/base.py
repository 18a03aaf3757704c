"""What every model is: something with an identity that answers asks."""

from __future__ import annotations

from typing import Protocol, TypeVar

from roboscribe.asks import Answer, Ask

A = TypeVar("A", bound=Answer)


class Model(Protocol):
    """Answers asks.

    Attributes:
        identity: Name and sampling settings; two models with the same identity give the same answers, so it
            enters the fingerprint of every staged result that asked it.
    """

    @property
    def identity(self) -> str: ...

    async def answer(self, ask: Ask[A]) -> A:
        """The answer to ``ask``, valid for its answer type.

        Raises:
            AnswerError: This ask cannot be answered.
        """
        ...
