"""A model that only stands in for one: results that are staged hold for it, and it answers nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from roboscribe.asks import Answer, Ask
from roboscribe.errors import NotStaged
from roboscribe.models.base import Model

A = TypeVar("A", bound=Answer)


class StagedModel:
    """Has the identity of a model, so that what that model was asked for before is still valid.

    Args:
        identity: Of the model it stands in for.
        looks: Whether that model looks, by kind of ask.
        prompt_digest: Digest of the words it is asked in, by kind of ask.
    """

    at_once = 4

    def __init__(
        self,
        identity: str,
        looks: Callable[[type[Ask[Any]]], bool],
        prompt_digest: Callable[[type[Ask[Any]]], str | None],
    ) -> None:
        self.identity = identity
        self._looks = looks
        self._prompt_digest = prompt_digest

    def looks(self, kind: type[Ask[Any]]) -> bool:
        """As the model does."""
        return self._looks(kind)

    def prompt_digest(self, kind: type[Ask[Any]]) -> str | None:
        """Digest of the words in which the model is asked."""
        return self._prompt_digest(kind)

    def afresh(self) -> Model:
        """Itself."""
        return self

    async def answer(self, ask: Ask[A]) -> A:
        """No answer.

        Raises:
            NotStaged: Always.
        """
        raise NotStaged(f"The answer to {type(ask).__name__} of episode {ask.episode} is not staged.")
