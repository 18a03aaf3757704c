"""Which things a camera sees in an episode: looks spread over it and the task go in, things to know again come out.

A thing is spoken of only if it is known for one: it lies in one place all the time, or it is the only one of the
colour that the task names, or it is the one thing that was moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np

from roboscribe.models.builtin.vision.blobs import Blob
from roboscribe.models.builtin.vision.colours import CELL, DARK, Colour, fits, plane, sure_word
from roboscribe.models.builtin.vision.looks import Look
from roboscribe.models.builtin.vision.mentions import Mention

Vote = Literal["present", "absent", "hidden"]

_SAME_SIZE = 1.6
"""Times that the area of a thing may change from one look to another while it lies still."""
_SIGHTINGS = 3
_SEEN_SHARE = 0.3
"""Share of the looks in which a thing that lies still must be seen without hindrance."""
_SPAN = 0.4
"""Share of the episode, around its middle, before and after which it must be seen."""
_CORE_SHARE = 0.2
"""Share of a thing's pixels that everybody would call by the colour that the task gives it."""
_PIECES = 1.8
"""How far the pieces of a thing reach, in terms of the root of its area."""
_STILL_THERE = 0.4
"""Share of a thing's pixels that must still have its colour if it is there, hidden in part."""
_GONE_TINT = 3 * CELL
_GONE_LIGHT = (0.45, 1.6)
"""How a thing's place may differ from what is around the thing when the thing has gone."""
_BARE = 0.7
"""Share of the place that must look like that."""


@dataclass(frozen=True, eq=False)
class Place:
    """A thing of one kind of colour in one place.

    Attributes:
        kind: Kind of its tint.
        seen: The blob it is in each look, by the look's number.
    """

    kind: int
    seen: dict[int, Blob] = field(default_factory=dict[int, Blob])

    @property
    def blob(self) -> Blob:
        """How it is seen at its largest but one, or at its largest: what is hidden makes it smaller."""
        ordered = sorted(self.seen.values(), key=lambda blob: blob.area)
        return ordered[-2] if len(ordered) > 2 else ordered[-1]

    def holds(self, blob: Blob) -> bool:
        """Whether a blob is the same thing in the same place."""
        return self.kind == blob.kind and same_place(self.blob, blob)


@dataclass(frozen=True, eq=False)
class Thing:
    """A thing that is known for one.

    Attributes:
        mention: What the task says of it; None for one that the task does not name, and that never moves.
        colour: The word for its colour; empty where people may differ.
        kind: Kind of its tint.
        area: Pixels of it when it is seen without hindrance.
        places: Where it was seen to lie.
    """

    mention: Mention | None
    colour: str
    kind: int
    area: int
    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        """What it is called: ``pink brick``, ``cup``, ``red object``."""
        return self.mention.name if self.mention else f"{self.colour} {self.noun}"

    @property
    def noun(self) -> str:
        """What it is called without its colour."""
        return self.mention.noun if self.mention else "object"


def find_things(
    looks: Sequence[Look],
    mentions: Sequence[Mention],
    *,
    camera_moves: bool,
    robot_known: bool,
    grasp: float | None,
) -> tuple[Thing, ...]:
    """The things that are known for such.

    Args:
        looks: In order of time, spread over the episode.
        mentions: What the task names.
        camera_moves: Whether nothing keeps its place in the picture.
        robot_known: Whether the robot's colours are known, so that its parts are not taken for things.
        grasp: Seconds at which a gripper closes for the first time; None when that is not known.
    """
    places = _places(looks)
    things: list[Thing] = []
    for mention in mentions:
        if mention.colour:
            thing = _called(mention, looks, places, camera_moves)
        elif mention.moved and not camera_moves and sum(other.moved for other in mentions) == 1:
            thing = _moved(mention, looks, places, grasp)
        else:
            thing = None
        if thing is not None and all(thing.kind != other.kind for other in things):
            things.append(thing)
    if robot_known and not camera_moves:
        known = {thing.kind for thing in things}
        things += _lying([place for place in places if place.kind not in known], looks)
    return tuple(things)


def same_place(one: Blob, other: Blob) -> bool:
    """Whether two blobs are of one size and in one place, as seen by a camera that may tremble."""
    reach = 2 + 0.15 * np.sqrt(one.area)
    near = abs(one.x - other.x) <= reach and abs(one.y - other.y) <= reach
    return near and 1 / _SAME_SIZE <= one.area / other.area <= _SAME_SIZE


def _places(looks: Sequence[Look]) -> list[Place]:
    places: list[Place] = []
    for number, look in enumerate(looks):
        for blob in look.clear:
            place = next((p for p in places if number not in p.seen and p.holds(blob)), None)
            if place is None:
                place = Place(blob.kind)
                places.append(place)
            place.seen[number] = blob
    return places


def _called(
    mention: Mention, looks: Sequence[Look], places: Sequence[Place], camera_moves: bool
) -> Thing | None:
    """The one thing that can be what the task calls by a colour and a noun."""
    fitting = [place for place in places if _is_called(place, mention.colour, looks)]
    kinds = {place.kind for place in fitting}
    if len(kinds) != 1 or not _one_at_a_time(fitting):
        return None
    lasting = [] if camera_moves else [place for place in fitting if len(place.seen) > 1]
    if not camera_moves and not _is_one(lasting, fitting, looks, mention):
        return None
    return Thing(mention, mention.colour, kinds.pop(), _full_area(fitting), tuple(lasting))


