"""Questions for models that run for real: every kind of answer with its schema, and which packages they need."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import pytest
from talking import jpeg

import roboscribe.asks
from roboscribe.asks import Answer, Label
from roboscribe.models.answers import UnfitReply, parse_answer, schema_of
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
    schema = {} if kind is None else _short(schema_of(kind))
    return Request("Look", "You look.", (*shown, f"Number {number}: what is it?"), schema, number, room)


def _short(schema: Any) -> Any:
    """A schema whose lists end soon and whose objects have names of their own, as those that asks have narrowed do."""
    if isinstance(schema, list):
        return [_short(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(of_any_name := schema.get("additionalProperties"), dict):
        named = {"properties": {"1": of_any_name}, "required": ["1"], "additionalProperties": False}
        return _short(schema | named)
    return {key: min(part, 4) if key == "maxItems" else _short(part) for key, part in schema.items()}


def are_answers(replies: Sequence[Reply], kinds: Sequence[type[Answer]]) -> bool:
    """Whether replies are answers, but for a few that are too short.

    A schema counts the white space at the ends of a text and the marks of a template, too, which are taken away.
    """
    short = 0
    for reply, kind in zip(replies, kinds, strict=True):
        try:
            parse_answer(reply.text, kind)
        except UnfitReply as error:
            if "should have at least" not in str(error):
                raise
            short += 1
    return short <= 0.2 * len(replies)


def texts(replies: Sequence[Reply | BaseException]) -> list[str]:
    """The words of replies and errors."""
    return [reply.text if isinstance(reply, Reply) else str(reply) for reply in replies]


def fits(value: Any, schema: Any) -> bool:
    """Whether plain data fits a JSON schema of the kind that asks have."""
    if "anyOf" in schema:
        return any(fits(value, option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return value in schema.get("enum", [schema.get("const")])
    match schema["type"], value:
        case "object", dict():
            parts = schema["properties"]
            return value.keys() == parts.keys() and all(fits(value[name], parts[name]) for name in parts)
        case "array", list():
            return _bounded(len(value), schema, "Items") and all(
                fits(item, schema["items"]) for item in value
            )
        case "string", str():
            return _bounded(len(value), schema, "Length")
        case "integer", int():
            return _bounded(value, schema, "imum")
        case "number", int() | float():
            return _bounded(value, schema, "imum")
        case kind, _:
            return (kind, value) == ("null", None)


def _bounded(number: float, schema: Any, of: str) -> bool:
    return schema.get(f"min{of}", number) <= number <= schema.get(f"max{of}", number)
