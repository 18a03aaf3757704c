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


@dataclass(frozen=True)
class Annotator:
    """Answers as a person who looks closely would.

    Attributes:
        gold: Start, end and label of the subtasks of recordings, by task and duration in seconds; others are
            cut every two seconds.
    """

    gold: dict[tuple[str, str], list[tuple[float, float, str]]]

    @classmethod
    def of(cls, ground_truth: Path) -> Annotator:
        """One who knows the gold of the simulated dataset."""
        episodes = json.loads(ground_truth.read_text())["episodes"]
        return cls(
            {
                (episode["task"], f"{episode['duration']:.1f}"): [
                    (segment["start"], segment["end"], segment["label"]) for segment in episode["segments"]
                ]
                for episode in episodes
            }
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
            case ["pictures"] if "questions about single pictures" in told:
                return json.dumps(_seen(told, schema, dice))
            case _:
                return answer_schema(body)

    def _segments(self, told: str) -> Sequence[tuple[float, float, str]]:
        found = re.search(r"from ([\d.]+) s to ([\d.]+) s", told)
        assert found is not None
        start, end = float(found[1]), float(found[2])
        for (task, duration), segments in self.gold.items():
            if task in told and duration == found[2]:
                return segments
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
        lasts = re.search(r"lasts ([\d.]+) s", told)
        assert lasts is not None
        known = [segments for (_, duration), segments in self.gold.items() if duration == lasts[1]]
        segments = known[0] if known else self._segments(told)
        return " ".join(
            f"From {a:.1f} s to {b:.1f} s the robot arm {dice.choice(_WAYS)} ({label}). {dice.choice(_ASIDES)}".strip()
            for a, b, label in segments
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
            box = [left, top, left + 90, top + 120]
            return {
                "question": f"Where can I find the {thing}?",
                "detections": [{"label": thing, "bbox": box}],
            }
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
