"""OpenAI-compatible servers as a backend: requests go to whichever is free, replies or typed errors come."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from roboscribe.config import VlmSettings
from roboscribe.errors import AnswerError, RoboscribeError, ServerError
from roboscribe.frames.picture import Clip, Jpeg
from roboscribe.language import canonical_json
from roboscribe.models.dialect import (
    Dialect,
    Structure,
    body_of,
    png_url,
    refuses_structure,
    reply_of,
    sampling_of,
)
from roboscribe.models.families import family_of
from roboscribe.models.ledger import Ledger
from roboscribe.models.probe import Send, learn, takes_films
from roboscribe.models.request import Rank, Reply, Request, without_clips
from roboscribe.models.servers import KnownServers, Server, key_of
from roboscribe.models.slots import Slots
from roboscribe.models.trouble import Trouble, hint_for, key_refused
from roboscribe.threads import off_loop

if TYPE_CHECKING:
    from roboscribe.models.endpoint import Endpoint

Wait = Callable[[float], Awaitable[None]]

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_ASKED_WAIT = 600.0
_PROBE_TRIES = 3
_FAULTS_BEFORE_REST = 3
_NEVER = float("inf")
_AT_ONCE: Rank = (-1_000_000, 0)
"""The rank of probing requests where asks are put beside them."""


class OpenAIBackend:
    """Puts requests to one or several OpenAI-compatible servers that serve the same model.

    Faults that may pass are tried again, at another server when there is one, with exponential backoff, full
    jitter and respect for Retry-After. What each server can do is found out once, by ``check`` or before the
    first request. Where earlier runs have found it out, requests are put in the dialect that is remembered while
    ``check`` is under way, and their replies hold if it finds the same. Belongs to one event loop.

    Args:
        vlm: How to ask.
        identity: Model and sampling settings that change replies.
        model: Name of the model at the servers.
        urls: Their addresses; the library's own default when empty.
        ledger: Where what is sent is accounted for.
        say: Told what a user should know though it is no error.
        known: What earlier runs found out of servers; None to know nothing.
        environ: Where the API key is.
        wait: Sleeps for a number of seconds.
        clock: Seconds, never running backwards.

    Raises:
        SettingsError: The API key in the environment is not one.
    """

    def __init__(
        self,
        vlm: VlmSettings,
        *,
        identity: str,
        model: str,
        urls: Sequence[str],
        ledger: Ledger,
        say: Callable[[str], None],
        known: KnownServers | None = None,
        environ: Mapping[str, str] = os.environ,
        wait: Wait = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.identity = identity
        self.at_once = vlm.client_concurrency
        self._vlm = vlm
        self._model = model
        self._ledger = ledger
        self._say = say
        self._wait = wait
        self._clock = clock
        self._key_is_set = bool(environ.get(vlm.api_key_env, "").strip())
        self._key = vlm.api_key(environ)
        self._addresses = urls or (None,)
        self._endpoints: list[Endpoint] = []
        self._opening = asyncio.Lock()
        self._dialects: dict[Endpoint, asyncio.Task[Dialect]] = {}
        self._films: dict[Endpoint, asyncio.Task[bool]] = {}
        # By digest of the schema: how a request is put depends on no other one, whichever comes first.
        self._structures: dict[tuple[Endpoint, str], Structure] = {}
        self._sampling = sampling_of(vlm)
        self._full = Dialect(calm=family_of(model).thinks and vlm.reasoning_effort is None)
        self._slots = Slots(vlm.client_concurrency)
        self._known = known
        self._keys = [key_of(url, model, self._full, vlm.image_format) for url in self._addresses]
        # Of each server in turn, while they are checked and were known before.
        self._hoped: Sequence[Dialect] = ()
        self._found: dict[Endpoint, Dialect] = {}
        self._unusable: RoboscribeError | None = None
        self._checked = asyncio.Event()
        self._checked.set()
        self._showing: Sequence[str] = ()
        self._turn = 0
        # Waits only spread requests in time; what is answered does not depend on them.
        self._jitter = random.Random()
        self._pngs: WeakKeyDictionary[Jpeg, str] = WeakKeyDictionary()

    async def check(self, showing: Sequence[str]) -> None:
        """Find out what every server can do; those that cannot be used are left aside, with a note.

        Args:
            showing: Names of what will show pictures.

        Raises:
            ServerError: None of them can be used.
        """
        self._hoped = self._remembered(showing)
        self._checked.clear()
        try:
            await self._check(showing)
        except RoboscribeError as error:
            self._unusable = error
            raise
        finally:
            self._hoped = ()
            self._checked.set()

    async def _check(self, showing: Sequence[str]) -> None:
        self._showing = showing
        await self._open()
        found = await asyncio.gather(*map(self._dialect, self._endpoints), return_exceptions=True)
        errors: list[RoboscribeError] = []
        for endpoint, outcome in zip(self._endpoints, found, strict=True):
            if isinstance(outcome, Trouble):
                errors.append(await self._server_error(endpoint, outcome))
                away = outcome.kind == "away"
                endpoint.rests_until = self._clock() + _LONGEST_WAIT if away else _NEVER
            elif isinstance(outcome, RoboscribeError):
                errors.append(outcome)
                endpoint.rests_until = _NEVER
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                self._found[endpoint] = outcome
        self._remember()
        if len(errors) == len(self._endpoints):
            raise errors[0]
        for error in errors:
            self._say(f"{error} The other servers do its work.")

    async def complete(self, request: Request) -> Reply:
        """The reply of the server that is least busy.

        Raises:
            AnswerError: This request is refused, or brought no reply however often it was sent.
            ServerError: No server can be reached any more, or all of them refuse key or model.
        """
        # Whether servers take videos is not remembered.
        if request.clips or not self._hoped:
            await self._check_ended()
        await self._open()
        attempt = 0
        while True:
            endpoint, outcome, hoped = await self._try(request, attempt)
            if hoped is not None and not await self._holds(endpoint, outcome, hoped):
                continue
            if isinstance(outcome, Reply):
                return outcome
            if outcome.kind == "refused":
                raise AnswerError(
                    f"{endpoint.name} refuses the request for {request.name}: {outcome.text}.",
                    hint_for(outcome.text),
                )
            if outcome.passes:
                self._rest(endpoint, outcome)
            else:
                endpoint.rests_until = _NEVER
                if all(other.rests_until == _NEVER for other in self._endpoints):
                    raise await self._server_error(endpoint, outcome)
            if attempt == self._vlm.retries:
                raise await self._given_up(endpoint, outcome, request)
            if outcome.kind != "busy":
                await self._wait(self._delay(attempt, outcome))
            attempt += 1
            self._ledger.retries += 1

    async def close(self) -> None:
        """Close all connections."""
        for task in (*self._dialects.values(), *self._films.values()):
            task.cancel()
        await asyncio.gather(*(endpoint.close() for endpoint in self._endpoints))

    async def _open(self) -> None:
        """Make the servers' clients. Their library takes as long to import as the first episodes take to decode, so
        that a thread does it meanwhile."""
        async with self._opening:
            if not self._endpoints:
                module = await asyncio.to_thread(import_module, "roboscribe.models.endpoint")
                self._endpoints = [
                    module.Endpoint(url, self._key, self._vlm.timeout_s) for url in self._addresses
                ]

    async def _try(self, request: Request, attempt: int) -> tuple[Endpoint, Reply | Trouble, Dialect | None]:
        """The server, what it said, and the dialect in which it was asked in the hope that it still speaks it."""
        async with self._slots.slot(request.rank):
            endpoint = self._next()
            hoped = self._hoped[self._endpoints.index(endpoint)] if self._hoped else None
            try:
                if hoped is not None:
                    return endpoint, await self._post(endpoint, request, hoped), hoped
                reply = await self._send(endpoint, request)
            except Trouble as trouble:
                if trouble.kind == "busy" and attempt < self._vlm.retries:
                    # Waiting with the slot in hand sends less, which is what was asked for.
                    await self._wait(self._delay(attempt, trouble))
                return endpoint, trouble, hoped
            endpoint.failures = 0
            endpoint.rests_until = 0.0
            return endpoint, reply, None

    async def _holds(self, endpoint: Endpoint, outcome: Reply | Trouble, hoped: Dialect) -> bool:
        """Whether what a server said before it was checked counts; otherwise the request is to be put anew.

        Raises:
            RoboscribeError: No server can be used.
        """
        await self._check_ended()
        # A refusal may be one of the schema, upon which a server is asked in a simpler dialect.
        refused = isinstance(outcome, Trouble) and outcome.kind == "refused"
        if not refused and self._found.get(endpoint) == hoped:
            return True
        if isinstance(outcome, Reply):
            self._ledger.probes += 1
            self._ledger.used(outcome.usage)
        self._ledger.retries += 1
        return False

    async def _check_ended(self) -> None:
        """Wait for the end of the check that is under way, if any.

        Raises:
            RoboscribeError: No server can be used.
        """
        await self._checked.wait()
        if self._unusable is not None:
            raise self._unusable

    def _remembered(self, showing: Sequence[str]) -> Sequence[Dialect]:
        """The dialect of each server in turn; none unless all are known, to take pictures as well if some are shown."""
        servers = [self._known.find(key) for key in self._keys] if self._known is not None else []
        dialects = [server.dialect for server in servers if server and (server.sees or not showing)]
        return dialects if len(dialects) == len(self._addresses) else ()

    def _remember(self) -> None:
        """Keep what was found out, and forget servers that cannot be used."""
        if self._known is not None:
            dialects = [self._found.get(endpoint) for endpoint in self._endpoints]
            servers = [dialect and Server(dialect, sees=bool(self._showing)) for dialect in dialects]
            self._known.keep(dict(zip(self._keys, servers, strict=True)))

    def _next(self) -> Endpoint:
        """The server with least to do among those that do not rest, in turn where they are even."""
        now = self._clock()
        count = len(self._endpoints)
        in_turn = [self._endpoints[(self._turn + step) % count] for step in range(count)]
        awake = [endpoint for endpoint in in_turn if endpoint.rests_until <= now]
        chosen = (
            min(awake, key=lambda endpoint: endpoint.open)
            if awake
            else min(in_turn, key=lambda endpoint: endpoint.rests_until)
        )
        self._turn = self._endpoints.index(chosen) + 1
        return chosen

    def _rest(self, endpoint: Endpoint, trouble: Trouble) -> None:
        """Prefer other servers for a while: at once when it is away, else after faults in a row."""
        if trouble.kind == "busy":
            return
        endpoint.failures += 1
        enough = 1 if trouble.kind == "away" else _FAULTS_BEFORE_REST
        if endpoint.failures >= enough:
            seconds = min(_LONGEST_WAIT, 2 ** (endpoint.failures - enough))
            endpoint.rests_until = self._clock() + seconds

    def _delay(self, attempt: int, trouble: Trouble) -> float:
        if trouble.after is not None:
            return min(trouble.after, _LONGEST_ASKED_WAIT)
        return self._jitter.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt))

    async def _send(self, endpoint: Endpoint, request: Request) -> Reply:
        dialect = await self._dialect(endpoint)
        if request.clips and self._vlm.image_format == "jpeg":
            dialect = replace(dialect, films=await self._takes_films(endpoint, dialect))
        key = endpoint, hashlib.sha256(canonical_json(request.schema).encode()).hexdigest()
        dialect = replace(dialect, structure=self._structures.get(key, dialect.structure))
        while True:
            try:
                return await self._post(endpoint, request, dialect)
            except Trouble as trouble:
                simpler = dialect.lower()
                if trouble.kind != "refused" or simpler is None or not refuses_structure(trouble.text):
                    raise
                # It took the small schema of the probe, but not this one.
                self._structures[key] = simpler.structure
                dialect = simpler

    async def _post(self, endpoint: Endpoint, request: Request, dialect: Dialect) -> Reply:
        if not dialect.films:
            request = without_clips(request)
        urls = await self._urls(request)
        body = body_of(request, self._model, dialect, self._sampling, urls.__getitem__)
        nbytes = len(request.system) + sum(
            len(part) if isinstance(part, str) else len(urls[part]) for part in request.parts
        )
        self._ledger.sent(nbytes, len(request.pictures))
        begun = self._clock()
        reply = reply_of(await endpoint.post(body))
        if reply is None:
            raise Trouble("faulty", "the reply holds no message")
        return replace(reply, seconds=self._clock() - begun)

    async def _urls(self, request: Request) -> Mapping[Jpeg | Clip, str]:
        if self._vlm.image_format == "jpeg":
            return {part: part.data_url for part in request.parts if not isinstance(part, str)}
        pictures = request.pictures
        for picture in pictures:
            if picture not in self._pngs:
                self._pngs[picture] = await off_loop(png_url, picture)
        return {picture: self._pngs[picture] for picture in pictures}

    async def _dialect(self, endpoint: Endpoint) -> Dialect:
        """What a server can do; found out by the first who asks, while the others wait for it."""
        task = self._dialects.get(endpoint)
        if task is None or (task.done() and task.exception() is not None):
            task = asyncio.ensure_future(self._learn(endpoint))
            self._dialects[endpoint] = task
        return await asyncio.shield(task)

    async def _takes_films(self, endpoint: Endpoint, dialect: Dialect) -> bool:
        """Whether a server takes videos; found out by the first who shows one."""
        task = self._films.get(endpoint)
        if task is None or (task.done() and task.exception() is not None):
            task = asyncio.ensure_future(
                takes_films(self._prober(endpoint), dialect, endpoint.name, self._say)
            )
            self._films[endpoint] = task
        return await asyncio.shield(task)

    async def _learn(self, endpoint: Endpoint) -> Dialect:
        return await learn(
            self._prober(endpoint), endpoint.name, self._full, showing=self._showing, say=self._say
        )

    def _prober(self, endpoint: Endpoint) -> Send:
        async def send(request: Request, dialect: Dialect) -> Reply:
            for attempt in count():
                try:
                    # Nobody who holds a slot waits for a check: either nothing is asked before it ends, or in hope.
                    async with self._slots.slot(_AT_ONCE) if self._hoped else nullcontext():
                        reply = await self._post(endpoint, request, dialect)
                except Trouble as trouble:
                    # A server that asks to slow down is there; of others it is better to be told soon.
                    patience = self._vlm.retries if trouble.kind == "busy" else 0
                    if not trouble.passes or attempt + 1 >= max(_PROBE_TRIES, patience + 1):
                        raise
                    await self._wait(self._delay(attempt, trouble))
                else:
                    self._ledger.probes += 1
                    self._ledger.used(reply.usage)
                    return reply
            raise AssertionError

        return send

    async def _given_up(self, endpoint: Endpoint, trouble: Trouble, request: Request) -> RoboscribeError:
        """The end of the last try: the server is gone, or it is this request that it cannot answer."""
        if not any([await other.alive() for other in self._endpoints]):
            return await self._server_error(endpoint, trouble)
        return AnswerError(
            f"{request.name} got no reply from {endpoint.name} in {self._vlm.retries + 1} tries; "
            f"the last brought: {trouble.text}."
        )

    async def _server_error(self, endpoint: Endpoint, trouble: Trouble) -> ServerError:
        """What a user can do about a server that cannot be used."""
        name, said = endpoint.name, trouble.text
        match trouble.kind:
            case "barred":
                return key_refused(name, said, self._vlm.api_key_env, is_set=self._key_is_set)
            case "unknown":
                served = await endpoint.models()
                hint = (
                    f"It serves {', '.join(served[:8])}: choose one with --vlm.model-id."
                    if served
                    else "Check --vlm.model-id, and that --vlm.api-base is right up to its /v1."
                )
                return ServerError(f"{name} does not know the model {self._model!r}: {said}.", hint)
            case "refused" | "faulty" | "busy":
                # Models that think for themselves take no temperature but their own.
                hint = "Leave it to the model with --vlm.temperature None." if "temperature" in said else ""
                return ServerError(f"{name} does not answer the simplest request: {said}.", hint)
            case "away":
                return ServerError(
                    f"No server answers at {name}: {said}.", "Check --vlm.api-base, and that the server runs."
                )
