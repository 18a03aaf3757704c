"""What every model is: something with an identity that answers asks."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from roboscribe.asks import Answer, Ask

A = TypeVar("A", bound=Answer)


class Model(Protocol):
    """Answers asks.

    Attributes:
        identity: Name and sampling settings; two models with the same identity give the same answers, so it
            enters the fingerprint of every staged result that asked it.
        at_once: Asks that it works on at the same time; work for some rounds more is kept ready.
    """

    @property
    def identity(self) -> str: ...
    @property
    def at_once(self) -> int: ...

    def looks(self, kind: type[Ask[Any]]) -> bool:
        """Whether it wants the pictures of this kind of ask. For one that does not, no frame is ever decoded."""
        ...

    def prompt_digest(self, kind: type[Ask[Any]]) -> str | None:
        """Digest of the words in which it is asked this kind of ask; None when it needs no words."""
        ...

    def afresh(self) -> Model:
        """The same model, which puts its asks anew where it would recall what it once answered."""
        ...

    async def answer(self, ask: Ask[A]) -> A:
        """The answer to ``ask``, valid for its answer type.

        Raises:
            AnswerError: This ask cannot be answered.
        """
        ...
