"""A model that asks: a typed ask is rendered, sent and parsed, and a valid typed answer comes out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from typing import Any, Protocol, TypeVar, cast

from roboscribe.asks import Answer, Ask
from roboscribe.asks.base import copied
from roboscribe.errors import AnswerError
from roboscribe.frames import Part, Places
from roboscribe.models.answers import UnfitReply, parse_answer, schema_of
from roboscribe.models.cache import RequestCache
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Backend, Reply, Request, Turn

A = TypeVar("A", bound=Answer)

CONVERSATIONS = 3
"""How often an ask is begun, each time with another seed."""
_TURNS = 2
"""Times a model answers in each: by itself, and once it is shown what is wrong."""
_TRIES = 5
"""How often the same is asked while replies come garbled, each otherwise."""
_MEANT = 3
"""How often a model says the same garbled words until they are taken to be its own."""
_QUOTED = 4000
"""Characters of an unfit reply that the model is shown again."""
_THOUSANDTHS = Places("thousandths")
"""What needs no knowledge of how a picture was resized."""


class Renderer(Protocol):
    """Puts asks into words and pictures."""

    def digest(self, kind: type[Ask[Any]]) -> str:
        """Digest of the words that asks of this kind are put in."""
        ...

    async def render(self, ask: Ask[Any]) -> tuple[str, Sequence[Part]]:
        """The system text of an ask, and the parts of its question in order.

        Raises:
            RoboscribeError: The ask cannot be put, as when its pictures cannot be read.
        """
        ...


class AskingModel:
    """Answers asks by putting them to a backend.

    A reply that comes garbled is asked for again in the same words, so that accidents on the way change no answer:
    where one reply in ten is garbled by chance, one ask in millions is begun again for it. A reply that is cut off is
    given room for twice as much. One that can be read and holds no valid answer is shown to the model once with what is
    wrong; then the ask is begun again with another seed, and if the last of these conversations ends the same way
    the ask has failed.

    Args:
        backend: Who is asked.
        renderer: Puts asks into words and pictures.
        ledger: Where calls are accounted for.
        cache: Replies to requests that were made before; None to ask everything anew.
        max_tokens: Longest reply.
        looks: Whether it wants the pictures of asks.
        places: How it names places in pictures.
    """

    def __init__(
        self,
        backend: Backend,
        renderer: Renderer,
        *,
        ledger: Ledger,
        cache: RequestCache | None = None,
        max_tokens: int = 1024,
        looks: bool = True,
        places: Places = _THOUSANDTHS,
    ) -> None:
        self.backend = backend
        self.ledger = ledger
        self._renderer = renderer
        self._cache = cache
        self._max_tokens = max_tokens
        self._looks = looks
        self._places = places
        self._recalls = True

    @property
    def identity(self) -> str:
        """The backend's: model and sampling settings."""
        return self.backend.identity

    @property
    def at_once(self) -> int:
        """As many as its backend works on at a time."""
        return self.backend.at_once

    def looks(self, kind: type[Ask[Any]]) -> bool:
        """Yes at every kind, if it looks at all."""
        return self._looks

    def prompt_digest(self, kind: type[Ask[Any]]) -> str:
        """Digest of the words that asks of this kind are put in."""
        return self._renderer.digest(kind)

    def afresh(self) -> AskingModel:
        """The same model on the same backend and account, which asks again what the cache holds."""
        model = copy(self)
        model._recalls = False
        return model

    @asynccontextmanager
    async def opened(self, showing: Sequence[str]) -> AsyncGenerator[None]:
        """Around its use: its backend is checked at the start, and let go of at the end.

        Asks may be put meanwhile; no reply comes before the check has ended.

        Args:
            showing: Names of what will show pictures, which the check then covers.

        Raises:
            RoboscribeError: The backend cannot be used.
        """
        try:
            await self.backend.check(showing)
            yield
        finally:
            await self.backend.close()
            if self._cache is not None:
                self._cache.close()

    async def answer(self, ask: Ask[A]) -> A:
        """The answer to ``ask``, valid for its answer type.

        Raises:
            AnswerError: The model gave none; the reason is in the message.
            RunStopped: The budget is spent or the server lost; no other ask will fare better.
        """
        ask = ask.put_in(self._places)
        request = await request_of(ask, self._renderer, self._max_tokens)
        key = cache_key(self.identity, request.digest)
        kept = self._recall(key, ask)
        if kept is not None:
            self.ledger.cached += 1
            return ask.settled(kept)
        try:
            reply, answer = await self._ask(request, ask)
        except AnswerError:
            self.ledger.failures += 1
            raise
        if self._cache is not None:
            self._cache.put(key, request.name, reply, outline=cache_key(self.identity, request.outline))
        return ask.settled(answer)

    def _recall(self, key: str, ask: Ask[A]) -> A | None:
        reply = self._cache.get(key) if self._cache is not None and self._recalls else None
        if reply is None:
            return None
        try:
            return answer_in(reply, ask)
        except UnfitReply as unfit:
            # It was kept for what of it will do; or the answer type, which checks more than its schema tells, has
            # become stricter since.
            return cast("A | None", unfit.rest)

    async def _ask(self, request: Request, ask: Ask[A]) -> tuple[Reply, A]:
        """A valid answer and the reply that holds it; where there is none, what will do of the one that lacks least."""
        unfit: list[UnfitReply] = []
        for conversation in range(CONVERSATIONS):
            put = replace(request, seed=(request.seed + conversation) % 2**32)
            try:
                for _ in range(_TURNS):
                    self.ledger.repairs += bool(put.turns)
                    reply, outcome = await self._complete(put, ask)
                    if not isinstance(outcome, UnfitReply):
                        return reply, outcome
                    unfit.append(outcome)
                    put = replace(put, turns=(Turn(reply.text[:_QUOTED], _objection(request, outcome)),))
            except UnfitReply as error:
                unfit.append(error)
        partial = [(each.reply, cast(A, each.rest)) for each in unfit if each.reply and each.rest]
        if not partial:
            raise AnswerError(f"The model gave no valid answer to {request.name}. {unfit[-1]}")
        # Of those that lack as little the last, which was mended.
        return min(reversed(partial), key=lambda pair: _gaps(ask.settled(pair[1]).model_dump()))

    async def _complete(self, request: Request, ask: Ask[A]) -> tuple[Reply, A | UnfitReply]:
        """A reply and what is in it; a garbled one where the model means to say that, or no other comes.

        Raises:
            UnfitReply: The reply is longer than it may be.
        """
        most = 2 * request.max_tokens
        said = Counter[str]()
        while True:
            reply = await self._call(request)
            try:
                return reply, answer_in(reply, ask)
            except UnfitReply as error:
                unfit = error
            said[reply.text] += 1
            if not unfit.garbled or said[reply.text] == _MEANT or said.total() == _TRIES:
                return reply, unfit
            if reply.finish == "length":
                # One that ends sooner than it had to was cut off by accident.
                is_full = not 0 < reply.usage.completion_tokens < request.max_tokens
                if is_full and request.max_tokens == most:
                    raise UnfitReply(
                        f"The reply was cut off at {most} tokens; --vlm.max-new-tokens allows for more."
                    )
                request = replace(request, max_tokens=most)
            self.ledger.retries += 1

    async def _call(self, request: Request) -> Reply:
        with self.ledger.call():
            reply = await self.backend.complete(request)
        self.ledger.used(reply.usage)
        return reply


