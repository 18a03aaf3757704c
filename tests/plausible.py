"""What a real server would say: requests go in, answers as people give them and tokens as Qwen counts them come out.

Nothing here knows how Roboscribe foresees either. Words are split as Qwen's tokenizer does and counted by nine
letters or four marks a piece, which comes within 5 % of its vocabulary for each kind of prompt, schema and answer
(1 % for all together); pictures are decoded, resized as Qwen2.5-VL's processor does, and counted by 28 x 28 pixels.
"""

from __future__ import annotations

import base64
import io
import json
import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fake_openai_server import Body, answer_schema, image_urls, question_digest, schema_in, texts
from PIL import Image

MODEL = "Qwen2.5-VL-7B-Instruct"

_PIECES = re.compile(
    r"'(?:s|t|re|ve|m|ll|d)|[^\r\n\w]?[^\W\d_]+|\d| ?[^\s\w]+[\r\n]*|_+|\s*[\r\n]+|\s+(?!\S)|\s+",
    re.IGNORECASE,
)


def tokens_of(text: str) -> int:
    """Tokens of a text, much as in the vocabulary of Qwen."""
    total = 0
    for piece in _PIECES.findall(text):
        letters = sum(character.isalpha() for character in piece)
        if letters:
            total += math.ceil(letters / 9)
        else:
            total += max(1, math.ceil(len(piece.strip()) / 4))
    return total


def tokens_of_picture(url: str) -> int:
    """Tokens of a picture in a data URL, with the two marks around it."""
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
        width, height = picture.size
    across, down = max(28, round(width / 28) * 28), max(28, round(height / 28) * 28)
    assert 3_136 <= across * down <= 12_845_056, "within the bounds, where nothing else is to be known"
    return across // 28 * (down // 28) + 2


def usage(body: Body, content: str) -> tuple[int, int]:
    """Tokens read and written, with those of the chat template: <|im_start|>role … <|im_end|>."""
    words = 0
    for message in body["messages"]:
        said = message["content"]
        parts = [said] if isinstance(said, str) else [part.get("text", "") for part in said]
        words += 5 + tokens_of("".join(parts))
    return words + 3 + sum(map(tokens_of_picture, image_urls(body))), tokens_of(content) + 1


Segments = Sequence[tuple[float, float, str]]
"""Start and end in seconds, and label, of the subtasks of a recording."""


@dataclass(frozen=True)
class Annotator:
    """Answers as a person who looks closely would.

    Attributes:
        gold: Task, duration in seconds and subtasks of recordings; without any, a subtask lasts two seconds.
    """

    gold: Sequence[tuple[str, float, Segments]] = ()

    @classmethod
    def of(cls, ground_truth: Path) -> Annotator:
        """One who knows the gold of the simulated dataset."""
        return cls(
            [
                (
                    episode["task"],
                    episode["duration"],
                    [(segment["start"], segment["end"], segment["label"]) for segment in episode["segments"]],
                )
                for episode in json.loads(ground_truth.read_text())["episodes"]
            ]
        )

    def __call__(self, body: Body) -> str:
        """The content of the reply."""
        schema, told = schema_in(body), texts(body)
        if schema is None or "enum" in json.dumps(schema)[:200]:
            return answer_schema(body)
        dice = random.Random(question_digest(body))
        match list(schema["properties"]):
            case ["text"] if "can be seen to do" in told:
                return json.dumps({"text": self._described(told, dice)})
            case ["segments"]:
                cuts = [{"start": a, "end": b, "label": label} for a, b, label in self._segments(told)]
                return json.dumps({"segments": cuts})
            case ["texts"]:
                return json.dumps(
                    {"texts": _rephrased(told, schema["properties"]["texts"]["maxItems"], dice)}
                )
            case ["memories"]:
                count = schema["properties"]["memories"]["maxItems"]
                return json.dumps({"memories": _remembered(told, count)})
            case ["label"]:
                kept = re.search(r'is labelled: "(.*)"', told)
                assert kept is not None
                return json.dumps({"label": kept[1]})
            case ["task"]:
                return json.dumps({"task": "Pick up the brick and put it into the transparent box."})
            case [*wanted] if {"opening", "interjections"}.issuperset(wanted):
                first = re.search(r"^1\. (.*)", told, re.MULTILINE)
                assert first is not None
                said = {"opening": f"Sure, I'll {first[1]} now.", "interjections": _interjected(told)}
                return json.dumps({name: said[name] for name in wanted})
            case ["pictures"] if "questions about single pictures" in told:
                return json.dumps(_seen(told, schema, dice))
            case _:
                return answer_schema(body)

    def _segments(self, told: str) -> Segments:
        """Subtasks of the stretch that is asked about."""
        found = re.search(r"from ([\d.]+) s to ([\d.]+) s", told)
        assert found is not None
        start, end = float(found[1]), float(found[2])
        lasting = [recording for recording in self.gold if recording[1] > end - 0.1]
        if lasting:
            # The shortest one of the task that is as long: a stretch does not tell of which it is.
            *_, segments = min(lasting, key=lambda recording: (recording[0] not in told, recording[1]))
            return [(max(a, start), min(b, end), label) for a, b, label in segments if a < end and b > start]
        count = max(1, round((end - start) / 2))
        at = [round(start + (end - start) * n / count, 1) for n in range(count + 1)]
        labels = (
            "reach for the yellow bottle",
            "grasp the yellow bottle",
            "lift it off the table",
            "hold it up",
        )
        return [(at[n], at[n + 1], labels[n % len(labels)]) for n in range(count)]

    def _described(self, told: str, dice: random.Random) -> str:
        return " ".join(
            f"From {a:.1f} s to {b:.1f} s the robot arm {dice.choice(_WAYS)} ({label}). {dice.choice(_ASIDES)}".strip()
            for a, b, label in self._segments(told)
        )


