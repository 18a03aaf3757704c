"""Questions for models that run for real: every kind of answer with its schema, and which packages they need."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec

import pytest
from talking import jpeg

import roboscribe.asks
from roboscribe.asks import Answer, Label
from roboscribe.models.answers import schema_of
from roboscribe.models.request import Reply, Request

ANSWERS = [
    kind
    for kind in vars(roboscribe.asks).values()
    if isinstance(kind, type) and issubclass(kind, Answer) and kind is not Answer
]
"""Every type of answer there is."""


def require(extra: str, *packages: str) -> None:
    """Skip when packages are missing; fail instead where the environment says that they must be there."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        reason = f"{', '.join(missing)} not installed (extra {extra})"
        if os.environ.get(f"ROBOSCRIBE_REQUIRE_{extra.upper()}") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def question(
    number: int, kind: type[Answer] | None = Label, *, pictures: int = 0, room: int = 2048
) -> Request:
    """A question of its own words and pictures, with room for a reply; free text without a kind of answer."""
    shown = tuple(jpeg(40 * number + shade, side=64 + 32 * shade) for shade in range(pictures))
    schema = {} if kind is None else schema_of(kind)
    return Request("Look", "You look.", (*shown, f"Number {number}: what is it?"), schema, number, room)


def texts(replies: Sequence[Reply | BaseException]) -> list[str]:
    """The words of replies and errors."""
    return [reply.text if isinstance(reply, Reply) else str(reply) for reply in replies]
