"""Right or wrong: a visual question, its answer and what the picture truly shows go in, the verdict comes out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import dist
from typing import Any

Box = tuple[float, float, float, float]
"""Left, top, right and bottom edge in pixels."""

LEAST_OVERLAP = 0.5
"""Intersection over union of a box that is right."""
LEAST_APART = 0.06
"""Distance of two middles, in widths or heights of the picture, of which one is beside or above the other."""
MOST_OFF = 0.3
"""Distance of a point from a thing's middle, in diagonals of its box, if it is right."""


@dataclass(frozen=True, slots=True)
class GoldThing:
    """A thing that is truly there.

    Attributes:
        noun: What it is.
        colour: The word for its colour.
        box: Of its visible part.
        middle: Mean x and y of its visible pixels.
    """

    noun: str
    colour: str
    box: Box
    middle: tuple[float, float]

    @property
    def name(self) -> str:
        """Colour and noun."""
        return f"{self.colour} {self.noun}".strip()


@dataclass(frozen=True, slots=True)
class GoldPicture:
    """What a picture truly shows.

    Attributes:
        things: Every thing that is visible.
        size: Width and height in pixels.
        held: Colour and noun of what the gripper holds; empty for nothing.
        moved: Colour and noun of what the robot is to move.
    """

    things: tuple[GoldThing, ...]
    size: tuple[float, float]
    held: str = ""
    moved: frozenset[str] = frozenset()

    def called(self, label: str) -> list[GoldThing]:
        """The things that a label is for: ``pink brick``, ``brick``, ``red object``, ``red or pink object``."""
        *colours, noun = label.lower().split()
        wanted = {word for word in colours if word != "or"}
        return [
            thing
            for thing in self.things
            if (noun == "object" or thing.noun.split()[-1] == noun) and (not wanted or thing.colour in wanted)
        ]

    def only(self, label: str) -> GoldThing | None:
        """The one thing that a label is for; None where there is none, or are several."""
        found = self.called(label)
        return found[0] if len(found) == 1 else None


def is_right(question: str, answer: Mapping[str, Any], gold: GoldPicture) -> bool:
    """Whether an answer, as datasets store it, is right to the letter.

    A label must be for just as many things as are there. A colour is asked for at a point, and is that of the
    thing around it whose middle is nearest; or of what is in the gripper, or to be moved.

    Raises:
        ValueError: The answer is of no known kind.
    """
    if "detections" in answer:
        return _boxes(answer["detections"], gold)
    if "point" in answer:
        return _is_at(gold.only(answer["label"]), answer["point"])
    if "count" in answer:
        return len(gold.called(answer["label"])) == answer["count"]
    if "attribute" in answer:
        return _attribute(question, answer, gold)
    if "relation" in answer:
        return _relation(answer, gold)
    raise ValueError(f"an answer with {', '.join(answer) or 'nothing'}")


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (area - width * height)


def _boxes(detections: Sequence[Mapping[str, Any]], gold: GoldPicture) -> bool:
    for label in {found["label"] for found in detections}:
        boxes = [found["bbox"] for found in detections if found["label"] == label]
        free = gold.called(label)
        if len(free) != len(boxes):
            return False
        for box in boxes:
            best = max(free, key=lambda thing: overlap(box, thing.box))
            if overlap(box, best.box) < LEAST_OVERLAP:
                return False
            free.remove(best)
    return bool(detections)


def _is_at(thing: GoldThing | None, point: Sequence[float]) -> bool:
    if thing is None or not _holds(thing.box, point):
        return False
    left, top, right, bottom = thing.box
    return dist(point, thing.middle) <= MOST_OFF * dist((left, top), (right, bottom))


def _attribute(question: str, answer: Mapping[str, Any], gold: GoldPicture) -> bool:
    things = gold.called(answer["label"])
    if place := re.search(r"\((\d+), (\d+)\)", question):
        point = [float(number) for number in place.groups()]
        around = [thing for thing in things if _holds(thing.box, point)]
        things = sorted(around, key=lambda thing: dist(point, thing.middle))[:1]
    else:
        meant = {gold.held} if question.rstrip("?.").endswith("gripper") else gold.moved
        things = [thing for thing in things if thing.name in meant]
    return answer["attribute"] == "color" and answer["value"] in {thing.colour for thing in things}


def _relation(answer: Mapping[str, Any], gold: GoldPicture) -> bool:
    one = gold.only(answer["subject"])
    if answer["relation"] == "held by":
        return one is not None and gold.held == one.name and "gripper" in answer["object"]
    other = gold.only(answer["object"])
    if one is None or other is None:
        return False
    right = (one.middle[0] - other.middle[0]) / gold.size[0]
    down = (one.middle[1] - other.middle[1]) / gold.size[1]
    distance = {"left of": -right, "right of": right, "above": -down, "below": down}
    return distance.get(answer["relation"], 0.0) >= LEAST_APART


def _holds(box: Box, point: Sequence[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