_WAYS = (
    "moves slowly towards the objects on the table, with its gripper open",
    "stands still above the table",
    "lowers its gripper onto the object and closes it",
    "lifts the object a few centimetres off the table",
    "turns to the right, holding the object",
)
_ASIDES = ("", "", "Nothing else moves.", "The other objects stay where they are.")
_FRAMES = (
    "Could you {} please?",
    "I'd like you to {}.",
    "Please {} for me.",
    "Go ahead and {}.",
    "{}, thanks.",
    "It would be great if you could {}.",
    "Now {}.",
    "Would you mind helping me: {}?",
)


def _rephrased(told: str, count: int, dice: random.Random) -> list[str]:
    asked = re.search(r'asked a robot: "(.*)"', told)
    assert asked is not None
    task = asked[1].rstrip(".")
    task = task[0].lower() + task[1:]
    return [
        f"{dice.choice(_FRAMES).format(task)[:290]} ({n})" if n > 7 else _FRAMES[n].format(task)
        for n in range(count)
    ]


def _remembered(told: str, count: int) -> list[str]:
    done = re.findall(r"^\d+\. (.*)$", told, re.MULTILINE)
    memories: list[str] = []
    for n in range(count):
        last = done[min(n, len(done) - 1)]
        before = f"I finished {n} steps so far. " if n > 1 else ""
        memories.append(f"{before}I did this last: {last}.")
    return memories


def _interjected(told: str) -> list[dict[str, str]]:
    """For each moment a request that asks for what comes next, or spares what is not touched."""
    found: list[dict[str, str]] = []
    for number, moment in enumerate(re.split(r"^Moment \d+, ", told, flags=re.MULTILINE)[1:]):
        kind = re.match(r"[\d.]+ s. Kind of request: ([a-z ]+)\.", moment)
        begins = re.search(r'^- begins: "(.*)"$', moment, re.MULTILINE)
        assert kind is not None
        assert begins is not None
        lists = re.findall(
            r"^- (?:not taken or moved from here on|has its turn only later): (.*)$", moment, re.MULTILINE
        )
        # What the robot goes to is not moved either, but nobody says "not that one" of it.
        apart = [thing for one in lists for thing in one.split(", ") if thing not in begins[1]]
        spared = next(iter(apart), "")
        please = ("Please", "Now please", "Next, please")[number % 3]
        request = {
            "specific constraint": f"{please} {begins[1]} before you do anything else.",
            "preference": f"{please} {begins[1]}, I'd like that best.",
            "implicit request": (
                "I can't wait to see more.",
                "I still need that done.",
                "It isn't done yet.",
            )[number % 3],
            "negative task": f"{please} leave {spared} alone for now."
            if spared
            else "Do not let go of it yet.",
            "situated correction": f"No, not {spared}, {begins[1]}." if spared else f"No, {begins[1]} first.",
            "encouragement": ("That looks good, keep going.", "Well done so far.", "Good, go on like that.")[
                number % 3
            ],
        }[kind[1]]
        found.append({"request": request, "speech": f"Okay, I'll {begins[1]} now."})
    return found


_THINGS = ("pink brick", "transparent box", "gripper", "yellow bottle", "red brick on the left")


def _seen(told: str, schema: Any, dice: random.Random) -> dict[str, Any]:
    """What is wanted about each picture; kinds that are only spare are left out."""
    wanted = dict(re.findall(r"^Picture (\d+): ([a-z, ]+)", told, re.MULTILINE))
    pictures: dict[str, Any] = {}
    for number, of_kinds in schema["properties"]["pictures"]["properties"].items():
        first = [kind.strip() for kind in wanted[number].split(",")]
        pictures[number] = {
            kind: _answer_about(kind, dice) if kind in first else None for kind in of_kinds["properties"]
        }
    return {"pictures": pictures}


def _answer_about(kind: str, dice: random.Random) -> dict[str, Any]:
    thing, other = dice.sample(_THINGS, 2)
    left, top = dice.randrange(0, 300), dice.randrange(0, 200)
    match kind:
        case "bbox":
            boxes = [[left + 9 * n, top, left + 9 * n + 90, top + 120] for n in range(dice.choice((1, 1, 2)))]
            found = [{"label": thing, "bbox": box} for box in boxes]
            return {"question": f"Where can I find the {thing}?", "detections": found}
        case "keypoint":
            return {"question": f"Point to the middle of the {thing}.", "label": thing, "point": [left, top]}
        case "count":
            question = f"How many things like the {thing} lie on the table?"
            return {"question": question, "label": thing, "count": dice.randrange(4), "note": None}
        case "attribute":
            question = f"What color is the {thing} beside the {other}?"
            return {"question": question, "label": thing, "attribute": "color", "value": "dark blue"}
        case _:
            question = f"Where is the {thing}, seen from the {other}?"
            return {"question": question, "subject": thing, "relation": "left of", "object": other}
