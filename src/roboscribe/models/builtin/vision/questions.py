"""What can be asked about a picture: what is seen in it goes in, a question and its answer of each kind come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from random import Random
from typing import TypeVar

from roboscribe.asks import Attribute, Boxes, Count, Detection, Keypoint, Question, Spatial
from roboscribe.asks.vqa import Relation, Topic
from roboscribe.config import QuestionKind
from roboscribe.english.words import plural
from roboscribe.models.builtin.vision.mentions import Mention
from roboscribe.models.builtin.vision.sight import Seen, Sight

_Choice = TypeVar("_Choice")

_BESIDE = 0.08
"""Least distance of two things that lie beside each other, in widths of the picture."""
_ABOVE = 0.1
"""Least distance of two things of which one is above the other, in heights of the picture."""
_SLANT = 0.6
"""Least ratio of the distance along the axis that is spoken of to that along the other one."""
_NONE_ASKED = 0.2
"""Share of counts that are of things that are not there."""


@dataclass(frozen=True, eq=False)
class Situation:
    """What questions are made of.

    Attributes:
        sight: What the picture shows.
        gripper: What the gripper is called that holds something just then; empty for none.
        moved: What the task moves.
        about: What the question had best be about.
        chance: Draws what is asked, and in which words.
    """

    sight: Sight
    gripper: str
    moved: frozenset[Mention]
    about: Topic
    chance: Random

    def draw(self, choices: Sequence[_Choice], fitting: Callable[[_Choice], bool]) -> _Choice | None:
        """One of the choices, among those that fit what is to be asked about if there are any; None of none."""
        preferred = [choice for choice in choices if fitting(choice)]
        return self.chance.choice(preferred or list(choices)) if choices else None

    def words(self, *texts: str) -> str:
        """One of several wordings."""
        return self.chance.choice(texts)

    def suits(self, one: Seen) -> bool:
        """Whether a thing is what is to be asked about."""
        return (one.thing.mention is not None) == (self.about != "scene")

    @property
    def distinct(self) -> list[Seen]:
        """The things that their name tells apart from everything else in the picture."""
        names = [one.thing.name for one in self.sight.seen]
        return [
            one
            for one in self.sight.seen
            if one.thing.mention or (names.count(one.thing.name) == 1 and self.is_told(one))
        ]

    def is_told(self, one: Seen) -> bool:
        """Whether nothing but what is seen has the colour of a thing."""
        return one.thing.colour in self.sight.told


def ask(kind: QuestionKind, situation: Situation) -> Question | None:
    """A question of a kind with its answer, or None where there is nothing to ask about without doubt."""
    return _KINDS[kind](situation)


def _boxes(situation: Situation) -> Question | None:
    sets: list[tuple[Seen, ...]] = [(one,) for one in situation.distinct]
    sets += combinations(situation.distinct, 2)
    sets += _alike(situation)
    chosen = situation.draw(sets, lambda things: any(situation.suits(one) for one in things))
    if chosen is None:
        return None
    names = [one.thing.name for one in chosen]
    if len(set(names)) == 1 < len(names):
        text = situation.words(
            f"Where are the {plural(names[0])}?",
            f"Find all {plural(names[0])}.",
            f"Draw a box around each {names[0]}.",
        )
    else:
        both = " and ".join(f"the {name}" for name in names)
        text = situation.words(
            f"Where {'are' if len(names) > 1 else 'is'} {both}?",
            f"Find {both}.",
            f"Draw a box around {both}." if len(names) == 1 else f"Draw boxes around {both}.",
            f"Locate {both}.",
        )
    found = [Detection(label=one.thing.name, bbox=_box(one, situation.sight)) for one in chosen]
    return Boxes(question=text, detections=found)


def _keypoint(situation: Situation) -> Question | None:
    one = situation.draw(situation.distinct, situation.suits)
    if one is None:
        return None
    name = one.thing.name
    text = situation.words(
        f"Point to the {name}.", f"Mark the {name} with a point.", f"Give a point on the {name}."
    )
    return Keypoint(question=text, label=name, point=_point(one))


def _count(situation: Situation) -> Question | None:
    sight, chance = situation.sight, situation.chance
    counts = {name: number for name, number in _counts(situation).items() if number}
    none = sorted(sight.absent)
    if not sight.seen or not (counts or none):
        return None
    if none and (not counts or chance.random() < _NONE_ASKED):
        name, number = f"{chance.choice(none)} object", 0
    else:
        name = situation.draw(
            sorted(counts), lambda name: name.endswith("object") == (situation.about == "scene")
        )
        assert name is not None
        number = counts[name]
    return Count(
        question=situation.words(
            f"How many {plural(name)} are there?",
            f"How many {plural(name)} can be seen?",
            f"Count the {plural(name)}.",
        ),
        label=name,
        count=number,
    )


def _attribute(situation: Situation) -> Question | None:
    coloured = [one for one in situation.sight.seen if one.thing.colour]
    one = situation.draw(coloured, situation.suits)
    if one is None:
        return None
    noun, word = one.thing.noun, one.thing.colour
    if _is_held(one, situation):
        which = f"the {noun} in the {situation.gripper}"
    elif [one.thing.mention] == [*situation.moved]:
        which = situation.words(f"the {noun} that is to be moved", f"the {noun} that the robot has to move")
    else:
        x, y = _point(one)
        which = f"the {noun} at ({x:.0f}, {y:.0f})"
    text = situation.words(
        f"What color is {which}?", f"What is the color of {which}?", f"Name the color of {which}."
    )
    return Attribute(question=text, label=noun, attribute="color", value=word)


def _spatial(situation: Situation) -> Question | None:
    held = [one for one in situation.sight.seen if _is_held(one, situation)]
    if held and situation.about != "scene":
        text = situation.words(
            f"What is the {situation.gripper} holding?", f"What does the {situation.gripper} hold?"
        )
        return Spatial(
            question=text, subject=held[0].thing.name, relation="held by", object=situation.gripper
        )
    pairs: list[tuple[Seen, Relation, Seen]] = [
        (one, relation, other)
        for one, other in permutations(situation.distinct, 2)
        if (relation := _relation(one, other, situation.sight)) is not None
    ]
    chosen = situation.draw(pairs, lambda pair: situation.suits(pair[0]))
    if chosen is None:
        return None
    one, relation, other = chosen
    a, b = one.thing.name, other.thing.name
    sides = ("left", "right") if relation in ("left of", "right of") else ("above", "below")
    of = " of" if "left" in sides else ""
    text = situation.words(
        f"Is the {a} {sides[0]} or {sides[1]}{of} the {b}, as the camera sees it?",
        f"Seen from the camera, is the {a} {sides[0]} or {sides[1]}{of} the {b}?",
        f"Where does the camera see the {a}: {sides[0]} or {sides[1]}{of} the {b}?",
    )
    return Spatial(question=text, subject=a, relation=relation, object=b)


_KINDS: Mapping[QuestionKind, Callable[[Situation], Question | None]] = {
    "bbox": _boxes,
    "keypoint": _keypoint,
    "count": _count,
    "attribute": _attribute,
    "spatial": _spatial,
}


def _alike(situation: Situation) -> list[tuple[Seen, ...]]:
    """Things of one name, all there are of it, where there are several."""
    groups: dict[str, list[Seen]] = {}
    for one in situation.sight.seen:
        if one.thing.mention is None and situation.is_told(one):
            groups.setdefault(one.thing.name, []).append(one)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _counts(situation: Situation) -> dict[str, int]:
    """How many there are, by what they are called, of things of which none can be overlooked."""
    numbers: dict[str, int] = {}
    told = [one for one in situation.sight.seen if situation.is_told(one)]
    for one in told:
        colour = f"{one.thing.colour} object"
        numbers[colour] = numbers.get(colour, 0) + 1
    for one in told:
        if one.thing.mention and one.thing.mention.colour and numbers[f"{one.thing.colour} object"] == 1:
            del numbers[f"{one.thing.colour} object"]
            numbers[one.thing.name] = 1
    colours = sorted({one.thing.colour for one in told})
    for one, other in combinations(colours, 2):
        both = sum(thing.thing.colour in (one, other) for thing in told)
        numbers[f"{one} or {other} object"] = both
    return numbers


def _is_held(one: Seen, situation: Situation) -> bool:
    """Whether this must be what the gripper holds: it is to be moved, and no longer where it lay.

    Whatever else is to be moved lies where it was seen to lie.
    """
    if not situation.gripper or not one.thing.places or one.at_rest:
        return False
    at_rest = {other.thing.mention for other in situation.sight.seen if other.at_rest}
    return [one.thing.mention] == [mention for mention in situation.moved if mention not in at_rest]


def _relation(one: Seen, other: Seen, sight: Sight) -> Relation | None:
    (x, y), (other_x, other_y) = one.middle, other.middle
    right, down = x - other_x, y - other_y
    if abs(right) >= _BESIDE * sight.size[0] and abs(right) >= _SLANT * abs(down):
        return "right of" if right > 0 else "left of"
    if abs(down) >= _ABOVE * sight.size[1] and abs(down) * _SLANT >= abs(right):
        return "below" if down > 0 else "above"
    return None


def _box(one: Seen, sight: Sight) -> list[float]:
    left, top, right, bottom = one.box
    return [
        float(int(left)),
        float(int(top)),
        float(min(round(right), sight.size[0])),
        float(min(round(bottom), sight.size[1])),
    ]


def _point(one: Seen) -> list[float]:
    return [float(int(value)) for value in one.point]
