"""`roboscribe dialogue --jsonl`: samples as JSON lines go in; the same lines with a dialogue in each come out.

Lines are read as they are needed and written in their order, so that a file of any length takes little memory: of a
line that is done, only where its answer lies and what it says are remembered. The result grows beside its final name,
and takes it when the last line is done. Answers are kept one by one, so that the same command goes on after any
interruption.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BufferedWriter
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from roboscribe.asks import Exchange, Occasion
from roboscribe.config import DialogueSettings
from roboscribe.dataset.journal import STAGING
from roboscribe.english.task import is_placeholder
from roboscribe.errors import AnswerError, DatasetError, RoboscribeError, RunStopped, cause
from roboscribe.events import LineDone, LineFailed, LinesFinished, LinesStarted, Listener, ignore
from roboscribe.frames.photo import Photo
from roboscribe.hirobot.imagine import Imagination, Subject, exchanges, imagine
from roboscribe.hirobot.opened import model_of
from roboscribe.hirobot.samples import types_of
from roboscribe.hirobot.turns import Turns
from roboscribe.hirobot.twins import Heard
from roboscribe.models.base import Model
from roboscribe.staging import Staging
from roboscribe.staging.answers import AnswerLog
from roboscribe.staging.loop import EpisodeLoop
from roboscribe.staging.pace import Pace, PacedModel
from roboscribe.staging.store import writable
from roboscribe.threads import off_loop

PART = ".part"
"""What the name of an unfinished result ends with."""


class Line(BaseModel):
    """A sample. Further fields are let through to the result.

    Attributes:
        episode_id: What it is from.
        t: Seconds.
        images: Files of pictures, relative to the folder of the file of samples.
        skill_current: What the robot does.
        skill_history: What it has done, in order.
        task_description: The task text; may be empty.
    """

    episode_id: int | str
    t: float = Field(ge=0, allow_inf_nan=False)
    images: list[str]
    skill_current: str = Field(min_length=1)
    skill_history: list[str]
    task_description: str = ""

    def occasion(self, number: int, seed: int) -> Occasion:
        """What is wanted for it.

        Args:
            number: How many lines come before.
            seed: The run's seed.
        """
        task = "" if is_placeholder(self.task_description) else self.task_description
        skills = (*self.skill_history, self.skill_current)
        return Occasion(self.t, task, skills, len(skills) - 1, *types_of(number, seed), number)


def imagine_lines(
    settings: DialogueSettings, listen: Listener = ignore, model: Model | None = None
) -> LinesFinished:
    """Imagine a dialogue for each line of a file, and write them to a file of the same name in the output folder.

    A line that is no sample, or gets no answer, is reported with its number and left out; the others are done.

    Args:
        settings: What to do; ``jsonl`` and ``output_dir`` are given.
        listen: Called with every event of the run, from this thread.
        model: Answers the asks; the one that the settings name when left out.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand; nothing was written.
    """
    started = time.monotonic()
    source, target = _files(settings)
    with model_of(settings, model, listen) as model:
        run = _Run(settings, source, target, model, listen)
        listen(LinesStarted(_count(source), model.identity))
        asyncio.run(run.run())
    finished = LinesFinished(
        done=run.done,
        failed=run.failed,
        asks=run.loop.asks,
        seconds=time.monotonic() - started,
        target=str(target),
        spent=run.loop.spent,
        stopped=run.loop.stopped,
    )
    listen(finished)
    return finished


def _files(settings: DialogueSettings) -> tuple[Path, Path]:
    """The file of samples and that of the result.

    Raises:
        DatasetError: There is no such file, or it would be overwritten.
    """
    assert settings.jsonl is not None
    assert settings.output_dir is not None
    source = settings.jsonl.expanduser()
    if not source.is_file():
        raise DatasetError(f"--jsonl {settings.jsonl}: there is no such file.")
    target = settings.output_dir.expanduser() / source.name
    if target.exists() and target.samefile(source):
        raise DatasetError(
            f"--output-dir {settings.output_dir} holds {source.name} itself, which would be overwritten.",
            "Name another folder.",
        )
    return source, target


def _count(source: Path) -> int:
    with source.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


@dataclass
class _Run:
    """One run over a file.

    Attributes:
        settings: What to do.
        source: The file of samples.
        target: The file of the result.
        model: Answers the asks.
        listen: Told of every event.
        done: Lines that have a dialogue.
        failed: Lines that have none.
    """

    settings: DialogueSettings
    source: Path
    target: Path
    model: Model
    listen: Listener
    done: int = 0
    failed: int = 0
    _waiting: dict[int, bytes] = field(default_factory=dict[int, bytes])
    _judging: Turns = field(default_factory=Turns)
    _writing: Turns = field(default_factory=Turns)
    _heard: Heard = field(default_factory=Heard)

    @cached_property
    def loop(self) -> EpisodeLoop:
        """Puts lines through their work, by their numbers."""
        return EpisodeLoop(self.model, Staging(self.target.parent), self.listen, Pace(self.model.at_once))

    @cached_property
    def how(self) -> Imagination:
        """How dialogues are imagined."""
        return Imagination(self.model, self.settings.seed, {"mode": "lines"})

    @cached_property
    def log(self) -> AnswerLog:
        """The answers that are there."""
        return AnswerLog(self.target.parent / STAGING / self.target.name)

    async def run(self) -> None:
        """Do every line, and give the result its name once all have been tried.

        Raises:
            RunStopped: The model cannot be used at all, or the result cannot be written.
        """
        part = self.target.with_name(self.target.name + PART)
        with writable(part):
            part.parent.mkdir(parents=True, exist_ok=True)
            file = part.open("wb")
        with file:
            async with self.loop.opened(("dialogue",) if self.how.looks else ()):
                await self.loop.each(self._numbers(), lambda number: self._work(number, file))
        if self.loop.stopped:
            return
        with writable(self.target):
            if self.failed and not self.done:
                part.unlink()
            else:
                os.replace(part, self.target)

    def _numbers(self) -> Iterator[int]:
        """Numbers of lines, from 1, as far as they hold anything; what they hold waits for its work."""
        with self.source.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    self._waiting[number] = line
                    yield number

    async def _work(self, number: int, file: BufferedWriter) -> None:
        """Do a line: what it says is compared with what those before it say, and it is written behind them."""
        with self._judging.turn() as judging, self._writing.turn() as writing:
            try:
                answered = await self._first(number, self._waiting.pop(number))
            except RunStopped:
                raise
            except RoboscribeError as error:
                self.failed += 1
                self.listen(LineFailed(number, str(error)))
                answered = None
            async with judging:
                earlier = self._heard.before(answered.exchange.user_prompt) if answered else ()
            if answered and earlier:
                await self._again(answered, earlier)
            async with writing:
                if answered:
                    self._write(answered, file)
                    self.listen(LineDone(number, answered.asks, self.loop.spent))

    async def _first(self, number: int, text: bytes) -> _Answered:
        """A line with its answer, whether that is a near-duplicate or not.

        Raises:
            RoboscribeError: The line is no sample, or it gets no answer.
        """
        data, line = _read(text)
        subject = Subject(number, self.log, lambda _: self._photos(line))
        occasion = line.occasion(number - 1, self.settings.seed)
        digest = await off_loop(self._digest, line)
        await self.loop.usable.wait()
        return _Answered(data, subject, digest, occasion, *await self._imagine(subject, digest, occasion))

    async def _again(self, answered: _Answered, avoid: tuple[str, ...]) -> None:
        """Have a line answered once more, in other words; where that gets no answer, what there is will do."""
        occasion = replace(answered.occasion, avoid=avoid)
        with suppress(AnswerError):
            exchange, asks = await self._imagine(answered.subject, answered.digest, occasion)
            answered.exchange = exchange
            answered.asks += asks

    async def _imagine(self, subject: Subject, digest: str, occasion: Occasion) -> tuple[Exchange, int]:
        """The exchange for an occasion, and how many asks it took: none where it is there."""
        wishes = self.how.wishes(digest, [occasion])
        model = PacedModel(self.model, self.loop.pace)
        try:
            await imagine(self.how, model, subject, wishes)
        finally:
            self.loop.asks += model.asks
        (exchange,) = exchanges(self.log, wishes)
        return exchange, model.asks

    def _write(self, answered: _Answered, file: BufferedWriter) -> None:
        with writable(self.target):
            file.write((json.dumps(answered.result, ensure_ascii=False) + "\n").encode())
            file.flush()
        self.done += 1

    def _photos(self, line: Line) -> tuple[Photo, ...]:
        names = [f"picture {place}" for place in range(1, len(line.images) + 1)]
        return tuple(
            Photo(self.source.parent / path, name) for path, name in zip(line.images, names, strict=True)
        )

    def _digest(self, line: Line) -> str:
        """Digest of what is seen; of nothing where nobody looks.

        Raises:
            DatasetError: A picture is missing or cannot be read, or there is none for a model that looks.
        """
        photos = self._photos(line)
        if not self.how.looks:
            for photo in photos:
                photo.check()
            return ""
        if not photos:
            raise DatasetError("images is empty, but the model answers to what it sees.")
        seen = hashlib.sha256()
        for photo in photos:
            seen.update(hashlib.sha256(photo.picture().data).digest())
        return seen.hexdigest()


@dataclass
class _Answered:
    """A line on its way.

    Attributes:
        data: The line as it was.
        subject: What is asked about.
        digest: Of what is seen.
        occasion: What is wanted.
        exchange: What was answered.
        asks: Asks that it took.
    """

    data: Mapping[str, Any]
    subject: Subject
    digest: str
    occasion: Occasion
    exchange: Exchange
    asks: int = 0

    @property
    def result(self) -> dict[str, Any]:
        """The line with its dialogue."""
        return {
            **self.data,
            **self.exchange.model_dump(),
            "scenario_type": self.occasion.scenario,
            "response_type": self.occasion.response,
        }


def _read(text: bytes) -> tuple[dict[str, Any], Line]:
    """A line as it is, and what of it is needed.

    Raises:
        DatasetError: It is no sample.
    """
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"It is not JSON: {cause(error)}.") from error
    if not isinstance(data, dict):
        raise DatasetError("It is JSON, but not an object.")
    try:
        return data, Line.model_validate(data)  # pyright: ignore[reportUnknownVariableType]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DatasetError(f"{where}: {first['msg']}.") from error
