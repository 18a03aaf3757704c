"""What families of vision-language models differ in: a model's name goes in, its conventions come out.

Coordinates: some families name a place by thousandths of the picture, some by pixels of the picture as their
processor has resized it, some with y before x. Here all become x and y in pixels of the dataset's own frames.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from roboscribe.config import VlmSettings, json_object
from roboscribe.errors import SettingsError

Size = tuple[int, int]
"""Width and height in pixels."""
Point = tuple[float, float]
"""Two coordinates: x, y, or as a family orders them."""
Box = tuple[float, float, float, float]
"""Two corners of a rectangle: x, y, x, y, or as a family orders them."""

_GRID = 1000.0


@dataclass(frozen=True, slots=True)
class Resizing:
    """How a processor resizes a picture: sides are multiples of a step, and the area is within bounds.

    Attributes:
        step: Pixels.
        least: Fewest pixels of a picture.
        most: Most pixels of a picture.
    """

    step: int
    least: int
    most: int

    def size(self, sent: Size, most: int | None = None) -> Size:
        """Size that a picture has for the model.

        Args:
            sent: Its size as it was sent.
            most: Most pixels, where ``--vlm.max-pixels`` says so.
        """
        most = self.most if most is None else most
        area = sent[0] * sent[1]
        width, height = (max(self.step, round(side / self.step) * self.step) for side in sent)
        if width * height > most:
            shrink = math.sqrt(most / area)
            width, height = (
                max(self.step, math.floor(side * shrink / self.step) * self.step) for side in sent
            )
        elif width * height < min(self.least, most):
            grow = math.sqrt(min(self.least, most) / area)
            width, height = (math.ceil(side * grow / self.step) * self.step for side in sent)
        return width, height


@dataclass(frozen=True)
class Family:
    """Models that were trained alike.

    Attributes:
        name: Of the family; what transformers calls ``model_type`` where it knows it.
        coordinates: ``thousandths`` of the picture's width and height, or ``pixels`` of the resized picture.
        y_first: Whether y stands before x.
        resizing: How its processor resizes pictures; None when it cuts them into tiles, or nobody knows.
        without_thinking: Variables of the chat template that turn thinking off.
    """

    name: str
    coordinates: Literal["thousandths", "pixels"] = "thousandths"
    y_first: bool = False
    resizing: Resizing | None = None
    without_thinking: Mapping[str, Any] = field(default_factory=lambda: {"enable_thinking": False})


_TABLE: tuple[tuple[str, Family], ...] = (
    # Name of the model or its type, in lower case with every separator a dash; the first that is found counts.
    (
        # Pixels of the picture as the model gets it (QwenLM/Qwen3-VL issue 940).
        r"qwen-?2-?5-?vl|qwen-?2-?5-?omni|cosmos-reason1|robobrain2-0",
        Family("qwen2_5_vl", "pixels", resizing=Resizing(28, 3_136, 12_845_056)),
    ),
    (r"qwen-?2-?vl", Family("qwen2_vl", resizing=Resizing(28, 3_136, 12_845_056))),
    # From here on thousandths again (QwenLM/Qwen3-VL issue 1485), larger patches, and bounds of 256 and 16 Mi pixels.
    (r"qwen-?3|cosmos-reason2|robobrain2-5", Family("qwen3_vl", resizing=Resizing(32, 65_536, 16_777_216))),
    (r"internvl", Family("internvl")),
    (r"glm-?4.*v|glm-?5.*v", Family("glm4v")),
    # [ymin, xmin, ymax, xmax] (Gemini API, image understanding).
    (r"gemini", Family("gemini", y_first=True)),
)

UNKNOWN = Family("unknown")
"""What is asked of models nobody knows: thousandths, which need no knowledge of how a picture was resized."""


def family_of(model: str) -> Family:
    """The family of a model.

    Args:
        model: The model's type, its name at a server, a Hugging Face id or a local folder.
    """
    folder = Path(model)
    known = _type_in(folder / "config.json") if folder.is_dir() else None
    plain = re.sub(r"[\s._]+", "-", (known or folder.name).lower())
    return next((family for pattern, family in _TABLE if re.search(pattern, plain)), UNKNOWN)


def template_variables(vlm: VlmSettings, family: Family) -> dict[str, Any]:
    """Variables of the chat template: no thinking, unless the settings want it."""
    return dict(family.without_thinking) | json_object("vlm.chat-template-kwargs", vlm.chat_template_kwargs)


def pixel_bounds(vlm: VlmSettings, family: Family, least: int | None = None) -> dict[str, int] | None:
    """What a processor of the family is told of ``--vlm.max-pixels``; None when it is left out.

    Args:
        vlm: The settings.
        family: Of the model.
        least: The fewest pixels of a picture, where the processor has its own.

    Raises:
        SettingsError: The family's processor has no such bounds.
    """
    if vlm.max_pixels is None:
        return None
    if family.resizing is None:
        raise SettingsError(
            f"--vlm.max-pixels: models of the {family.name} kind know no such bound.",
            "Leave it out, and make pictures smaller with --frames.thumbnail-side.",
        )
    least = family.resizing.least if least is None else least
    return {"shortest_edge": min(least, vlm.max_pixels), "longest_edge": vlm.max_pixels}


def to_source_point(
    point: Point, family: Family, sent: Size, source: Size, max_pixels: int | None = None
) -> Point:
    """A place a model named, as x and y in pixels of the dataset's frame; kept inside of it.

    Args:
        point: As the model gave it.
        family: Of the model.
        sent: Size of the picture it was sent.
        source: Size of the frame that the picture shows, whole.
        max_pixels: What ``--vlm.max-pixels`` says.
    """
    x, y = (point[1], point[0]) if family.y_first else point
    across, down = _extent(family, sent, max_pixels)
    return _within(x / across * source[0], source[0]), _within(y / down * source[1], source[1])


def to_source_box(box: Box, family: Family, sent: Size, source: Size, max_pixels: int | None = None) -> Box:
    """A rectangle a model named, as left, top, right, bottom in pixels of the dataset's frame.

    Corners in the wrong order are put right, and what lies outside is cut off; otherwise as ``to_source_point``.
    """
    one = to_source_point((box[0], box[1]), family, sent, source, max_pixels)
    other = to_source_point((box[2], box[3]), family, sent, source, max_pixels)
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[0], other[0]),
        max(one[1], other[1]),
    )


def from_source_point(
    point: Point, family: Family, sent: Size, source: Size, max_pixels: int | None = None
) -> Point:
    """A place in the dataset's frame, as the model would name it, rounded to whole numbers.

    The inverse of ``to_source_point``, for places that are told to a model.
    """
    across, down = _extent(family, sent, max_pixels)
    x, y = float(round(point[0] / source[0] * across)), float(round(point[1] / source[1] * down))
    return (y, x) if family.y_first else (x, y)


def _extent(family: Family, sent: Size, max_pixels: int | None) -> tuple[float, float]:
    """Right and bottom edge of the picture in the model's numbers."""
    if family.coordinates == "thousandths":
        return _GRID, _GRID
    assert family.resizing is not None, "pixels of a picture whose size nobody knows"
    return family.resizing.size(sent, max_pixels)


def _within(value: float, side: int) -> float:
    return min(max(value, 0.0), float(side))


def _type_in(path: Path) -> str | None:
    """The model type in a model's config file; None when there is none."""
    try:
        config: Any = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    found = cast(dict[str, Any], config).get("model_type") if isinstance(config, dict) else None
    return found if isinstance(found, str) else None
