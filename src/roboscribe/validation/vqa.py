"""Rules for visual questions: pairs, the form of answers, coordinates inside the image."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, cast

from roboscribe.episode import Camera
from roboscribe.language import Row
from roboscribe.validation.base import EpisodeView, Problem, at, quoted, rule
from roboscribe.validation.content import (
    as_list,
    as_object,
    in_pixels,
    inside,
    lacking,
    numbers,
    parsed,
    seen,
    size_of,
    surplus,
    text_fault,
)

_REQUIRED: dict[str, frozenset[str]] = {
    "bbox": frozenset({"detections"}),
    "keypoint": frozenset({"label", "point_format", "point"}),
    "count": frozenset({"label", "count"}),
    "attribute": frozenset({"label", "attribute", "value"}),
    "spatial": frozenset({"subject", "relation", "object"}),
}
"""Keys of each kind of answer."""

_OPTIONAL: dict[str, frozenset[str]] = {"count": frozenset({"note"})}
_SIGNS = {"detections": "bbox", "point": "keypoint", "count": "count", "attribute": "attribute"}
"""Key by which an answer is told to be of a kind."""

_ASKED: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), frozenset(kinds))
    for pattern, kinds in (
        (r"\bhow many\b|\bcount the\b|\bwhat is the number of\b", ("count",)),
        (r"\b(?:what|which) colou?r (?:is|are|does|do|has|have)\b", ("attribute",)),
        (r"\bbounding box|\bdraw a box\b", ("bbox",)),
        (r"^point (?:to|at)\b", ("keypoint", "bbox")),
        (r"^where(?:['’]s| is| are)\b", ("bbox", "keypoint", "spatial", "attribute")),
    )
)
"""Ways to ask that leave no doubt, and the kinds of answer that each asks for."""
_TWICE = re.compile(r"\b(?:and|or),? (?:also )?(?:where|what|which|who|how|is|are)\b", re.IGNORECASE)
"""A second question in the same text."""

_DETECTION = frozenset({"label", "bbox_format", "bbox"})


@rule("vqa.pair", "vqa")
def pair(view: EpisodeView) -> Iterator[Problem]:
    """At a moment and camera there is one question and one answer."""
    groups: defaultdict[tuple[float, str | None], list[str]] = defaultdict(list)
    for row in view.of_style("vqa"):
        groups[row.timestamp, row.camera].append(row.role)
    for (time, camera), roles in groups.items():
        if sorted(roles) != ["assistant", "user"]:
            yield Problem(
                time,
                f"There are {roles.count('user')} questions and {roles.count('assistant')} answers"
                f" about {camera} {at(time)}.",
                "Keep one question and its answer; ask others at another frame or of another camera.",
            )


@rule("vqa.json", "vqa")
def answer_json(view: EpisodeView) -> Iterator[Problem]:
    """An answer is a JSON object without NaN or infinity."""
    for row in _answers(view):
        data, fault = parsed(row)
        if fault or not isinstance(data, dict):
            yield Problem(
                row.timestamp,
                f"The vqa answer {quoted(row.content)} {seen(row)} {fault or 'is no JSON object'}.",
                "Write the answer as one JSON object.",
            )


@rule("vqa.schema", "vqa")
def answer_schema(view: EpisodeView) -> Iterator[Problem]:
    """An answer has the keys and types of its kind: bbox, keypoint, count, attribute or spatial."""
    for row, data in _objects(view):
        kind = kind_of(data)
        fault = _schema_fault(kind, data) if kind else "is of no known kind"
        if fault:
            yield Problem(
                row.timestamp,
                f"The vqa answer {quoted(row.content)} {seen(row)} {fault}.",
                "Answer as bbox, keypoint, count, attribute or spatial, with the keys of that kind.",
            )


@rule("vqa.keys", "vqa", severity="warning")
def answer_keys(view: EpisodeView) -> Iterator[Problem]:
    """An answer has no keys besides those of its kind."""
    for row, data in _objects(view):
        kind = kind_of(data)
        known = _REQUIRED[kind] | _OPTIONAL.get(kind, frozenset()) if kind else frozenset(data)
        found = map(as_object, as_list(data.get("detections")))
        faults = (surplus(data, known), *(surplus(detection, _DETECTION) for detection in found))
        if fault := next(filter(None, faults), None):
            yield Problem(
                row.timestamp,
                f"The vqa answer {quoted(row.content)} {seen(row)} {fault}.",
                "Leave it out: what learns from answers learns their keys, too.",
            )


@rule("vqa.bbox", "vqa")
def boxes(view: EpisodeView) -> Iterator[Problem]:
    """A box has x_min < x_max and y_min < y_max and lies inside the image, in pixels."""
    for row, data in _objects(view):
        camera = view.cameras_by_key.get(row.camera or "")
        for detection in as_list(data.get("detections")):
            box = numbers(detection.get("bbox"), 4) if isinstance(detection, dict) else None  # pyright: ignore
            if box is not None and (fault := _box_fault(box, camera)):
                yield Problem(row.timestamp, f"The box {box} {seen(row)} {fault}.", in_pixels(camera))


@rule("vqa.point", "vqa")
def points(view: EpisodeView) -> Iterator[Problem]:
    """A point lies inside the image, in pixels."""
    for row, data in _objects(view):
        camera = view.cameras_by_key.get(row.camera or "")
        point = numbers(data.get("point"), 2)
        if point is not None and not inside(point, camera):
            yield Problem(
                row.timestamp,
                f"The point {point} {seen(row)} is outside the image.",
                in_pixels(camera),
            )


@rule("vqa.count", "vqa")
def counts(view: EpisodeView) -> Iterator[Problem]:
    """A count is a whole number of at least 0."""
    for row, data in _objects(view):
        count = data.get("count", 0)
        if type(count) is not int or count < 0:
            yield Problem(
                row.timestamp,
                f"The count {seen(row)} is {json.dumps(count, ensure_ascii=False)}.",
                "Give a whole number of at least 0, not a text or true/false.",
            )


@rule("vqa.spatial", "vqa")
def relations(view: EpisodeView) -> Iterator[Problem]:
    """A relation is one between two things."""
    for row, data in _objects(view):
        one, other = data.get("subject"), data.get("object")
        if isinstance(one, str) and isinstance(other, str) and one.strip().lower() == other.strip().lower():
            yield Problem(
                row.timestamp,
                f"Subject and object {seen(row)} are both {quoted(one)}.",
                "Relate it to another thing.",
            )


@rule("vqa.question", "vqa", severity="warning")
def questions(view: EpisodeView) -> Iterator[Problem]:
    """An answer is of a kind that its question asks for, where that leaves no doubt."""
    asked: defaultdict[tuple[float, str | None], list[str]] = defaultdict(list)
    for row in view.of_style("vqa"):
        if row.role == "user":
            asked[row.timestamp, row.camera].append((row.content or "").strip())
    for row, data in _objects(view):
        texts, kind = asked[row.timestamp, row.camera], kind_of(data)
        text = texts[0] if len(texts) == 1 else ""
        wanted = frozenset[str]().union(*(kinds for pattern, kinds in _ASKED if pattern.search(text)))
        if kind and wanted and kind not in wanted and not _TWICE.search(text):
            yield Problem(
                row.timestamp,
                f"The question {quoted(text)} {seen(row)} is answered as {kind}.",
                f"Answer it as {' or '.join(sorted(wanted))}, or ask for what the answer tells.",
            )


def kind_of(answer: dict[str, Any]) -> str | None:
    """Which kind of answer this is: bbox, keypoint, count, attribute, spatial, or None."""
    for sign, kind in _SIGNS.items():
        if sign in answer:
            return kind
    return "spatial" if "subject" in answer or "relation" in answer else None


def kinds_in(rows: Iterable[Row]) -> tuple[tuple[str, str, int], ...]:
    """Camera, kind and number of the visual answers among rows that are of a kind."""
    answers = (row for row in rows if row.style == "vqa" and row.role == "assistant")
    kinds = ((row.camera or "", kind_of(as_object(parsed(row)[0]))) for row in answers)
    return tuple((camera, kind, number) for (camera, kind), number in Counter(kinds).items() if kind)


def _answers(view: EpisodeView) -> Iterator[Row]:
    return (row for row in view.of_style("vqa") if row.role == "assistant")


def _objects(view: EpisodeView) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Answers that are JSON objects."""
    for row in _answers(view):
        data, fault = parsed(row)
        if not fault and isinstance(data, dict):
            yield row, cast("dict[str, Any]", data)


