"""Rules for traces: one at a moment, in the right form, with points inside the image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from roboscribe.validation.base import EpisodeView, Problem, at, quoted, rule
from roboscribe.validation.content import (
    as_list,
    in_pixels,
    inside,
    lacking,
    numbers,
    parsed,
    seen,
    surplus,
    text_fault,
)

_PATH = frozenset({"label", "point_format", "points"})


@rule("trace.path", "trace")
def trace_path(view: EpisodeView) -> Iterator[Problem]:
    """A trace is JSON: the paths of one or more grippers, or one bare path, in pixels inside the image."""
    for row in view.of_style("trace"):
        data, fault = parsed(row)
        camera = view.cameras_by_key.get(row.camera or "")
        if not fault:
            fault = _form_fault(data)
        if not fault and not all(inside(point, camera) for path in _paths(data) for point in path):
            fault = "leaves the image"
        if fault:
            yield Problem(
                row.timestamp,
                f"The trace {quoted(row.content)} {seen(row)} {fault}.",
                'Write it as {"paths": [{"label": "gripper", "point_format": "xy", "points": [[x, y], …]}]}. '
                + in_pixels(camera),
            )


@rule("trace.single", "trace")
def trace_single(view: EpisodeView) -> Iterator[Problem]:
    """At a moment and camera there is one trace."""
    # One that stands twice is what another rule finds.
    traces = dict.fromkeys((row.timestamp, row.camera, row.content) for row in view.of_style("trace"))
    for (time, camera), count in Counter((time, camera) for time, camera, _ in traces).items():
        if count > 1:
            yield Problem(
                time, f"There are {count} traces of {camera} {at(time)}.", "Put all paths into one of them."
            )


def _paths(data: Any) -> list[list[list[float]]]:
    """The points of each path of a trace that is in the right form."""
    return [path["points"] for path in cast("Any", data["paths"])] if isinstance(data, dict) else [data]


def _form_fault(data: Any) -> str | None:
    if not isinstance(data, dict):
        return _points_fault(data)
    found = cast("dict[str, Any]", data)
    if fault := lacking(found, frozenset({"paths"})) or surplus(found, frozenset({"paths"})):
        return fault
    paths = as_list(found["paths"])
    if not paths:
        return "has no paths"
    if fault := next(filter(None, map(_path_fault, paths)), None):
        return fault
    labels = [path["label"] for path in paths]
    return "has two paths of one label" if len(set(labels)) < len(labels) else None


def _path_fault(path: Any) -> str | None:
    if not isinstance(path, dict):
        return "has a path that is no object"
    found = cast("dict[str, Any]", path)
    if fault := lacking(found, _PATH) or surplus(found, _PATH) or text_fault(found, {"label"}):
        return fault
    return (
        "has a point_format other than “xy”"
        if found["point_format"] != "xy"
        else _points_fault(found["points"])
    )


def _points_fault(points: Any) -> str | None:
    path = [numbers(point, 2) for point in as_list(points)]
    return "is no list of points [x, y]" if not path or None in path else None


RULES = (trace_path, trace_single)
