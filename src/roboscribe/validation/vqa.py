"""Rules for visual questions and traces: pairs, the form of answers, coordinates inside the image."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn, cast

from roboscribe.episode import Camera
from roboscribe.language import Row
from roboscribe.validation.base import EpisodeView, Problem, at, quoted, rule

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


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"contains {constant}")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
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
        data, fault = _parsed(row)
        if fault or not isinstance(data, dict):
            yield Problem(
                row.timestamp,
                f"The vqa answer {quoted(row.content)} {at(row.timestamp)} {fault or 'is no JSON object'}.",
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
                f"The vqa answer {quoted(row.content)} {at(row.timestamp)} {fault}.",
                "Answer as bbox, keypoint, count, attribute or spatial, with exactly the keys of that kind.",
            )


@rule("vqa.bbox", "vqa")
def boxes(view: EpisodeView) -> Iterator[Problem]:
    """A box has x_min < x_max and y_min < y_max and lies inside the image, in pixels."""
    for row, data in _objects(view):
        camera = view.cameras_by_key.get(row.camera or "")
        for detection in _list(data.get("detections")):
            box = _numbers(detection.get("bbox"), 4) if isinstance(detection, dict) else None  # pyright: ignore
            if box is not None and (fault := _box_fault(box, camera)):
                yield Problem(row.timestamp, f"The box {box} {at(row.timestamp)} {fault}.", _pixels(camera))


@rule("vqa.point", "vqa")
def points(view: EpisodeView) -> Iterator[Problem]:
    """A point lies inside the image, in pixels."""
    for row, data in _objects(view):
        camera = view.cameras_by_key.get(row.camera or "")
        point = _numbers(data.get("point"), 2)
        if point is not None and not _inside(point, camera):
            yield Problem(
                row.timestamp, f"The point {point} {at(row.timestamp)} is outside the image.", _pixels(camera)
            )


@rule("vqa.count", "vqa")
def counts(view: EpisodeView) -> Iterator[Problem]:
    """A count is a whole number of at least 0."""
    for row, data in _objects(view):
        count = data.get("count", 0)
        if type(count) is not int or count < 0:
            yield Problem(
                row.timestamp,
                f"The count {at(row.timestamp)} is {count!r}.",
                "Give a whole number of at least 0, not a text or true/false.",
            )


@rule("trace.path", "trace")
def trace_path(view: EpisodeView) -> Iterator[Problem]:
    """A trace is a JSON list of points `[x, y]`, in pixels inside the image."""
    for row in view.of_style("trace"):
        data, fault = _parsed(row)
        camera = view.cameras_by_key.get(row.camera or "")
        path = [_numbers(point, 2) for point in _list(data)]
        if fault or not path or None in path:
            fault = fault or "is no list of points"
        elif not all(_inside(point, camera) for point in path if point):
            fault = "leaves the image"
        if fault:
            yield Problem(
                row.timestamp,
                f"The trace {quoted(row.content)} {at(row.timestamp)} {fault}.",
                f"Write it as [[x, y], …]. {_pixels(camera)}",
            )


def kind_of(answer: dict[str, Any]) -> str | None:
    """Which kind of answer this is: bbox, keypoint, count, attribute, spatial, or None."""
    for sign, kind in _SIGNS.items():
        if sign in answer:
            return kind
    return "spatial" if "subject" in answer or "relation" in answer else None


def _answers(view: EpisodeView) -> Iterator[Row]:
    return (row for row in view.of_style("vqa") if row.role == "assistant")


def _objects(view: EpisodeView) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Answers that are JSON objects."""
    for row in _answers(view):
        data, fault = _parsed(row)
        if not fault and isinstance(data, dict):
            yield row, cast("dict[str, Any]", data)


def _parsed(row: Row) -> tuple[Any, str]:
    """The content as data, and what is wrong with it."""
    return _parse(row.content or "")


@lru_cache(maxsize=1024)
def _parse(text: str) -> tuple[Any, str]:
    # Every rule about answers looks at the same ones in turn; the cache makes that one parse.
    try:
        return _DECODER.decode(text), ""
    except json.JSONDecodeError:
        return None, "is not JSON"
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _schema_fault(kind: str, data: dict[str, Any]) -> str | None:
    """What is wrong with the keys and types of an answer, or None; numbers have rules of their own."""
    required = _REQUIRED[kind]
    if fault := _key_fault(data, required, _OPTIONAL.get(kind, frozenset())):
        return fault
    if kind == "bbox":
        detections = data["detections"]
        if not isinstance(detections, list):
            return "has detections that are no list"
        return next(filter(None, map(_detection_fault, cast("list[Any]", detections))), None)
    if kind == "keypoint" and (data["point_format"] != "xy" or _numbers(data["point"], 2) is None):
        return "has no point [x, y] with point_format “xy”"
    texts = (data.keys() - {"point", "point_format", "count"}) & data.keys()
    return _text_fault(data, texts)


def _detection_fault(detection: Any) -> str | None:
    if not isinstance(detection, dict):
        return "has a detection that is no object"
    found = cast("dict[str, Any]", detection)
    if fault := _key_fault(found, _DETECTION, frozenset()):
        return fault
    if found["bbox_format"] != "xyxy" or _numbers(found["bbox"], 4) is None:
        return "has no box [x_min, y_min, x_max, y_max] with bbox_format “xyxy”"
    return _text_fault(found, {"label"})


def _key_fault(data: dict[str, Any], required: frozenset[str], optional: frozenset[str]) -> str | None:
    if missing := sorted(required - data.keys()):
        return f"lacks {', '.join(missing)}"
    if extra := sorted(data.keys() - required - optional):
        return f"has the unknown key {', '.join(extra)}"
    return None


def _text_fault(data: dict[str, Any], keys: set[str]) -> str | None:
    empty = sorted(key for key in keys if not isinstance(data[key], str) or not data[key].strip())
    return f"has no text as {', '.join(empty)}" if empty else None


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _numbers(value: Any, count: int) -> list[float] | None:
    """``value`` if it is a list of ``count`` finite numbers."""
    values = _list(value)
    if len(values) != count:
        return None
    good = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    return values if good else None


def _box_fault(box: list[float], camera: Camera | None) -> str | None:
    x_min, y_min, x_max, y_max = box
    if not (x_min < x_max and y_min < y_max):
        return "has no area"
    width, height = _size(camera)
    return None if x_min >= 0 and y_min >= 0 and x_max <= width and y_max <= height else "leaves the image"


def _inside(point: list[float], camera: Camera | None) -> bool:
    width, height = _size(camera)
    return 0 <= point[0] < width and 0 <= point[1] < height


def _size(camera: Camera | None) -> tuple[float, float]:
    """Width and height in pixels; infinite where they are unknown."""
    return ((camera.width or math.inf), (camera.height or math.inf)) if camera else (math.inf, math.inf)


def _pixels(camera: Camera | None) -> str:
    if camera is None or not camera.width:
        return "Coordinates are pixels of the source image, from 0 on."
    return (
        f"Coordinates are pixels of the source image, which is {camera.width} wide and {camera.height} high."
    )


RULES = (pair, answer_json, answer_schema, boxes, points, counts, trace_path)
