"""The builtin model: each ask type goes to the rule that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from roboscribe.asks import (
    Answer,
    Ask,
    AskAboutFrames,
    ImagineDialogue,
    ImagineDialogues,
    Interject,
    RephraseTask,
    SegmentEpisode,
    UpdateMemory,
)
from roboscribe.errors import AnswerError
from roboscribe.models.builtin.exchange import imagine, imagine_all
from roboscribe.models.builtin.memory import remember
from roboscribe.models.builtin.rephrase import rephrase
from roboscribe.models.builtin.segment import segment
from roboscribe.models.builtin.talk import interject
from roboscribe.models.builtin.vision import answer_about
from roboscribe.threads import off_loop

A = TypeVar("A", bound=Answer)

RULES: Mapping[type[Ask[Any]], Callable[[Any], Answer]] = {
    SegmentEpisode: segment,
    RephraseTask: rephrase,
    UpdateMemory: remember,
    Interject: interject,
    ImagineDialogue: imagine,
    ImagineDialogues: imagine_all,
    AskAboutFrames: answer_about,
}

LOOKING: frozenset[type[Ask[Any]]] = frozenset({AskAboutFrames})
"""Asks whose rule looks at pictures; it decodes and so is given a thread."""


class BuiltinModel:
    """Says only what signals, task text and colours tell; where it does not know the object it says "the object"."""

    identity = "builtin-4"
    """Raised when a rule changes, so that results of the old rule are not reused."""

    at_once = 1

    def looks(self, kind: type[Ask[Any]]) -> bool:
        """Only at visual questions: its other rules read signals and text."""
        return kind in LOOKING

    def prompt_digest(self, kind: type[Ask[Any]]) -> str | None:
        """None: rules read facts, not words."""
        return None

    def afresh(self) -> BuiltinModel:
        """Itself: it recalls nothing."""
        return self

    async def answer(self, ask: Ask[A]) -> A:
        """The answer by rule.

        Raises:
            AnswerError: No rule answers this kind of ask.
        """
        rule: Callable[[Any], Any] | None = RULES.get(type(ask))
        if rule is None:
            raise AnswerError(f"The builtin model has no rule for {type(ask).__name__}.")
        return await off_loop(rule, ask) if type(ask) in LOOKING else rule(ask)
