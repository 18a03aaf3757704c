"""Asks of the Hi Robot tools go in, the builtin model's answers come out, and which were put is told."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from fake_openai_server import answer_schema, digest_of, is_probe, texts
from make_dataset import make_dataset

from roboscribe.asks import Ask, ImagineDialogue, ImagineDialogues, SegmentEpisode
from roboscribe.config import SkillsSettings
from roboscribe.dataset import open_dataset
from roboscribe.hirobot.skills import make_skills
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


SKILLS = ("move towards the red cup", "pick up the red cup", "place the red cup on the tray")


def sample(number: int, **changes: Any) -> dict[str, Any]:
    """A sample without a dataset: three in a row are of one episode."""
    done = number % 3
    return {
        "episode_id": number // 3,
        "t": 1.5 * done,
        "images": [],
        "skill_current": SKILLS[done],
        "skill_history": list(SKILLS[:done]),
        "task_description": "Put the red cup on the tray.",
        **changes,
    }


def write(path: Path, found: Iterable[Any]) -> Path:
    """A file of JSON lines; texts are lines as they are."""
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in found))
    return path


STILL: dict[str, Any] = {"kind": None, "state": None, "action": None, "tasks": ("Lift the cup.",)}
"""A dataset without pictures, and without signals that boundaries could be moved to."""


def with_skills(root: Path, **options: Any) -> Path:
    """A small dataset without pictures whose episodes reach for a cup half of their time, and lift it."""
    dataset = make_dataset(root, **{"frames": 40, **STILL, **options})
    make_skills(SkillsSettings(root=dataset), model=model(reach_and_lift(dataset)))
    return dataset


def reach_and_lift(root: Path) -> Callable[[Ask[Any]], Any]:
    """Answers of a model that divides the episodes of a dataset into two skills, and the rule's to other asks."""
    dataset = open_dataset(root)

    def reply(ask: Ask[Any]) -> Any:
        if not isinstance(ask, SegmentEpisode):
            return rule(ask)
        end = dataset.episode(ask.episode).end
        parts = (0.0, end / 2, "reach for the cup"), (end / 2, end, "lift the cup")
        return {"segments": [{"start": start, "end": stop, "label": label} for start, stop, label in parts]}

    return reply


def spoken(body: dict[str, Any]) -> str:
    """What a server says to a request for dialogue: what fits each occasion, in words of its own."""
    if is_probe(body):
        return answer_schema(body)
    told, mark = texts(body), int(sample_digest(body)[:6], 16)
    whole = _OCCASION.findall(told)
    if not whole:
        ((time, skill),) = _NOW.findall(told)
        response = "clarification" if "asks one short question" in told else "any"
        return json.dumps(exchange(time, skill, response, mark))
    return json.dumps(
        {"exchanges": [exchange(time, skill, response, mark) for time, skill, response in whole]}
    )


def sample_digest(body: dict[str, Any]) -> str:
    """Digest of what a request asks for, whatever is told about earlier replies."""
    return digest_of({"asked": body["messages"][:2], "seed": body["seed"]})


_NOW = re.compile(r"What it does now, at ([\d.]+) s: (.+)")
_OCCASION = re.compile(r"^\d+\. ([\d.]+) s, skill \d+ \((.+)\): \w+, (\w+)$", re.MULTILINE)


def exchange(time: str, skill: str, response: str, mark: int) -> dict[str, str]:
    """An exchange that fits a skill, in words that a mark makes its own."""
    reply = "Do you mean only that?" if response == "clarification" else "Sure, only that."
    return {"user_prompt": f"{skill}, without any haste, {time} {mark}.", "robot_utterance": reply}
