"""A fake OpenAI-compatible server: it answers any JSON schema from the request's content, slowly or badly if told.

In a test:  ``with FakeServer(latency=0.0, faults=Faults(status_500=0.05)) as server: … server.url …``.
Beside a benchmark, in a process of its own:  ``python fake_openai_server.py --latency 0.3 --slots 16``; its
first line is its address, ``GET /stats`` tells what it saw since the start, or since ``GET /reset``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from chat_bodies import Body, digest_of, image_urls, is_probe, parts, question_digest, texts

AnswerBody = Callable[[Body], str]
"""The content of the assistant's message for a request body."""
Fault = Literal[
    "500", "503", "429", "429-date", "drop", "html", "malformed", "truncated", "wrong-schema", "empty", "hang"
]
Structured = Literal["json_schema", "unbounded", "json_object", "ignored", "rejected"]
"""What becomes of ``response_format``: schemas held; held, but one with a bound of length met with a 400; type
json_schema met with a 500 and json_object held; silently ignored; met with a 400."""

_WORDS = (
    "pick",
    "place",
    "move",
    "open",
    "grasp",
    "lift",
    "red",
    "blue",
    "cup",
    "brick",
    "tray",
    "slowly",
    "left",
)
_SAID = {
    "request": "I'd rather have it so, not otherwise, until we are done",
    "speech": "As you like",
    "opening": "Here it is",
    "text": "Here it is",
}
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True)
class Faults:
    """Probability of each fault; which request it hits depends on its content and how often it came, not on order."""

    status_500: float = 0.0
    status_429: float = 0.0
    drop: float = 0.0
    malformed: float = 0.0
    truncated: float = 0.0
    wrong_schema: float = 0.0
    seed: int = 0

    def pick(self, body: Body, times_seen: int) -> Fault | None:
        """The fault of one request, or None."""
        dice = random.Random(f"{self.seed}/{digest_of(body)}/{times_seen}").random()
        for fault, probability in (
            ("500", self.status_500),
            ("429", self.status_429),
            ("drop", self.drop),
            ("malformed", self.malformed),
            ("truncated", self.truncated),
            ("wrong-schema", self.wrong_schema),
        ):
            if dice < probability:
                return fault  # pyright: ignore[reportReturnType]
            dice -= probability
        return None


@dataclass(frozen=True)
class Seen:
    """A chat request as it came in; times in seconds since the server started."""

    body: Body
    headers: Mapping[str, str]
    nbytes: int
    images: int
    arrived: float
    began: float
    ended: float
    fault: Fault | None


@dataclass
class Stats:
    """What a server saw, and how busy it was."""

    calls: int = 0
    images: int = 0
    bytes: int = 0
    peak_in_flight: int = 0
    busy_seconds: float = 0.0
    first_arrival: float = 0.0
    last_end: float = 0.0
    faults: dict[str, int] = field(default_factory=dict[str, int])
    media: dict[str, int] = field(default_factory=dict[str, int])
    slots: int = 1

    @property
    def utilisation(self) -> float:
        """Share of the slots' time, from the first request to the last, that they were at work."""
        span = self.last_end - self.first_arrival
        return self.busy_seconds / (self.slots * span) if span > 0 else 0.0


