"""What goes to a model that talks and what comes back: requests go into a backend, replies come out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from roboscribe.frames.picture import Clip, Jpeg, Part


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
    """

    name: str
    system: str
    parts: tuple[Part, ...]
    schema: Mapping[str, Any]
    seed: int
    max_tokens: int
    turns: tuple[Turn, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Hex digest of everything in it that can change the reply.

        Who is asked is not in it: together with ``Backend.identity`` it is the key of the request cache.
        """
        canonical = {
            "system": self.system,
            "parts": [_canonical(part) for part in self.parts],
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


def _canonical(part: Part) -> dict[str, Any]:
    """A part without what does not change the reply."""
    if isinstance(part, str):
        return {"text": part}
    if isinstance(part, Jpeg):
        return {"jpeg": hashlib.sha256(part.data).hexdigest()}
    return {"clip": [hashlib.sha256(frame.data).hexdigest() for frame in part.frames], "times": part.times}


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
    """

    text: str
    usage: Usage = Usage()
    finish: str = "stop"


class Backend(Protocol):
    """Turns requests into replies: a server on the network, or a model in this process.

    Many ``complete`` calls are in flight together, from one event loop. A backend that works in batches
    collects the ones that wait; one that sends requests over a network limits how many it has open.
    """

    @property
    def identity(self) -> str:
        """Model and sampling settings that change replies; never an address, a port or a concurrency."""
        ...

    async def check(self, *, images: bool) -> None:
        """Make sure that requests can be answered, before an episode is spent on finding out.

        Args:
            images: Whether requests will carry pictures.

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
