"""A model for rehearsals: asks go in, typical answers and an account of what asking for real would take come out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from roboscribe.asks import Answer, Ask
from roboscribe.frames import Places
from roboscribe.models.answers import UnfitReply
from roboscribe.models.asking import Renderer, answer_in, cache_key, request_of
from roboscribe.models.dialect import Dialect, spelt_out
from roboscribe.models.probe import learn
from roboscribe.models.request import Reply, Request, without_clips
from roboscribe.models.tokens import Tokens
from roboscribe.models.typical import as_replied, typical_answer, usual_value

A = TypeVar("A", bound=Answer)

PROBE = "probe"
"""Name of the small requests that find out what a server can do."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What one request will take.

    Attributes:
        name: The ask it comes from.
        cached: Whether the request cache answers it, so that it takes nothing.
        images: Pictures.
        prompt_tokens: Tokens to be read, pictures included.
        completion_tokens: Tokens to be written.
        schema_tokens: Tokens to be read besides, where a server has to be told the schema of the answer.
        rounds: Of asks that wait for each other, this one being the first.
    """

    name: str
    cached: bool
    images: int
    prompt_tokens: int
    completion_tokens: int
    schema_tokens: int
    rounds: int = 1


@dataclass
class Lesson:
    """How replies that were once given compare to what would have been foreseen of them, summed up.

    Attributes:
        replies: How many.
        prompt: Tokens read.
        prompt_foreseen: Tokens that would have been foreseen.
        completion: Tokens written.
        completion_foreseen: Likewise.
        seconds: How long they kept a place at their backend.
    """

    replies: int = 0
    prompt: int = 0
    prompt_foreseen: int = 0
    completion: int = 0
    completion_foreseen: int = 0
    seconds: float = 0.0

    def add(self, reply: Reply, foreseen: Foreseen) -> None:
        """Learn from one more reply."""
        self.replies += 1
        self.prompt += reply.usage.prompt_tokens
        self.prompt_foreseen += foreseen.prompt_tokens
        self.completion += reply.usage.completion_tokens
        self.completion_foreseen += foreseen.completion_tokens
        self.seconds += reply.seconds


class Rehearsal:
    """Puts asks into words as the real model would, and asks nobody.

    What the request cache holds is answered from there, and is compared with what would have been foreseen.

    Args:
        identity: The real model's.
        renderer: Puts asks into words and pictures.
        find: The reply that is kept under an outline, if any.
        tokens: Counts them.
        max_tokens: Longest reply.
        places: How the real model names places in pictures.
        films: Whether clips go as videos; otherwise as pictures.
        at_once: Requests that its backend works on at the same time.
        servers: How many servers there are to find out about.

    Attributes:
        foreseen: What every ask so far will take.
        lessons: What replies kept in the cache teach, by the name of their ask.
    """

    def __init__(
        self,
        identity: str,
        renderer: Renderer,
        *,
        find: Callable[[str], Reply | None],
        tokens: Tokens,
        max_tokens: int,
        places: Places,
        films: bool = True,
        at_once: int = 1,
        servers: int = 0,
    ) -> None:
        self.identity = identity
        self.at_once = at_once
        self.tokens = tokens
        self.foreseen: list[Foreseen] = []
        self.lessons: Mapping[str, Lesson] = defaultdict(Lesson)
        self._renderer = renderer
        self._find = find
        self._max_tokens = max_tokens
        self._places = places
        self._films = films
        self._servers = servers
        self._recalls = True

    def looks(self, kind: type[Ask[Any]]) -> bool:
        """Yes at every kind, as asking models do."""
        return True

    def prompt_digest(self, kind: type[Ask[Any]]) -> str:
        """Digest of the words that asks of this kind are put in."""
        return self._renderer.digest(kind)

    def afresh(self) -> Rehearsal:
        """The same with one account, where nothing counts as cached."""
        rehearsal = copy(self)
        rehearsal._recalls = False
        return rehearsal

    async def answer(self, ask: Ask[A]) -> A:
        """A typical answer, or the one that is kept.

        Raises:
            RoboscribeError: The ask cannot be put.
        """
        ask = ask.put_in(self._places)
        request = await request_of(ask, self._renderer, self._max_tokens)
        kept, answer = self._recall(request, ask)
        typical = await typical_answer(ask, request.schema)
        cached = kept is not None and self._recalls
        foreseen = self._foresee(request, as_replied(typical, request.schema), cached, ask.leads + 1)
        if kept is not None:
            self.lessons[request.name].add(kept, foreseen)
        self.foreseen.append(foreseen)
        return ask.settled(typical if answer is None else answer)

    async def probe(self, showing: Sequence[str]) -> list[Foreseen]:
        """What finding out what each server can do will take.

        Args:
            showing: Names of what will show pictures.
        """

        async def send(request: Request, dialect: Dialect) -> Reply:
            text = json.dumps(usual_value(request.schema)) if request.schema else "Hello."
            foreseen.append(self._foresee(request, text, cached=False))
            return Reply(text)

        foreseen: list[Foreseen] = []

        for _ in range(self._servers):
            await learn(send, "", Dialect(), showing=showing, say=lambda note: None)
        return foreseen

    def _recall(self, request: Request, ask: Ask[A]) -> tuple[Reply | None, A | None]:
        kept = self._find(cache_key(self.identity, request.outline))
        if kept is None:
            return None, None
        try:
            answer = answer_in(kept, ask)
        except UnfitReply as unfit:
            # As when it is recalled in a run.
            answer = cast("A | None", unfit.rest)
        return (None, None) if answer is None else (kept, answer)

    def _foresee(self, request: Request, text: str, cached: bool, rounds: int = 1) -> Foreseen:
        shown = request if self._films else without_clips(request)
        schema = spelt_out(request.schema) if request.schema else ""
        return Foreseen(
            request.name,
            cached,
            len(request.pictures),
            self.tokens.prompt(shown),
            self.tokens.reply(text, request.name),
            self.tokens.reply(schema, f"schema of {request.name}") if schema else 0,
            rounds,
        )
