"""Ask for where the robot's grippers are in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from roboscribe.asks.base import Answer, exactly
from roboscribe.asks.shots import (
    AboutShots,
    PlacePoint,
    Shot,
    bound_places,
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

        A point outside its picture is left out when the answer is settled, in the end also where all are.
        """
        if fault := self._missing(answer):
            return fault
        faults: list[str] = []
        for number, extent in zip(self.numbers, self.extents, strict=True):
            for name in self.names:
                if point := answer.pictures[number][name]:
                    fault = point_fault(point, extent, self.places.y_first)
                    faults.append(f"Picture {number}, {name}: {fault}." if fault else "")
        return faults[0] if faults and all(faults) else ""

    def remainder(self, answer: GripperPoints) -> GripperPoints | None:
        """All of it, as points outside are left out when it is settled."""
        return None if self._missing(answer) else answer

    def settled(self, answer: GripperPoints) -> GripperPoints:
        """The points in whole pixels of the dataset's frames."""
        pictures: dict[str, dict[str, PlacePoint | None]] = {}
        left_out: list[str] = []
        for number, shot, extent in zip(self.numbers, self.shots, self.extents, strict=True):
            pictures[number] = dict.fromkeys(self.names)
            for name in self.names:
                point = answer.pictures[number][name]
                if point is None:
                    continue
                if fault := point_fault(point, extent, self.places.y_first):
                    left_out.append(f"{shot}, {name}: {fault}")
                else:
                    pictures[number][name] = source_point(point, self.places, shot.picture())
        return GripperPoints(pictures=pictures).leaving_out(left_out)

    def _missing(self, answer: GripperPoints) -> str:
        """What of the pictures and grippers asked about an answer does not mention."""
        if fault := self.miscounted(answer.pictures):
            return fault
        return next(
            (
                f"Picture {number} says nothing of the {name}; give null where it is out of view."
                for number in self.numbers
                for name in self.names
                if name not in answer.pictures[number]
            ),
            "",
        )
