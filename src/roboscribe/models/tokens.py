"""Counting tokens without a model: a request goes in, about how many tokens it is to one that reads it comes out."""

from __future__ import annotations

import io
import json
import string
import urllib.request
from collections.abc import Sequence
from math import ceil
from typing import Any, Protocol

from PIL import Image

from roboscribe.config import VlmSettings
from roboscribe.errors import SettingsError
from roboscribe.frames.picture import Clip, Jpeg
from roboscribe.frames.places import Resizing
from roboscribe.models.dialect import messages_of
from roboscribe.models.families import family_of, places_of
from roboscribe.models.request import Request

# Of our prompts, schemas and answers in the vocabulary of Qwen (2 to 3), by least squares: right to 10 % for each
# kind of ask, and to 3 % for all of them together.
_LETTERS_PER_TOKEN = 4.6
_DIGITS_PER_TOKEN = 1.0
_MARKS_PER_TOKEN = 2.0

_LETTERS = (string.ascii_letters + " ").encode()
_DIGITS = string.digits.encode()
_PER_MESSAGE = 5
"""Tokens that ChatML, and most templates after it, put around a message: its start, role and end."""
_PER_REPLY = 3
"""Tokens that open a reply."""
_PER_PICTURE = 2
"""Tokens that mark the start and end of a picture."""
_USUAL = Resizing(28, 3_136, 12_845_056)
"""Resizing taken for a family of which nobody knows it: most make a token of about 28 x 28 pixels."""

_SAMPLES = 3
"""Texts of a kind that a server is asked to count; further ones are taken to be like them."""
_PATIENCE = 10.0


class Tokens(Protocol):
    """Counts the tokens of requests and replies.

    Attributes:
        how: How it counts, in words that follow "tokens are counted".
    """

    @property
    def how(self) -> str: ...

    def prompt(self, request: Request) -> int:
        """Tokens that a model reads, pictures included; those need no data, as their sizes are enough."""
        ...

    def reply(self, text: str, name: str = "") -> int:
        """Tokens of a text that a model writes.

        Args:
            text: What it writes.
            name: The ask that this answers, as texts of one kind are alike.
        """
        ...