@dataclass
class FakeServer:
    """Serves on 127.0.0.1 from a thread of its own.

    Attributes:
        latency: Seconds a request takes once it has a slot, or a function of its body.
        slots: Requests worked on at once; the others queue.
        answer: Makes the assistant's message.
        faults: Faults by chance.
        script: Faults of the first chat requests in the order they arrive, None for a good reply.
        structured: What becomes of ``response_format``.
        images: Whether pictures are taken: yes, refused with a 400, or ignored.
        films: Whether videos are taken as frames; refused with a 400 otherwise.
        models: Names served; ``None`` answers 500 to /v1/models and any name to a chat request.
        usage: Counts the tokens of a request and of the reply's content; see ``completion`` when left out.
        tokenize: Whether it counts tokens for whoever asks, as vLLM does at /tokenize.
        key: The API key demanded, if any.
        refuses: Body fields that are met with a 400.
        retry_after: What a 429 asks for, in seconds.
        port: 0 for a free one.
        keep: Keep every request in ``seen``; a benchmark turns it off, to stay small.
    """

    latency: float | Callable[[Body], float] = 0.0
    slots: int = 64
    answer: AnswerBody | None = None
    faults: Faults = Faults()
    script: Iterable[Fault | None] = ()
    structured: Structured = "json_schema"
    images: Literal["taken", "refused", "ignored"] = "taken"
    films: bool = False
    models: tuple[str, ...] | None = ("fake-vlm",)
    usage: Callable[[Body, str], tuple[int, int]] | None = None
    tokenize: bool = False
    key: str | None = None
    refuses: Mapping[str, str] = field(default_factory=dict[str, str])
    retry_after: float = 1
    port: int = 0
    keep: bool = True

    def __post_init__(self) -> None:
        self.seen: list[Seen] = []
        self.stats = Stats(slots=self.slots)
        self._reply = self.answer or answer_schema
        self._script = iter(self.script)
        self._times_seen: Counter[str] = Counter()
        self._in_flight = 0
        self._zero = time.monotonic()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def url(self) -> str:
        """Its address up to /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> list[Seen]:
        """Chat requests that were no probes."""
        return [request for request in self.seen if not is_probe(request.body)]

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fake server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._slots = asyncio.Semaphore(self.slots)
        self._connections: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._talk(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
        }
        data = await reader.readexactly(int(headers.get("content-length") or 0))
        if path == "/stats":
            stats = asdict(self.stats) | {"utilisation": self.stats.utilisation}
            return await _respond(writer, 200, stats)
        if path == "/reset":
            self.stats = Stats(slots=self.slots)
            self._zero = time.monotonic()
            return await _respond(writer, 200, {})
        if path in ("/health", "/v1/health"):
            return await _respond(writer, 200, {})
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            said = headers.get("authorization", "nothing")
            return await _respond(writer, 401, _error(f"Incorrect API key provided: {said}"))
        if (method, path) == ("GET", "/v1/models"):
            if self.models is None:
                return await _respond(writer, 500, _error("no cache folder"))
            return await _respond(writer, 200, {"data": [{"id": name} for name in self.models]})
        if (method, path) == ("POST", "/v1/chat/completions"):
            return await self._chat(json.loads(data), len(data), headers, writer)
        if self.tokenize and self.usage is not None and (method, path) == ("POST", "/tokenize"):
            return await _respond(writer, 200, {"count": self._count_tokens(json.loads(data))})
        return await _respond(writer, 404, {"detail": "Not Found"})

    def _count_tokens(self, asked: Body) -> int:
        assert self.usage is not None
        if "messages" in asked:
            return self.usage(asked, "")[0]
        # Its end mark is none of a text's tokens.
        return self.usage({"messages": []}, asked["prompt"])[1] - self.usage({"messages": []}, "")[1]

    async def _chat(
        self, body: Body, nbytes: int, headers: Mapping[str, str], writer: asyncio.StreamWriter
    ) -> bool:
        arrived = time.monotonic() - self._zero
        urls = image_urls(body)
        self._in_flight += 1
        self.stats.calls += 1
        self.stats.images += len(urls)
        self.stats.bytes += nbytes
        self.stats.peak_in_flight = max(self.stats.peak_in_flight, self._in_flight)
        self.stats.first_arrival = self.stats.first_arrival or arrived
        for url in urls:
            media = url[:40].partition(";")[0]
            self.stats.media[media] = self.stats.media.get(media, 0) + 1
        async with self._slots:
            began = time.monotonic() - self._zero
            latency = self.latency(body) if callable(self.latency) else self.latency
            if latency:
                await asyncio.sleep(latency)
            fault = next(self._script, None) or self.faults.pick(body, self._count(body))
            refusal = self._refusal(body, urls)
            ended = time.monotonic() - self._zero
        self._in_flight -= 1
        self.stats.busy_seconds += ended - began
        self.stats.last_end = ended
        if fault:
            self.stats.faults[fault] = self.stats.faults.get(fault, 0) + 1
        if self.keep:
            self.seen.append(Seen(body, headers, nbytes, len(urls), arrived, began, ended, fault))
        if refusal is not None:
            return await _respond(writer, refusal[0], _error(refusal[1], refusal[2]))
        return await self._answer(body, fault, writer)

    def _count(self, body: Body) -> int:
        if self.faults == Faults():
            return 0
        digest = digest_of(body)
        self._times_seen[digest] += 1
        return self._times_seen[digest]

    def _refusal(self, body: Body, urls: list[str]) -> tuple[int, str, str | None] | None:
        if self.models is not None and body.get("model") not in self.models:
            return 404, f"The model `{body.get('model')}` does not exist.", "model_not_found"
        for name, message in self.refuses.items():
            if name in body:
                return 400, message, "unsupported_parameter"
        if urls and self.images == "refused":
            return 400, "This model takes text only; image_url is no part it knows.", None
        if not self.films and any(part.get("type") == "video_url" for part in parts(body)):
            return 400, "Invalid value: 'video_url'. Supported values are: 'text', 'image_url'.", None
        kind = body.get("response_format", {}).get("type")
        if kind and self.structured == "rejected":
            return 400, "response_format is not supported", None
        if "maxLength" in json.dumps(body.get("response_format")) and self.structured == "unbounded":
            return 400, "Invalid schema for response_format 'answer': 'maxLength' is not permitted.", None
        if kind == "json_schema" and self.structured == "json_object":
            return 500, "response_format.type: Input should be 'text' or 'json_object'", None
        return None

    async def _answer(self, body: Body, fault: Fault | None, writer: asyncio.StreamWriter) -> bool:
        if fault in ("500", "503"):
            return await _respond(writer, int(fault), _error("an engine has tripped"))
        if fault in ("429", "429-date"):
            after = f"{self.retry_after:g}"
            if fault == "429-date":
                after = time.strftime(
                    "%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + self.retry_after)
                )
            return await _respond(writer, 429, _error("slow down"), {"Retry-After": after})
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "html":
            return await _respond(writer, 200, b"<html>it works</html>")
        content = self._content(body)
        finish = "stop"
        if fault == "malformed":
            content = content[:-1] + ",,"
        elif fault == "truncated":
            content, finish = content[: len(content) // 2], "length"
        elif fault == "wrong-schema":
            content = json.dumps({"unexpected": [1, 2, 3]})
        elif fault == "empty":
            content = ""
        whole = completion(
            body, content, finish, images=0 if self.images == "ignored" else len(image_urls(body))
        )
        if self.usage is not None:
            read, written = self.usage(body, content)
            whole["usage"] = {"prompt_tokens": read, "completion_tokens": written}
        if fault == "drop":
            data = json.dumps(whole).encode()
            writer.write(_head(200, len(data)) + data[: len(data) // 2])
            await writer.drain()
            return False
        return await _respond(writer, 200, whole)

    def _content(self, body: Body) -> str:
        if self.structured == "ignored" or (self.structured == "rejected" and is_probe(body)):
            body = {name: value for name, value in body.items() if name != "response_format"}
        return self._reply(body)


def completion(body: Body, content: str, finish: str, images: int) -> Body:
    """A chat completion; tokens are counted as four characters each, and 100 for a picture."""
    prompt = len(texts(body)) // 4 + 100 * images
    written = max(1, len(content) // 4)
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model"),
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
        ],
        "usage": {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written},
    }


def answer_schema(body: Body) -> str:
    """JSON that fits the request's schema, made from its content; a greeting when there is no schema.

    Like a model, it answers a question it is asked again, after an objection, as it would have the first time;
    and the seed matters only where a temperature leaves a choice.
    """
    schema = schema_in(body)
    if schema is None:
        return "Hello."
    sampled = body.get("seed") if body.get("temperature", 1) else None
    dice = random.Random(f"{body.get('model')}/{question_digest(body)}/{sampled}")
    return json.dumps(instance(schema, dice))


def schema_in(body: Body) -> Any:
    """The schema of the answer: from the response format, else the last one spelt out in the texts."""
    format_: Any = body.get("response_format", {})
    if "json_schema" in format_:
        return format_["json_schema"]["schema"]
    if "schema" in format_:
        return format_["schema"]
    at = texts(body).rfind("JSON schema: {")
    return json.JSONDecoder().raw_decode(texts(body)[at + len("JSON schema: ") :])[0] if at >= 0 else None


def instance(schema: Any, dice: random.Random) -> Any:
    """A value that fits a JSON schema without references."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return dice.choice(schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return instance(dice.choice(schema[several]), dice)
    match schema.get("type"):
        case "object":
            parts = schema.get("properties", {})
            # What is said is checked against what the robot does; these say nothing against anything.
            said = {name: f"{said}, number {dice.randrange(10**6)}." for name, said in _SAID.items()}
            return {name: said.get(name) or instance(part, dice) for name, part in parts.items()}
        case "array":
            least = schema.get("minItems", 1)
            count = dice.randint(least, min(schema.get("maxItems", 4), max(least, 4)))
            return [instance(schema.get("items", {"type": "string"}), dice) for _ in range(count)]
        case "integer":
            least = schema.get("minimum", 0)
            return dice.randint(least, min(schema.get("maximum", least + 100), least + 1000))
        case "number":
            least = schema.get("minimum", 0)
            return round(dice.uniform(least, schema.get("maximum", least + 10)), 2)
        case "boolean":
            return dice.random() < 0.5
        case "null":
            return None
        case _:
            words = " ".join(dice.choices(_WORDS, k=dice.randint(2, 6)))
            words += " " + "x" * (schema.get("minLength", 0) - len(words) - 1)
            return words[: schema.get("maxLength", 200)].strip()


def _error(message: str, code: str | None = None) -> Body:
    return {"error": {"message": message, "type": "fake", "code": code}}


def _head(status: int, length: int, headers: Mapping[str, str] | None = None) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Server Error')}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _respond(
    writer: asyncio.StreamWriter, status: int, value: Body | bytes, headers: Mapping[str, str] | None = None
) -> bool:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    writer.write(_head(status, len(data), headers) + data)
    await writer.drain()
    return True


def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--model", default="fake-vlm")
    chosen = parser.parse_args()
    server = FakeServer(
        latency=chosen.latency, slots=chosen.slots, port=chosen.port, models=(chosen.model,), keep=False
    )
    with server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
