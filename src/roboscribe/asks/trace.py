"""Ask for where the robot's grippers are in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from roboscribe.asks.base import Answer
from roboscribe.asks.shots import (
    AboutShots,
    PlacePoint,
    Shot,
    bound_places,
    exactly,
    point_fault,
    source_point,
)


class GripperPoints(Answer):
    """For each picture, under its number, where each gripper is, under its name; null where it is out of view."""

    pictures: dict[str, dict[str, PlacePoint | None]]


@dataclass(frozen=True, kw_only=True, eq=False)
class LocateGripper(AboutShots[GripperPoints]):
    """Where is the tip of each gripper, between its fingers?

    Attributes:
        seen: The pictures, in order of time.
        names: What each gripper is called: ``gripper``, or ``left gripper`` and ``right gripper``.
    """

    answer = GripperPoints

    seen: tuple[Shot, ...]
    names: tuple[str, ...] = ("gripper",)

    @property
    def shots(self) -> Sequence[Shot]:
        """The pictures."""
        return self.seen

    def narrow(self, schema: dict[str, Any]) -> None:
        """An entry for each picture and gripper, with coordinates within the picture."""
        grippers: dict[str, Any] = schema["properties"]["pictures"]["additionalProperties"]
        entries: dict[str, Any] = {}
        for number, extent in zip(self.numbers, self.extents, strict=True):
            place: dict[str, Any] = {
                "anyOf": [dict(part) for part in grippers["additionalProperties"]["anyOf"]]
            }
            bound_places(place, extent)
            entries[number] = exactly(dict.fromkeys(self.names, place))
        schema["properties"]["pictures"] = exactly(entries)

    def typical(self) -> GripperPoints:
        """Every gripper in every picture."""
        return GripperPoints(
            pictures={number: {name: [412, 233] for name in self.names} for number in self.numbers}
        )

    def objection(self, answer: GripperPoints) -> str:
        """Every picture tells of every gripper, and not all points are outside.

        A single point outside its picture counts as out of view when the answer is settled.
        """
        if fault := self.miscounted(answer.pictures):
            return fault
        faults: list[str] = []
        for number, extent in zip(self.numbers, self.extents, strict=True):
            for name in self.names:
                if name not in answer.pictures[number]:
                    return f"Picture {number} says nothing of the {name}; give null where it is out of view."
                if point := answer.pictures[number][name]:
                    fault = point_fault(point, extent, self.places.y_first)
                    faults.append(f"Picture {number}, {name}: {fault}." if fault else "")
        return faults[0] if faults and all(faults) else ""

    def settled(self, answer: GripperPoints) -> GripperPoints:
        """The points in whole pixels of the dataset's frames."""
        pictures: dict[str, dict[str, PlacePoint | None]] = {}
        for number, shot, extent in zip(self.numbers, self.shots, self.extents, strict=True):
            pictures[number] = dict.fromkeys(self.names)
            for name in self.names:
                point = answer.pictures[number][name]
                if point and not point_fault(point, extent, self.places.y_first):
                    pictures[number][name] = source_point(point, self.places, shot.picture())
        return GripperPoints(pictures=pictures)
