"""The dialects of OpenAI-compatible servers: a request goes in, the body one server understands comes out."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from roboscribe.config import VlmSettings, json_object
from roboscribe.frames.picture import Clip, Jpeg
from roboscribe.models.families import WITHOUT_THINKING
from roboscribe.models.request import Reply, Request, Usage

Structure = Literal["json_schema", "unbounded", "json_object", "prompt"]

_STRUCTURES: tuple[Structure, ...] = get_args(Structure)
_BOUNDS = frozenset(("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"))


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server takes.

    Attributes:
        structure: How the answer's schema is passed: enforced by the server (``json_schema``), enforced without
            its bounds of numbers and lengths (``unbounded``), named to the server and repeated in the prompt
            (``json_object``), or only in the prompt.
        limit: Name of the field that bounds the reply's length.
        seeded: Whether it takes a seed.
        calm: Whether its chat template is told to do without thinking, which leaves no room for the answer.
        films: Whether it takes videos as frames; otherwise their frames go as pictures.
    """

    structure: Structure = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    seeded: bool = True
    calm: bool = False
    films: bool = False

    def lower(self) -> Dialect | None:
        """The same with the next simpler way to pass a schema; None when there is none."""
        if self.structure == "prompt":
            return None
        return replace(self, structure=_STRUCTURES[_STRUCTURES.index(self.structure) + 1])

    def without(self, refusal: str) -> Dialect | None:
        """What to try after a refusal that names a field; None when it names none that can be spared."""
        if self.limit == "max_tokens" and "max_completion_tokens" in refusal:
            return replace(self, limit="max_completion_tokens")
        if self.seeded and "seed" in refusal.lower():
            return replace(self, seeded=False)
        if self.calm and "chat_template_kwargs" in refusal:
            return replace(self, calm=False)
        return None


def refuses_structure(refusal: str) -> bool:
    """Whether a refusal is about the way the schema was passed."""
    words = ("response_format", "json_schema", "json_object", "schema", "structured", "grammar", "guided")
    return any(word in refusal.lower() for word in words)


def sampling_of(vlm: VlmSettings) -> dict[str, Any]:
    """The fields of a body that the settings give, the same for every request."""
    fields: dict[str, Any] = {
        "temperature": vlm.temperature,
        "top_p": vlm.top_p,
        "reasoning_effort": vlm.reasoning_effort,
        "chat_template_kwargs": json_object("vlm.chat-template-kwargs", vlm.chat_template_kwargs) or None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return given | json_object("vlm.extra-body", vlm.extra_body)


def body_of(
    request: Request,
    model: str,
    dialect: Dialect,
    sampling: Mapping[str, Any],
    url_of: Callable[[Jpeg | Clip], str],
) -> dict[str, Any]:
    """The body of a chat completion request.

    Args:
        request: What is asked; without a schema the answer is free text.
        model: Name of the model at the server.
        dialect: What the server takes.
        sampling: Fields of ``sampling_of``.
        url_of: The data URL of a picture or clip.
    """
    format_: dict[str, Any] | None = None
    if request.schema and dialect.structure in ("json_schema", "unbounded"):
        schema = request.schema if dialect.structure == "json_schema" else unbounded(request.schema)
        named = {"name": "answer", "strict": True, "schema": schema}
        format_ = {"type": "json_schema", "json_schema": named}
    elif request.schema:
        request = replace(request, parts=(*request.parts, spelt_out(request.schema)))
        if dialect.structure == "json_object":
            format_ = {"type": "json_object", "schema": request.schema}
    messages = messages_of(request, url_of)
    body: dict[str, Any] = {"model": model, "messages": messages, dialect.limit: request.max_tokens}
    if dialect.seeded:
        # Some servers keep seeds in a signed 32-bit number.
        body["seed"] = request.seed & 0x7FFF_FFFF
    if format_ is not None:
        body["response_format"] = format_
    if dialect.calm:
        body["chat_template_kwargs"] = dict(WITHOUT_THINKING)
    if request.clips:
        # All frames that are sent; vLLM would keep the first 32 and take them to be a second apart.
        body["media_io_kwargs"] = {"video": {"num_frames": -1, "fps": request.clips[0].fps}}
    return body | dict(sampling)


def unbounded(schema: Any) -> Any:
    """A JSON schema that bounds neither numbers nor lengths; what it no longer says is checked in the answer."""
    if isinstance(schema, list):
        return [unbounded(part) for part in cast(list[Any], schema)]
    if not isinstance(schema, Mapping):
        return schema
    found = cast(Mapping[str, Any], schema)
    plain = {name: unbounded(part) for name, part in found.items() if name not in _BOUNDS}
    if "properties" in found:
        # Their names are the answer's own words.
        plain["properties"] = {name: unbounded(part) for name, part in found["properties"].items()}
    return plain


def spelt_out(schema: Mapping[str, Any]) -> str:
    """What is said to a server that is not passed the schema of an answer."""
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema: {json.dumps(schema)}"


def messages_of(request: Request, url_of: Callable[[Jpeg | Clip], str]) -> list[dict[str, Any]]:
    """A request as chat messages; ``url_of`` gives the data URL of a picture or clip."""
    content: Any
    if request.pictures:
        content = [
            {"type": "text", "text": part} if isinstance(part, str) else _shown(part, url_of(part))
            for part in request.parts
        ]
    else:
        # Servers of text models know no other form.
        content = "\n\n".join(cast(tuple[str, ...], request.parts))
    messages: list[dict[str, Any]] = [{"role": "system", "content": request.system}] if request.system else []
    messages.append({"role": "user", "content": content})
    for turn in request.turns:
        messages.append({"role": "assistant", "content": turn.reply})
        messages.append({"role": "user", "content": turn.objection})
    return messages


def _shown(part: Jpeg | Clip, url: str) -> dict[str, Any]:
    kind = "image_url" if isinstance(part, Jpeg) else "video_url"
    return {"type": kind, kind: {"url": url}}


def reply_of(data: Mapping[str, Any]) -> Reply | None:
    """The reply in a server's JSON; None when there is none in it."""
    try:
        choice = data["choices"][0]
        message = choice["message"]
        finish = str(choice.get("finish_reason") or "stop")
        # A model that refuses says so in a field of its own, and some servers take all of a reply for thinking;
        # thinking that was cut off holds drafts at most.
        fields = ("content", "refusal", *(() if finish == "length" else ("reasoning_content",)))
        content: Any = next((message[name] for name in fields if message.get(name)), None)
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    if isinstance(content, list):
        # A few servers answer in parts, as messages are sent.
        pieces = cast(list[Any], content)
        content = "".join(
            str(cast(dict[str, Any], piece).get("text", "")) if isinstance(piece, dict) else str(piece)
            for piece in pieces
        )
    return Reply(str(content or ""), _usage_of(data.get("usage")), finish)


def _usage_of(usage: Any) -> Usage:
    found = cast(dict[str, Any], usage) if isinstance(usage, dict) else {}
    details = found.get("prompt_tokens_details")
    details = cast(dict[str, Any], details) if isinstance(details, dict) else {}
    return Usage(
        int(found.get("prompt_tokens") or 0),
        int(found.get("completion_tokens") or 0),
        int(details.get("cached_tokens") or 0),
    )


def png_url(picture: Jpeg) -> str:
    """A picture as the data URL of a PNG; takes some 90 ms for 640x480 pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture.data)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
