"""Typical answers: an ask goes in, an answer about as long as a model would give comes out, unasked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from roboscribe.asks import Answer, Ask
from roboscribe.errors import AnswerError
from roboscribe.models.builtin import BuiltinModel

A = TypeVar("A", bound=Answer)

_WORDS = "The arm moves to the red cup, grasps it by the handle and puts it on the shelf. "
_USUAL_PART = 5
"""Bounds of texts are set to leave room: about five times what is usual."""
_FEW = 2
"""Items of a list of no certain length."""


async def typical_answer(ask: Ask[A], schema: Mapping[str, Any]) -> A:
    """What a model may answer.

    What the ask says itself of a typical answer; else what the builtin model answers where it need not look;
    else what the schema leads to expect.

    Args:
        ask: The ask.
        schema: Of its answer, narrowed.

    Raises:
        AnswerError: What is asked for is more than an answer can hold.
    """
    builtin = BuiltinModel()
    try:
        if (stated := ask.typical()) is not None:
            return stated
        if not builtin.looks(type(ask)):
            # It may have no rule for this kind, or the rule finds nothing to go by.
            with suppress(AnswerError):
                return await builtin.answer(ask)
        return cast(A, ask.answer.model_validate(usual_value(schema)))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise AnswerError(f"No answer to {type(ask).__name__} can be valid: {problem}.") from None


def as_replied(answer: Answer, schema: Mapping[str, Any]) -> str:
    """An answer in the words of a reply that keeps to the schema of its ask."""
    return json.dumps(_wanted(answer.model_dump(mode="json"), schema))


def usual_value(schema: Mapping[str, Any]) -> Any:
    """A value that fits a JSON schema without references, of usual length."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return usual_value(schema[several][0])
    match schema.get("type"):
        case "object":
            return {name: usual_value(part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return _items(schema)
        case "string":
            length = max(schema.get("minLength", 1), schema.get("maxLength", 200) // _USUAL_PART)
            return (_WORDS * (length // len(_WORDS) + 1))[:length].rstrip().ljust(length, ".")
        case "integer":
            return int(_between(schema, 0.5))
        case "number":
            return round(_between(schema, 0.5), 2)
        case "boolean":
            return True
        case _:
            return None


def _wanted(value: Any, schema: Mapping[str, Any]) -> Any:
    """A value without what the narrowed schema leaves out."""
    options = [option for name in ("anyOf", "oneOf") for option in schema.get(name, ())]
    if options:
        return value if value is None else _wanted(value, options[0])
    match value:
        case dict() if "properties" in schema:
            found = cast(dict[str, Any], value)
            return {name: _wanted(found.get(name), part) for name, part in schema["properties"].items()}
        case list() if "items" in schema:
            return [_wanted(item, schema["items"]) for item in cast(list[Any], value)]
        case float():
            # Models write no more; rules give all digits of a time.
            return round(value, 2)
        case _:
            return value


def _items(schema: Mapping[str, Any]) -> list[Any]:
    items = schema.get("items", {"type": "string"})
    count = max(schema.get("minItems", 0), min(schema.get("maxItems", _FEW), _FEW))
    if items.get("type") in ("integer", "number"):
        # Ascending, as corners of a box are, and not too far to the right for a picture that is lower than wide.
        values = [_between(items, (at + 1) / (2 * count)) for at in range(count)]
        return [int(value) for value in values] if items["type"] == "integer" else values
    return [usual_value(items) for _ in range(count)]


def _between(schema: Mapping[str, Any], share: float) -> float:
    low = schema.get("minimum", 0)
    return low + (schema.get("maximum", low + 10) - low) * share
