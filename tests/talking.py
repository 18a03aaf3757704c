"""Test helpers: an ask of a few words, a renderer that repeats it, and models on backends without waits."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fake_openai_server import FakeServer
from PIL import Image
from pydantic import Field

from roboscribe.asks import Answer, Ask
from roboscribe.config import VlmSettings
from roboscribe.errors import RoboscribeError
from roboscribe.frames.picture import Clip, Jpeg, Part
from roboscribe.models.asking import AskingModel
from roboscribe.models.cache import RequestCache
from roboscribe.models.ledger import Ledger
from roboscribe.models.openai import OpenAIBackend
from roboscribe.models.request import Reply, Request
from roboscribe.models.select import identity_of


class Sight(Answer):
    """What is seen."""

    name: Annotated[str, Field(min_length=2, max_length=40)]
    count: Annotated[int, Field(ge=0, le=9)]
    colours: Annotated[list[Annotated[str, Field(max_length=20)]], Field(max_length=3)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Look(Ask[Sight]):
    """What is there to see?"""

    answer = Sight

    text: str
    pictures: tuple[Jpeg | Clip, ...] = ()


GOOD = '{"name": "red cup", "count": 2, "colours": ["red"]}'
BAD = '{"name": "red cup", "count": 12, "colours": ["red"]}'


class Repeat:
    """Renders an ask as its pictures and its text."""

    def digest(self, kind: type[Ask[Any]]) -> str:
        return kind.__name__

    async def render(self, ask: Ask[Any]) -> tuple[str, Sequence[Part]]:
        assert isinstance(ask, Look)
        return "You look at robots.", (*ask.pictures, ask.text)


class ScriptedBackend:
    """Replies from a list; a plain text is a whole reply, an exception is raised."""

    identity = "scripted"
    at_once = 16

    def __init__(self, *replies: str | Reply | Exception) -> None:
        self.requests: list[Request] = []
        self._replies = iter(replies)

    async def check(self, showing: Sequence[str]) -> None: ...

    async def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        reply = next(self._replies)
        if isinstance(reply, Exception):
            raise reply
        return Reply(reply) if isinstance(reply, str) else reply

    async def close(self) -> None: ...


class Waits:
    """Counts waits instead of waiting; other tasks get their turn."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def jpeg(shade: int = 0, side: int = 32) -> Jpeg:
    """A small plain picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (shade, 255 - shade, 128)).save(buffer, "JPEG")
    return Jpeg(buffer.getvalue(), side, side, side, side)


@dataclass
class Run:
    """What became of a list of asks.

    Attributes:
        answers: The answer's JSON, or the error, for each ask.
        ledger: The account.
        notes: What was said to the user.
        waits: Seconds of every wait.
    """

    answers: list[str | RoboscribeError]
    ledger: Ledger
    notes: list[str]
    waits: list[float]


def run_asks(
    servers: FakeServer | str | Sequence[FakeServer | str],
    asks: Iterable[Look],
    *,
    looks: bool = False,
    check: bool = True,
    ledger: Ledger | None = None,
    cache: RequestCache | None = None,
    environ: dict[str, str] | None = None,
    model: str = "fake-vlm",
    **vlm: Any,
) -> Run:
    """Put all asks to a model on servers at once, and close it.

    Raises:
        RoboscribeError: The check found that nothing can be asked.
    """
    settings = VlmSettings(**({"temperature": 0.0} | vlm))
    several = [servers] if isinstance(servers, FakeServer | str) else servers
    run = Run([], ledger or Ledger(), [], [])
    waits = Waits()

    async def answer_all() -> None:
        backend = OpenAIBackend(
            settings,
            identity=identity_of(settings, model),
            model=model,
            urls=[server if isinstance(server, str) else server.url for server in several],
            ledger=run.ledger,
            say=run.notes.append,
            environ=environ or {},
            wait=waits,
        )
        asking = AskingModel(
            backend,
            Repeat(),
            ledger=run.ledger,
            cache=cache,
            max_tokens=settings.max_new_tokens,
            looks=looks,
        )
        try:
            if check:
                await backend.check(("looks",) if looks else ())
            run.answers = await asyncio.gather(*(_answer(asking, ask) for ask in asks))
        finally:
            await backend.close()
            if cache is not None:
                cache.close()
            run.waits = waits.seconds

    asyncio.run(answer_all())
    return run


async def _answer(model: AskingModel, ask: Look) -> str | RoboscribeError:
    try:
        return (await model.answer(ask)).model_dump_json()
    except RoboscribeError as error:
        return error


def looks_at(count: int, *, seed: int = 0, pictures: int = 0) -> list[Look]:
    """Asks that differ in their text."""
    shown = tuple(jpeg(shade) for shade in range(pictures))
    return [
        Look(episode=i, seed=seed + i, text=f"Episode {i}: what is it?", pictures=shown) for i in range(count)
    ]