def _schema_fault(kind: str, data: dict[str, Any]) -> str | None:
    """What is wrong with the keys and types of an answer, or None; numbers have rules of their own."""
    if fault := lacking(data, _REQUIRED[kind]):
        return fault
    if kind == "bbox":
        detections = data["detections"]
        if not isinstance(detections, list):
            return "has detections that are no list"
        return next(filter(None, map(_detection_fault, cast("list[Any]", detections))), None)
    if kind == "keypoint" and (data["point_format"] != "xy" or numbers(data["point"], 2) is None):
        return "has no point [x, y] with point_format “xy”"
    numbered = {"point", "point_format", "count"}
    return text_fault(data, (_REQUIRED[kind] | _OPTIONAL.get(kind, frozenset())) & data.keys() - numbered)


def _detection_fault(detection: Any) -> str | None:
    if not isinstance(detection, dict):
        return "has a detection that is no object"
    found = cast("dict[str, Any]", detection)
    if fault := lacking(found, _DETECTION):
        return fault
    if found["bbox_format"] != "xyxy" or numbers(found["bbox"], 4) is None:
        return "has no box [x_min, y_min, x_max, y_max] with bbox_format “xyxy”"
    return text_fault(found, {"label"})


def _box_fault(box: list[float], camera: Camera | None) -> str | None:
    x_min, y_min, x_max, y_max = box
    if not (x_min < x_max and y_min < y_max):
        return "has no area"
    width, height = size_of(camera)
    return None if x_min >= 0 and y_min >= 0 and x_max <= width and y_max <= height else "leaves the image"


RULES = (pair, answer_json, answer_schema, answer_keys, boxes, points, counts, relations, questions)
