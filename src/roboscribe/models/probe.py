"""What a server can do: a few tiny requests go out, its dialect or one clear error comes back."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from roboscribe.frames.picture import Clip, Jpeg
from roboscribe.models.answers import objects_in
from roboscribe.models.dialect import Dialect
from roboscribe.models.request import Reply, Request
from roboscribe.models.trouble import Trouble, blind

Send = Callable[[Request, Dialect], Awaitable[Reply]]
"""Brings the reply to one request in one dialect, or raises ``Trouble``."""

_TRIES = 3
_WORD = {"word": "roboscribe"}
_SCHEMA = {
    "type": "object",
    # The bound is what some servers refuse in any schema.
    "properties": {"word": {"type": "string", "enum": [_WORD["word"]], "maxLength": 40}},
    "required": ["word"],
    "additionalProperties": False,
}
_QUESTION = Request("probe", "", ("Say hello.",), {}, seed=0, max_tokens=64)


async def learn(
    send: Send, name: str, full: Dialect, *, showing: Sequence[str], say: Callable[[str], None]
) -> Dialect:
    """The dialect of a server.

    Args:
        send: Puts one request to it.
        name: What to call the server in messages.
        full: All that it may be able to do.
        showing: Names of what will show it pictures.
        say: Told what a user should know though it is no error.

    Raises:
        Trouble: It cannot be asked at all.
        ServerError: It does not take pictures.
    """
    # All at once, as most servers take the fullest dialect; one that does not is asked again in its own.
    plain, structured, seen = await asyncio.gather(
        _plain(send, full),
        _structured(send, full),
        _picture(send, full, bool(showing)),
        return_exceptions=True,
    )
    if isinstance(plain, BaseException):
        raise plain
    dialect, reply = plain
    if dialect != full:
        structured, seen = await asyncio.gather(
            _structured(send, dialect), _picture(send, dialect, bool(showing)), return_exceptions=True
        )
    if isinstance(structured, BaseException):
        raise structured
    if isinstance(seen, Trouble) and seen.kind in ("refused", "faulty"):
        raise blind(f"{name} answers, but not about pictures: {seen.text}.", showing)
    if isinstance(seen, BaseException):
        raise seen
    if seen and 0 < seen.usage.prompt_tokens <= reply.usage.prompt_tokens:
        say(f"{name} counts no tokens for a picture; if its model cannot see, its answers are made up.")
    return structured


async def takes_films(send: Send, dialect: Dialect, name: str, say: Callable[[str], None]) -> bool:
    """Whether a server takes a video as frames at their own times; where it does not, their frames go as pictures.

    Raises:
        Trouble: It cannot be asked at all.
    """
    clip = Clip((_grey(), _grey()), (0.0, 1.0))
    try:
        await send(replace(_QUESTION, parts=(*_QUESTION.parts, clip)), replace(dialect, films=True))
    except Trouble as trouble:
        if trouble.kind not in ("refused", "faulty"):
            raise
        say(
            f"{name} takes no videos as frames at times of their own, so it is shown the frames as pictures. "
            "vLLM takes them when it is started with --trust-request-mm-kwargs."
        )
        return False
    return True


async def _plain(send: Send, dialect: Dialect) -> tuple[Dialect, Reply]:
    while True:
        try:
            return dialect, await send(_QUESTION, dialect)
        except Trouble as trouble:
            simpler = dialect.without(trouble.text) if trouble.kind == "refused" else None
            if simpler is None:
                raise
            dialect = simpler


async def _picture(send: Send, dialect: Dialect, wanted: bool) -> Reply | None:
    return await send(replace(_QUESTION, parts=(*_QUESTION.parts, _grey())), dialect) if wanted else None


async def _structured(send: Send, dialect: Dialect) -> Dialect:
    """The dialect with the best way to pass a schema that the server takes and, as far as can be told, heeds."""
    question = replace(_QUESTION, schema=_SCHEMA)
    while (simpler := dialect.lower()) is not None:
        try:
            # A fault may garble one reply, so a single unfit one decides nothing.
            for _ in range(_TRIES):
                if _heeded(await send(question, dialect), dialect):
                    return dialect
        except Trouble as trouble:
            if trouble.kind not in ("refused", "faulty"):
                raise
            if trouble.kind == "faulty" and simpler.structure == "unbounded":
                # A schema is refused for what is in it; a server that trips over one knows of none.
                simpler = replace(simpler, structure="json_object")
            dialect = simpler
        else:
            # A server that passes over one response format passes over the others, too.
            dialect = replace(dialect, structure="prompt")
    return dialect


def _heeded(reply: Reply, dialect: Dialect) -> bool:
    """Whether a reply to the probe is held to what it was asked with."""
    if dialect.structure == "json_object":
        return any(objects_in(reply.text))
    # Nothing in the question leads to the word: only a server that enforces the schema can answer with it.
    thinking = reply.finish == "length" and ("<think>" in reply.text or not reply.text.strip())
    return thinking or _WORD in objects_in(reply.text)


@lru_cache(maxsize=1)
def _grey() -> Jpeg:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(buffer, "JPEG")
    return Jpeg(buffer.getvalue(), 64, 64, 64, 64)
