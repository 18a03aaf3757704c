"""Answers as JSON: an answer type becomes the schema a server is held to, a reply's text the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from roboscribe.asks import Answer
from roboscribe.models.request import Reply

A = TypeVar("A", bound=Answer)

_ERRORS_SHOWN = 5
_QUOTED = 80
_TOO_DEEP = "it is nested too deeply"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_MARK = re.compile(r"<\|\w+\|>")
"""A mark of a chat template, as most models write theirs; it is never text."""
_FENCE = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)


class UnfitReply(ValueError):  # noqa: N818 - the reply is unfit, no program is in error
    """A reply that holds no valid answer; the message says why, in words a model can act on.

    Args:
        message: Why.
        rest: What of the answer would do by itself.
        reply: The reply that holds it.
        garbled: Whether it breaks off or is broken, so that what the model meant to say is not known.
    """

    def __init__(
        self,
        message: str,
        rest: Answer | None = None,
        reply: Reply | None = None,
        *,
        garbled: bool = False,
    ) -> None:
        super().__init__(message)
        self.rest = rest
        self.reply = reply
        self.garbled = garbled


@lru_cache(maxsize=256)
def schema_of(answer: type[Answer]) -> Mapping[str, Any]:
    """The JSON schema of an answer type, in the form that the strictest servers take.

    References are put in place, titles and defaults left out, and every property is required, as servers
    with strict schemas demand.
    """
    schema: dict[str, Any] = answer.model_json_schema()
    return cast(dict[str, Any], _plain(schema, schema.pop("$defs", {})))


def _plain(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    found = cast(dict[str, Any], node)
    if "$ref" in found:
        target = definitions[found["$ref"].rsplit("/", 1)[-1]]
        return _plain(
            {**target, **{key: value for key, value in found.items() if key != "$ref"}}, definitions
        )
    plain = {
        key: _plain(value, definitions)
        for key, value in found.items()
        if key not in ("title", "default", "properties")
    }
    if "properties" in found:
        # Names of properties are the answer's own words, so that one called "title" stays.
        properties = {name: _plain(value, definitions) for name, value in found["properties"].items()}
        plain |= {"properties": properties, "required": list(properties)}
    return plain


def parse_answer(text: str, kind: type[A]) -> A:
    """The answer in a reply.

    Thinking aloud before it (``<think>…</think>``), code fences around it and prose on either side are passed
    over, and so are marks of a chat template: servers that hold a reply to a schema count them as letters. When
    several JSON objects are in the text, the last valid one counts: models that think aloud show drafts first.

    Raises:
        UnfitReply: There is no JSON object in it, or none that is valid for ``kind``.
    """
    complaint: ValidationError | None = None
    answer: A | None = None
    for value in objects_in(_MARK.sub("", text)):
        try:
            answer = kind.model_validate(value)
        except ValidationError as error:
            complaint = error
    if answer is not None:
        return answer
    spoken = _spoken(text)
    # What is whole inside a broken object says little about it.
    if (breakage := _breakage(spoken)) is not None:
        raise UnfitReply(f"The reply is not JSON: {breakage}.", garbled=True)
    if complaint is not None:
        raise UnfitReply(_explain(complaint))
    if not spoken.strip():
        raise UnfitReply("The reply is empty.", garbled=True)
    try:
        json.loads(spoken)
    except json.JSONDecodeError:
        raise UnfitReply(f"The reply is not JSON, but begins with {spoken.strip()[:_QUOTED]!r}.") from None
    except RecursionError:
        raise UnfitReply(f"The reply is not JSON: {_TOO_DEEP}.", garbled=True) from None
    raise UnfitReply("The reply is JSON, but not an object.")


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Outermost JSON objects in a text, in order."""
    spoken = _spoken(text)
    decoder = json.JSONDecoder()
    at = spoken.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(spoken, at)
        except json.JSONDecodeError:
            end = at + 1
        except RecursionError:
            return
        else:
            yield value
        at = spoken.find("{", end)


def _breakage(spoken: str) -> str | None:
    """What breaks the first JSON object in a text; None where it is whole, or there is none."""
    at = spoken.find("{")
    if at < 0:
        return None
    try:
        json.JSONDecoder().raw_decode(spoken, at)
    except json.JSONDecodeError as error:
        return str(error)
    except RecursionError:
        return _TOO_DEEP
    return None


def _spoken(text: str) -> str:
    """A reply on one line without its thinking; the inside of its only code fence when there is one."""
    # Some templates open the thinking in the prompt, so that only its end is in the reply.
    _, _, after = text.rpartition("</think>")
    fenced = _FENCE.findall(after)
    # Models put bare line breaks into strings, and grammars that hold them to a schema let them.
    return _CONTROL.sub(" ", fenced[0] if len(fenced) == 1 else after)


def _explain(error: ValidationError) -> str:
    lines = [
        f"{'.'.join(str(step) for step in problem['loc']) or 'the object'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    shown = "; ".join(lines[:_ERRORS_SHOWN])
    more = f"; and {len(lines) - _ERRORS_SHOWN} more" if len(lines) > _ERRORS_SHOWN else ""
    return f"The JSON does not fit its schema: {shown}{more}."
