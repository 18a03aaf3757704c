"""What goes to a model that talks and what comes back: requests go into a backend, replies come out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from roboscribe.frames.picture import Clip, Jpeg, Part

Rank = tuple[int, int]
"""Place in the order in which requests that wait are sent; lower goes first."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A reply that would not do, and what is said to the model about it."""

    reply: str
    objection: str


@dataclass(frozen=True, eq=False)
class Request:
    """One question to a model.

    Attributes:
        name: Name of the ask it comes from, for people; no part of the digest.
        system: The system text.
        parts: Texts and pictures of the question.
        schema: JSON schema the answer must keep to.
        seed: Seed of the sampling, in [0, 2**32).
        max_tokens: Longest reply.
        turns: Replies to this question that were sent back to be mended.
        rank: When it is sent, where several wait; no part of the digest.
    """

    name: str
    system: str
    parts: tuple[Part, ...]
    schema: Mapping[str, Any]
    seed: int
    max_tokens: int
    turns: tuple[Turn, ...] = ()
    rank: Rank = (0, 0)

    @cached_property
    def digest(self) -> str:
        """Hex digest of everything in it that can change the reply.

        Who is asked is not in it: together with ``Backend.identity`` it is the key of the request cache.
        """
        return self._digest(lambda picture: hashlib.sha256(picture.data).hexdigest())

    @cached_property
    def outline(self) -> str:
        """Hex digest in which pictures stand by which frames they show and how large, so that it is known before
        any of them is made."""
        return self._digest(lambda picture: f"{picture.origin} {picture.width}x{picture.height}")

    def _digest(self, name: Callable[[Jpeg], str]) -> str:
        canonical = {
            "system": self.system,
            "parts": [_canonical(part, name) for part in self.parts],
            "schema": self.schema,
            "seed": self.seed,
            "max_tokens": self.max_tokens,
            "turns": [[turn.reply, turn.objection] for turn in self.turns],
        }
        return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()

    @property
    def pictures(self) -> tuple[Jpeg, ...]:
        """Its pictures in order, those of clips among them."""
        return tuple(
            picture
            for part in self.parts
            if not isinstance(part, str)
            for picture in (part.frames if isinstance(part, Clip) else (part,))
        )

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Its clips in order."""
        return tuple(part for part in self.parts if isinstance(part, Clip))


def without_clips(request: Request) -> Request:
    """The same question with the frames of its clips as single pictures, for models that take no video."""
    if not request.clips:
        return request
    parts = (part.frames if isinstance(part, Clip) else (part,) for part in request.parts)
    return replace(request, parts=tuple(part for several in parts for part in several))


def _canonical(part: Part, name: Callable[[Jpeg], str]) -> dict[str, Any]:
    """A part without what does not change the reply, its pictures by their names."""
    if isinstance(part, str):
        return {"text": part}
    if isinstance(part, Jpeg):
        return {"jpeg": name(part)}
    return {"clip": [name(frame) for frame in part.frames], "times": part.times}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply; zeros where a server does not count.

    Attributes:
        prompt_tokens: Tokens read, pictures included.
        completion_tokens: Tokens written, thinking included.
        cached_tokens: Of the tokens read, those the server had at hand from before.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said.

    Attributes:
        text: Its words, which ought to be JSON.
        usage: Tokens it took.
        finish: ``stop`` when it ended by itself, ``length`` when it was cut off.
        seconds: How long it kept one of the places at its backend at which requests are worked on at once; 0
            when nobody measured. Replies that say the same are equal however long they took.
    """

    text: str
    usage: Usage = Usage()
    finish: str = "stop"
    seconds: float = field(default=0.0, compare=False)


class Backend(Protocol):
    """Turns requests into replies: a server on the network, or a model in this process.

    Many ``complete`` calls are in flight together, from one event loop. A backend that works in batches
    collects the ones that wait; one that sends requests over a network limits how many it has open.
    """

    @property
    def identity(self) -> str:
        """Model and sampling settings that change replies; never an address, a port or a concurrency."""
        ...

    @property
    def at_once(self) -> int:
        """Requests that it works on at the same time; more wait, and those of lowest rank go first."""
        ...

    async def check(self, showing: Sequence[str]) -> None:
        """Make sure that requests can be answered, before an episode is spent on finding out.

        ``complete`` may be called meanwhile, and brings no reply before it has ended well.

        Args:
            showing: Names of what will show pictures; empty where nothing does.

        Raises:
            RoboscribeError: They cannot; one sentence on what is missing.
        """
        ...

    async def complete(self, request: Request) -> Reply:
        """The model's reply.

        Raises:
            AnswerError: This request cannot be answered.
            RunStopped: No request can be answered any more.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and memory."""
        ...
