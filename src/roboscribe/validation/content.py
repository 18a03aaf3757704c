"""JSON in the content of rows about pictures: a row goes in, its data, and what is wrong with it, come out."""

from __future__ import annotations

import json
import math
from collections.abc import Set
from functools import lru_cache
from typing import Any, NoReturn, cast

from roboscribe.episode import Camera
from roboscribe.language import Row
from roboscribe.validation.base import at


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"contains {constant}")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def parsed(row: Row) -> tuple[Any, str]:
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


def seen(row: Row) -> str:
    """What a row is about, for messages: ``of observation.images.top at 2.77 s``."""
    return f"of {row.camera} {at(row.timestamp)}" if row.camera else at(row.timestamp)


def lacking(data: dict[str, Any], required: frozenset[str]) -> str | None:
    """What an object lacks of the keys that it must have, or None."""
    missing = sorted(required - data.keys())
    return f"lacks {', '.join(missing)}" if missing else None


def surplus(data: dict[str, Any], known: frozenset[str]) -> str | None:
    """What an object has besides the keys that it may have, or None."""
    extra = sorted(data.keys() - known)
    return f"has the unknown key {', '.join(extra)}" if extra else None


def text_fault(data: dict[str, Any], keys: Set[str]) -> str | None:
    """Which of these keys hold no text, or None."""
    empty = sorted(key for key in keys if not isinstance(data[key], str) or not data[key].strip())
    return f"has no text as {', '.join(empty)}" if empty else None


def as_list(value: Any) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_object(value: Any) -> dict[str, Any]:
    """``value`` if it is an object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def numbers(value: Any, count: int) -> list[float] | None:
    """``value`` if it is a list of ``count`` finite numbers."""
    values = as_list(value)
    if len(values) != count:
        return None
    good = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    return values if good else None


def inside(point: list[float], camera: Camera | None) -> bool:
    """Whether a point lies on a pixel of the camera's image, as far as its size is known."""
    width, height = size_of(camera)
    return 0 <= point[0] < width and 0 <= point[1] < height


def size_of(camera: Camera | None) -> tuple[float, float]:
    """Width and height in pixels; infinite where they are unknown."""
    return ((camera.width or math.inf), (camera.height or math.inf)) if camera else (math.inf, math.inf)


def in_pixels(camera: Camera | None) -> str:
    """How coordinates are to be given, in words for a fix."""
    if camera is None or not camera.width:
        return "Coordinates are pixels of the source image, from 0 on."
    return (
        f"Coordinates are pixels of the source image, which is {camera.width} wide and {camera.height} high."
    )