def _moved(
    mention: Mention, looks: Sequence[Look], places: Sequence[Place], grasp: float | None
) -> Thing | None:
    """The one thing that is gone from its place from the first grasp on, and not before."""
    if grasp is None:
        return None
    origins = [place for place in places if len(place.seen) > 1 and _leaves(place, looks, grasp)]
    kinds = {place.kind for place in origins}
    if len(origins) != 1:
        return None
    alike = [place for place in places if place.kind in kinds]
    if not _one_at_a_time(alike):
        return None
    word = sure_word(_colour(origins[0], looks)) or ""
    return Thing(mention, word, kinds.pop(), _full_area(alike), tuple(p for p in alike if len(p.seen) > 1))


def _lying(places: Iterable[Place], looks: Sequence[Look]) -> list[Thing]:
    """Things that lie in one place all the time and whose colour everybody calls the same."""
    least = max(_SIGHTINGS, _SEEN_SHARE * len(looks))
    early, late = (1 - _SPAN) / 2 * len(looks), (1 + _SPAN) / 2 * len(looks)
    things: list[Thing] = []
    for place in places:
        lasts = min(place.seen) <= early and max(place.seen) >= late - 1
        if lasts and len(place.seen) >= least and "absent" not in _votes(place, looks):
            word = sure_word(_colour(place, looks))
            if word:
                things.append(Thing(None, word, place.kind, _full_area([place]), (place,)))
    return things


def _one_at_a_time(places: Sequence[Place]) -> bool:
    """Whether no look shows two things, and two looks at least show one; pieces of one thing are near each other."""
    sightings: dict[int, list[Blob]] = {}
    for place in places:
        for number, blob in place.seen.items():
            sightings.setdefault(number, []).append(blob)
    whole = _full_area(places) if places else 0
    several = [found for found in sightings.values() if len(found) > 1]
    return len(sightings) - len(several) > 1 and all(_are_pieces(found, whole) for found in several)


def _are_pieces(found: Sequence[Blob], whole: int) -> bool:
    """Whether regions can be what is seen of one thing of ``whole`` pixels at both sides of a finger."""
    reach = np.sqrt(whole)
    wide = max(blob.x1 for blob in found) - min(blob.x0 for blob in found)
    high = max(blob.y1 for blob in found) - min(blob.y0 for blob in found)
    return sum(blob.area for blob in found) <= whole and max(wide, high) <= _PIECES * reach


def _is_called(place: Place, word: str, looks: Sequence[Look]) -> bool:
    """Whether what lies in a place can be called by a colour, and part of it by no other."""
    colours = [looks[number].colour_of(blob) for number, blob in place.seen.items()]
    shares = [looks[number].core_share(blob, word) for number, blob in place.seen.items()]
    return any(fits(word, colour.hue) for colour in colours) and float(np.median(shares)) >= _CORE_SHARE


def _is_one(
    lasting: Sequence[Place], places: Sequence[Place], looks: Sequence[Look], mention: Mention
) -> bool:
    """Whether what is seen in several places, one after the other, is one thing that was moved.

    Args:
        lasting: The places in which it is seen more than once.
        places: All of them.
        looks: In order of time.
        mention: What the task says of it.
    """
    votes = [_votes(place, looks) for place in lasting]
    for (one, of_one), (other, of_other) in combinations(zip(lasting, votes, strict=True), 2):
        told_apart = [*(of_one[n] for n in other.seen), *(of_other[n] for n in one.seen)]
        if "absent" not in told_apart:
            return False
    if not mention.moved:
        return True
    elsewhere = [
        vote[number] != "present"
        for place, vote in zip(lasting, votes, strict=True)
        for other in places
        if other is not place
        for number in other.seen
    ]
    return any("absent" in vote for vote in votes) or any(elsewhere)


def _leaves(place: Place, looks: Sequence[Look], grasp: float) -> bool:
    votes = _votes(place, looks)
    gone = [look.time for look, vote in zip(looks, votes, strict=True) if vote == "absent"]
    return bool(gone) and gone[0] >= grasp and max(looks[n].time for n in place.seen) < gone[0]


def _votes(place: Place, looks: Sequence[Look]) -> list[Vote]:
    """For each look whether the thing is in its place, has gone, or cannot be seen for something before it."""
    number, blob = next((n, blob) for n, blob in place.seen.items() if blob is place.blob)
    around = blob.ring(looks[number].cells), blob.ring(looks[number].light)
    grid = plane()
    u, v, light = np.median(grid.u[around[0]]), np.median(grid.v[around[0]]), np.median(around[1])
    box = np.s_[blob.y0 : blob.y1, blob.x0 : blob.x1]
    votes: list[Vote] = []
    for n, look in enumerate(looks):
        if n in place.seen or (look.kinds[box][blob.mask] == place.kind).mean() > _STILL_THERE:
            votes.append("present")
            continue
        cells, own = look.cells[box][blob.mask], look.light[box][blob.mask] / max(1.0, light)
        bare = np.hypot(grid.u[cells] - u, grid.v[cells] - v) < _GONE_TINT
        bare &= (cells != DARK) & (own > _GONE_LIGHT[0]) & (own < _GONE_LIGHT[1])
        votes.append("absent" if bare.mean() > _BARE else "hidden")
    return votes


def _colour(place: Place, looks: Sequence[Look]) -> Colour:
    """The colour of a thing in the look in which it is best lit."""
    return max((looks[n].colour_of(blob) for n, blob in place.seen.items()), key=lambda colour: colour.light)


def _full_area(places: Sequence[Place]) -> int:
    areas = sorted(blob.area for place in places for blob in place.seen.values())
    return areas[len(areas) * 3 // 4]
