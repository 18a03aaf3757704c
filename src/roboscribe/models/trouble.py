"""What can go wrong between us and a server: of what kind it is, and whether it may pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from roboscribe.errors import ServerError

SHOW_LESS = (
    "Show less in one request with --vqa.pictures-per-ask, --frames.per-ask, --frames.thumbnail-side or"
    " --vlm.max-pixels."
)
"""What to do about a request that is too much for a model."""

_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|model length|max_model_len|too long|longer than", re.IGNORECASE
)

Kind = Literal["away", "busy", "faulty", "refused", "barred", "unknown"]


class Trouble(Exception):  # noqa: N818 - most of it passes, and never reaches a user
    """A request that brought no reply.

    Attributes:
        kind: ``away`` (not reached, or no answer in time), ``busy`` (asked to slow down), ``faulty`` (a fault
            of the server), ``refused`` (this request will never do), ``barred`` (key or account),
            ``unknown`` (no such model or address). The first three may pass.
        text: What the server or the network said, without secrets.
        after: Seconds the server asked to wait, or None.
    """

    def __init__(self, kind: Kind, text: str, after: float | None = None) -> None:
        super().__init__(text)
        self.kind: Kind = kind
        self.text = text
        self.after = after

    @property
    def passes(self) -> bool:
        """Whether trying again may help."""
        return self.kind in ("away", "busy", "faulty")


def hint_for(said: str) -> str:
    """What to do about a refusal: to show less, where it speaks of length, and otherwise what it says itself."""
    return SHOW_LESS if _TOO_LONG.search(said) else ""


def address(url: str) -> str:
    """A server's address for people: without credentials, which some addresses hold."""
    where = urlsplit(url)
    port = f":{where.port}" if where.port else ""
    return f"{where.scheme}://{where.hostname}{port}{where.path.rstrip('/')}"


def blind(message: str, showing: Sequence[str]) -> ServerError:
    """What to do about a model that takes no pictures.

    Args:
        message: Which one, and how that shows.
        showing: Names of what would show it pictures.
    """
    *others, last = showing
    named = f"{', '.join(others)} and {last}" if others else last
    return ServerError(
        message, f"Choose a vision-language model with --vlm.model-id, as {named} would show it pictures."
    )


def key_refused(name: str, said: str, variable: str, *, is_set: bool) -> ServerError:
    """What to do about a server that does not take the API key.

    Args:
        name: The server's address, for people.
        said: What it answered.
        variable: Environment variable in which the key is looked for.
        is_set: Whether there is one.
    """
    state = "holds the wrong key" if is_set else "is not set"
    return ServerError(
        f"{name} refuses the API key: {said}.", f"The environment variable {variable} {state}."
    )
