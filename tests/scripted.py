"""Asks go in, plain answers of every kind come out, or a failure where a test wants one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from roboscribe.asks import Ask, Interject, RephraseTask, SegmentEpisode, UpdateMemory
from roboscribe.errors import AnswerError


def answers(ask: Ask[Any]) -> Any:
    """Plain answers to every kind of ask."""
    match ask:
        case SegmentEpisode():
            middle = ask.duration / 2
            return {
                "segments": [
                    {"start": 0.0, "end": middle, "label": "reach for the cup"},
                    {"start": middle, "end": ask.duration, "label": "lift the cup"},
                ]
            }
        case RephraseTask():
            return {"texts": ["Raise the cup."]}
        case UpdateMemory():
            return {"memories": ["I reached for the cup."] * len(ask.boundaries)}
        case Interject(moments=()):
            return {"opening": "On it."}
        case _:
            raise AssertionError(ask)


def failing(episode: int, kind: type[Ask[Any]]) -> Callable[[Ask[Any]], Any]:
    """Answers, but none to one kind of ask about one episode."""

    def reply(ask: Ask[Any]) -> Any:
        return (
            AnswerError("The server said no.")
            if (ask.episode, type(ask)) == (episode, kind)
            else answers(ask)
        )

    return reply


def digests(root: Path) -> dict[str, str]:
    """Digest of every file of a dataset, its staging included."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
