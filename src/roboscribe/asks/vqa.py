"""Ask for visual questions with grounded answers: several kinds about one picture, several pictures at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints

from roboscribe.asks.base import Answer, copied, exactly
from roboscribe.asks.shots import (
    AboutShots,
    PlaceBox,
    PlacePoint,
    Shot,
    bound_places,
    box_fault,
    point_fault,
    source_box,
    source_point,
    whole,
)
from roboscribe.config import QuestionKind

QuestionText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=200)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
"""What a thing is called."""

Relation = Literal[
    "left of",
    "right of",
    "above",
    "below",
    "in front of",
    "behind",
    "on",
    "in",
    "under",
    "next to",
    "held by",
]
"""How one thing lies to another, as seen in the picture."""

Property = Literal["color", "shape", "material", "size", "state", "orientation"]
"""What is asked about a thing."""

Topic = Literal["task", "robot", "scene"]
"""What a question had best be about: a thing of the task, the gripper and what is at it, or something else."""


class Question(Answer):
    """A question and its answer; each kind adds the fields of its answer."""

    question: QuestionText

    @property
    def content(self) -> dict[str, Any]:
        """The answer alone, in the form that datasets store (one of LeRobot's VQA answers)."""
        return self.model_dump(exclude={"question"}, exclude_none=True)


class Detection(Answer):
    """One thing and the box around it."""

    label: Name
    bbox: PlaceBox


class Boxes(Question):
    """Where things are: a box around each."""

    detections: Annotated[list[Detection], Field(min_length=1, max_length=12)]

    @property
    def content(self) -> dict[str, Any]:
        """``{"detections": [{"label", "bbox_format": "xyxy", "bbox"}]}``."""
        found = [{"label": d.label, "bbox_format": "xyxy", "bbox": whole(d.bbox)} for d in self.detections]
        return {"detections": found}


class Keypoint(Question):
    """Where one thing, or a part of it, is: a point on it."""

    label: Name
    point: PlacePoint

    @property
    def content(self) -> dict[str, Any]:
        """``{"label", "point_format": "xy", "point"}``."""
        return {"label": self.label, "point_format": "xy", "point": whole(self.point)}


class Count(Question):
    """How many things of a kind are in view."""

    label: Name
    count: Annotated[int, Field(ge=0, le=100, strict=True)]
    note: Name | None = None


class Attribute(Question):
    """What one thing is like."""

    label: Name
    attribute: Property
    value: Name


class Spatial(Question):
    """How one thing lies to another."""

    subject: Name
    relation: Relation
    object: Name


class PictureAnswers(Answer):
    """What is asked and answered about one picture; a kind that is null is not answered."""

    bbox: Boxes | None = None
    keypoint: Keypoint | None = None
    count: Count | None = None
    attribute: Attribute | None = None
    spatial: Spatial | None = None

    def of(self, kind: QuestionKind) -> Question | None:
        """The question of a kind and its answer; None when it was not answered."""
        return getattr(self, kind)


_TYPICAL: Mapping[QuestionKind, Question] = {
    "bbox": Boxes(
        question="Where is the brick that the gripper is moving to?",
        detections=[Detection(label="pink brick", bbox=[412, 233, 478, 301])],
    ),
    "keypoint": Keypoint(question="Point to the tip of the gripper.", label="gripper tip", point=[412, 233]),
    "count": Count(question="How many bricks are on the table?", label="brick", count=2),
    "attribute": Attribute(
        question="What color is the brick in the gripper?", label="brick", attribute="color", value="pink"
    ),
    "spatial": Spatial(
        question="Where is the brick, seen from the box?",
        subject="pink brick",
        relation="left of",
        object="transparent box",
    ),
}
"""Questions and answers of the length that models give."""


class FrameAnswers(Answer):
    """Questions and answers about each picture, under its number: "1", "2", …"""

    pictures: dict[str, PictureAnswers]


@dataclass(frozen=True, eq=False)
class Inquiry:
    """What is wanted about one picture.

    Attributes:
        shot: The picture.
        kinds: Kinds of question, all different, the preferred ones first.
        wanted: How many of them are to be answered. The kinds after the first ``wanted`` are spare: they are used
            in order where one before them cannot be answered.
        about: What the questions had best be about; varied, so that a model asks of more than one thing.
    """

    shot: Shot
    kinds: tuple[QuestionKind, ...]
    wanted: int = 1
    about: Topic = "task"

    @property
    def spare(self) -> tuple[QuestionKind, ...]:
        """Kinds that take the place of others."""
        return self.kinds[self.wanted :]


@dataclass(frozen=True, kw_only=True, eq=False)
class AskAboutFrames(AboutShots[FrameAnswers]):
    """What can be asked about these pictures, and what is the answer that can be seen in them?

    A model leaves null what it cannot tell. A rule finds what it needs here, too: other frames of the episode
    (``inquiry.shot.frames``), signals and task; it answers in pixels of the dataset's frames, and may answer
    kinds that are not wanted, which make up for those that can seldom be answered.

    Attributes:
        inquiries: What is wanted about each picture.
        looked_at: Frames of the whole episode at which the camera of these pictures is looked at anyway.
    """

    answer = FrameAnswers

    inquiries: tuple[Inquiry, ...]
    looked_at: tuple[int, ...] = ()

    @property
    def shots(self) -> Sequence[Shot]:
        """The pictures."""
        return [inquiry.shot for inquiry in self.inquiries]

    @property
    def kinds(self) -> tuple[QuestionKind, ...]:
        """Every kind that is wanted somewhere, in one fixed order."""
        wanted = {kind for inquiry in self.inquiries for kind in inquiry.kinds}
        return tuple(kind for kind in get_args(QuestionKind) if kind in wanted)

    @property
    def relations(self) -> tuple[str, ...]:
        """The relations an answer may state."""
        return get_args(Relation)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes an answer may tell."""
        return get_args(Property)

    def narrow(self, schema: dict[str, Any]) -> None:
        """An entry for each picture with just its kinds, and coordinates within it."""
        anything: Mapping[str, Any] = schema["properties"]["pictures"]["additionalProperties"]
        entries: dict[str, Any] = {}
        for number, inquiry, extent in zip(self.numbers, self.inquiries, self.extents, strict=True):
            entries[number] = exactly({kind: copied(anything["properties"][kind]) for kind in inquiry.kinds})
            bound_places(entries[number], extent)
        schema["properties"]["pictures"] = exactly(entries)

    def typical(self) -> FrameAnswers:
        """As many questions as are wanted; no spare."""
        return FrameAnswers(
            pictures={
                number: PictureAnswers().model_copy(
                    update={kind: _TYPICAL[kind] for kind in inquiry.kinds[: inquiry.wanted]}
                )
                for number, inquiry in zip(self.numbers, self.inquiries, strict=True)
            }
        )

    def objection(self, answer: FrameAnswers) -> str:
        """Every picture has its entry, and not all that is answered is impossible.

        What is impossible in single answers, such as a box without area, is left out when they are settled, in the
        end also where nothing else is left: other questions of the episode have their answers.
        """
        if fault := self.miscounted(answer.pictures):
            return fault
        faults: list[str] = []
        for number, inquiry, extent in zip(self.numbers, self.inquiries, self.extents, strict=True):
            for kind in inquiry.kinds:
                if question := answer.pictures[number].of(kind):
                    fault = self._fault(question, extent)
                    faults.append(f"Picture {number}, {kind}: {fault}." if fault else "")
        return faults[0] if faults and all(faults) else ""

    def remainder(self, answer: FrameAnswers) -> FrameAnswers | None:
        """All of it, as what is impossible is left out when it is settled."""
        return None if self.miscounted(answer.pictures) else answer

    def settled(self, answer: FrameAnswers) -> FrameAnswers:
        """The kinds that were wanted, with places in whole pixels of the dataset's frames; impossible ones are null."""
        pictures: dict[str, PictureAnswers] = {}
        left_out: list[str] = []
        for number, inquiry, extent in zip(self.numbers, self.inquiries, self.extents, strict=True):
            said = {kind: q for kind in inquiry.kinds if (q := answer.pictures[number].of(kind))}
            faults = {kind: fault for kind, q in said.items() if (fault := self._fault(q, extent))}
            moved = {kind: self._in_source(q, inquiry.shot) for kind, q in said.items() if kind not in faults}
            pictures[number] = PictureAnswers().model_copy(update=moved)
            # Spare kinds make up for some of them.
            missing = max(0, inquiry.wanted - len(moved))
            left_out += [f"{inquiry.shot}, {kind}: {fault}" for kind, fault in faults.items()][:missing]
        return FrameAnswers(pictures=pictures).leaving_out(left_out)

    def _fault(self, question: Question, extent: tuple[int, int]) -> str:
        y_first = self.places.y_first
        match question:
            case Boxes():
                faults = (box_fault(found.bbox, extent, y_first) for found in question.detections)
                return next(filter(None, faults), "")
            case Keypoint():
                return point_fault(question.point, extent, y_first)
            case Spatial() if question.subject.lower() == question.object.lower():
                return "subject and object are the same"
            case _:
                return ""

    def _in_source(self, question: Question, shot: Shot) -> Question:
        match question:
            case Boxes():
                picture = shot.picture()
                moved = [
                    found.model_copy(update={"bbox": source_box(found.bbox, self.places, picture)})
                    for found in question.detections
                ]
                return question.model_copy(update={"detections": moved})
            case Keypoint():
                point = source_point(question.point, self.places, shot.picture())
                return question.model_copy(update={"point": point})
            case _:
                return question
