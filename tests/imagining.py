"""Asks of the Hi Robot tools go in, the builtin model's answers come out, and which were put is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from roboscribe.asks import Ask, ImagineDialogue, ImagineDialogues
from roboscribe.models.builtin.model import RULES
from roboscribe.models.scripted import ScriptedModel


def rule(ask: Ask[Any]) -> Any:
    """The builtin model's answer."""
    return RULES[type(ask)](ask)


def model(script: Callable[[Ask[Any]], Any] = rule, *, looks: bool = False) -> ScriptedModel:
    """A model that answers by rule, unless told otherwise; one that looks has every ask look."""

    def reply(ask: Ask[Any]) -> Any:
        if looks:
            ask.look()
        return script(ask)

    return ScriptedModel(reply, looks=looks)


def asked(scripted: ScriptedModel) -> Counter[tuple[str, int, int]]:
    """How often each dialogue was asked for: by kind of ask, episode, and number of its first occasion."""
    found: Counter[tuple[str, int, int]] = Counter()
    for ask in scripted.asked:
        if isinstance(ask, ImagineDialogue):
            found["again" if ask.occasion.avoid else "one", ask.episode, ask.occasion.number] += 1
        elif isinstance(ask, ImagineDialogues):
            found["all", ask.episode, ask.occasions[0].number] += 1
    return found


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def said(root: Path) -> list[dict[str, Any]]:
    """What ``syn_annotations.jsonl`` of a dataset holds."""
    return lines(root / "meta/syn_annotations.jsonl")


def column(root: Path, name: str) -> dict[int, list[int]]:
    """A column of a dataset by episode."""
    found: dict[int, list[int]] = {}
    for path in sorted(root.glob("data/*/*.parquet")):
        table = pq.read_table(path, columns=["episode_index", name])
        for episode, value in zip(table["episode_index"].to_pylist(), table[name].to_pylist(), strict=True):
            found.setdefault(episode, []).append(value)
    return found


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a small table."""
    return pq.read_table(path).to_pylist()
