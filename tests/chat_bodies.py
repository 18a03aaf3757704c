"""Bodies of chat requests: one goes in, what is asked and shown in it comes out."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

Body = dict[str, Any]


def image_urls(body: Body) -> list[str]:
    """The picture URLs of a request, in order."""
    return [part["image_url"]["url"] for part in parts(body) if part.get("type") == "image_url"]


def texts(body: Body) -> str:
    """All texts of a request."""
    return "\n".join(part.get("text", "") for part in parts(body))


def parts(body: Body) -> list[Body]:
    """All parts of its messages, a plain text as one of them."""
    contents = [message["content"] for message in body["messages"]]
    return [
        part
        for content in contents
        for part in ([{"type": "text", "text": content}] if isinstance(content, str) else content)
    ]


def is_probe(body: Body) -> bool:
    """Whether a request only asks what the server can do."""
    return texts(body).startswith("Say hello.")


def question_digest(body: Body) -> str:
    """Digest of the messages before the first reply, without the schema that may be spelt out in them."""
    messages: list[Body] = []
    for message in body["messages"]:
        if message["role"] == "assistant":
            break
        messages.append(message)
    asked = {"messages": messages}
    said = re.sub(r"Answer with one JSON object.*", "", texts(asked), flags=re.DOTALL).strip()
    return hashlib.sha256(json.dumps([said, image_urls(asked)]).encode()).hexdigest()


def digest_of(body: Body) -> str:
    """Digest of a whole body."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