async def request_of(ask: Ask[Any], renderer: Renderer, max_tokens: int) -> Request:
    """What is put to a backend for an ask.

    Raises:
        RoboscribeError: The ask cannot be put, as when its pictures cannot be read.
    """
    system, parts = await renderer.render(ask)
    schema = copied(schema_of(ask.answer))
    ask.narrow(schema)
    return Request(
        name=type(ask).__name__,
        system=system,
        parts=tuple(parts),
        schema=schema,
        seed=ask.seed,
        max_tokens=max_tokens,
        rank=(-ask.leads, ask.episode),
    )


def cache_key(identity: str, digest: str) -> str:
    """Key of a request in the cache: who is asked, and a digest of what."""
    return hashlib.sha256(f"{identity}\n{digest}".encode()).hexdigest()


def answer_in(reply: Reply, ask: Ask[A]) -> A:
    """The answer that a reply holds, if it will do.

    Raises:
        UnfitReply: It will not.
    """
    try:
        answer = parse_answer(reply.text, cast("type[A]", ask.answer))
    except UnfitReply:
        if reply.finish != "length":
            raise
        raise UnfitReply("The reply was cut off before its answer was whole.", garbled=True) from None
    if objection := ask.objection(answer):
        raise UnfitReply(objection, ask.remainder(answer), reply)
    return answer


def _gaps(value: Any) -> int:
    """How many values are missing in plain data."""
    if isinstance(value, dict):
        value = [*cast(dict[str, Any], value).values()]
    return sum(map(_gaps, cast(list[Any], value))) if isinstance(value, (list, tuple)) else value is None


def _objection(request: Request, unfit: UnfitReply) -> str:
    """What the model is told about its reply; the schema is in it for servers that do not pass it on."""
    return (
        f"{unfit} Answer again with one JSON object and nothing else. "
        f"It must fit this JSON schema: {json.dumps(request.schema)}"
    )