class ReckonedTokens:
    """Tokens by the characters of texts and the pixels of pictures.

    Args:
        resizing: How pictures are resized for the model; None when nobody knows.
    """

    def __init__(self, resizing: Resizing | None) -> None:
        self._known = resizing is not None
        self._resizing = resizing or _USUAL

    @property
    def how(self) -> str:
        """Both rules."""
        step = self._resizing.step
        pictures = f"one for {step} x {step} pixels, as models of this family do" if self._known else ""
        return (
            f"by characters ({_LETTERS_PER_TOKEN} letters, a digit or {_MARKS_PER_TOKEN:.0f} other marks each) and "
            f"pixels ({pictures or f'one for {step} x {step}, as nothing is known of this model'})"
        )

    def prompt(self, request: Request) -> int:
        """By the characters of its texts and the sizes of its pictures."""
        return round(self.words(request) + self.pictures(request))

    def reply(self, text: str, name: str = "") -> int:
        """By its characters."""
        return ceil(_reckon(text))

    def words(self, request: Request) -> float:
        """Tokens of its texts, and of what a chat template puts around messages."""
        texts = [part for part in request.parts if isinstance(part, str)]
        messages = 1 + bool(request.system)
        return sum(map(_reckon, (request.system, *texts))) + _PER_MESSAGE * messages + _PER_REPLY

    def pictures(self, request: Request) -> int:
        """Tokens of its pictures and clips."""
        return sum(self._shown(part) for part in request.parts if not isinstance(part, str))

    def _shown(self, part: Jpeg | Clip) -> int:
        picture = part if isinstance(part, Jpeg) else part.frames[0]
        width, height = self._resizing.size((picture.width, picture.height))
        each = (width // self._resizing.step) * (height // self._resizing.step)
        # Models that take videos read their frames two by two.
        return each * (1 if isinstance(part, Jpeg) else ceil(len(part.frames) / 2)) + _PER_PICTURE


class ServerTokens:
    """Words as a server counts them that has vLLM's ``/tokenize``, pictures by their pixels.

    Args:
        url: The server's address up to ``/v1``.
        key: API key.
        model: Name of the model at the server.
        reckoned: Counts pictures, and texts that are like texts the server has counted.

    Raises:
        OSError, ValueError: It has none, or does not answer.
    """

    def __init__(self, url: str, key: str, model: str, reckoned: ReckonedTokens) -> None:
        self._url = url.removesuffix("/v1") + "/tokenize"
        self._key = key
        self._model = model
        self._reckoned = reckoned
        self._samples: dict[str, list[tuple[float, float]]] = {}
        self.how = "by the server, and pictures by their pixels"
        self._count(prompt="A robot.")

    def prompt(self, request: Request) -> int:
        """By the server for the first requests of a kind; others by how those compare to reckoning."""
        words = self._reckoned.words(request)
        told = [
            message | {"content": _texts(message["content"])} for message in messages_of(request, _no_url)
        ]
        return round(
            self._like(request.name, words, {"messages": told, "add_generation_prompt": True})
            + self._reckoned.pictures(request)
        )

    def reply(self, text: str, name: str = "") -> int:
        """By the server for the first texts of a kind; others by how those compare to reckoning."""
        return round(self._like(f"{name} answered", _reckon(text), {"prompt": text}))

    def _like(self, kind: str, reckoned: float, asked: dict[str, Any]) -> float:
        samples = self._samples.setdefault(kind, [])
        if len(samples) < _SAMPLES:
            samples.append((reckoned, self._count(**asked)))
            return samples[-1][1]
        return reckoned * sum(counted for _, counted in samples) / sum(guess for guess, _ in samples)

    def _count(self, **asked: Any) -> int:
        body = json.dumps({"model": self._model, **asked}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        request = urllib.request.Request(self._url, body, headers)
        with urllib.request.urlopen(request, timeout=_PATIENCE) as reply:
            found: Any = json.load(reply)
        try:
            return int(found["count"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self._url} tells no count") from error


class ProcessorTokens:
    """Tokens as the model's own processor makes them.

    Args:
        processor: Of the model.
    """

    how = "by the model's own processor"

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self._by_size: dict[tuple[int, ...], int] = {}

    def prompt(self, request: Request) -> int:
        """Exact for processors to which the tokens of a picture are a matter of its size alone."""
        written = self._length(self.processor.prompt(request))
        return written + sum(self._shown(part) for part in request.parts if not isinstance(part, str))

    def reply(self, text: str, name: str = "") -> int:
        """Exact."""
        return self._length(text)

    def _length(self, text: str) -> int:
        return len(self.processor.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _shown(self, part: Jpeg | Clip) -> int:
        """Tokens of a picture or clip beyond those of its placeholder, found out with a black one of its size."""
        frames = (part,) if isinstance(part, Jpeg) else part.frames
        size = (len(frames) * isinstance(part, Clip), frames[0].width, frames[0].height)
        if size not in self._by_size:
            blank = _blank(frames[0].width, frames[0].height)
            stand_in = blank if isinstance(part, Jpeg) else Clip((blank,) * len(frames), part.times)
            alone = Request("blank", "", (stand_in,), {}, seed=0, max_tokens=1)
            whole = int(self.processor.inputs([alone])["attention_mask"].sum())
            self._by_size[size] = whole - self._length(self.processor.prompt(alone))
        return self._by_size[size]


def count_tokens(vlm: VlmSettings, model: str, urls: Sequence[str], key: str) -> Tokens:
    """The best way to count that is to be had: the model's files here, its server, or its family's rules.

    Nothing is downloaded.

    Args:
        vlm: The settings.
        model: Its name at a server, a Hugging Face id or a local folder.
        urls: Addresses of servers that serve it, up to ``/v1``.
        key: Their API key.
    """
    processor = _local_processor(vlm, model)
    if processor is not None:
        return ProcessorTokens(processor)
    reckoned = ReckonedTokens(places_of(vlm, model).resizing)
    for url in urls:
        try:
            return ServerTokens(url, key, model, reckoned)
        except (OSError, ValueError):
            # Not there, or another kind of server: the next, or none.
            continue
    return reckoned


def _local_processor(vlm: VlmSettings, model: str) -> Any:
    """The model's processor, if its files are here and the packages to use them; else None."""
    try:
        from roboscribe.models.processor import load_processor
    except ImportError:
        return None
    try:
        return load_processor(vlm, model, family_of(model), local_files_only=True)
    except SettingsError:
        return None


def _reckon(text: str) -> float:
    data = text.encode()
    letters = len(data) - len(data.translate(None, _LETTERS))
    digits = len(data) - len(data.translate(None, _DIGITS))
    # What is not ASCII counts by its bytes, as byte-level vocabularies have it.
    marks = len(data) - letters - digits
    return letters / _LETTERS_PER_TOKEN + digits / _DIGITS_PER_TOKEN + marks / _MARKS_PER_TOKEN


def _texts(content: Any) -> str:
    """The texts of a message's content, put together."""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _no_url(part: Jpeg | Clip) -> str:
    return ""


def _blank(width: int, height: int) -> Jpeg:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "JPEG")
    return Jpeg(buffer.getvalue(), width, height, width, height)
