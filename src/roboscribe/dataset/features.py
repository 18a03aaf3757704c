"""Feature declarations go in; cameras, the channels of state and action, and their names come out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from roboscribe.dataset.info import INFO, NUMERIC, VISUAL, Feature
from roboscribe.episode import Camera

Kind = Literal["state", "action"]

KEYS: dict[Kind, tuple[str, ...]] = {
    "state": ("observation.state", "state", "observation.states", "states"),
    "action": ("action", "actions"),
}
"""Feature keys that hold the signal whole, the usual one first."""

NOT_A_POSE = re.compile(
    r"velocit|(^|[._])(vel|acc|dq|effort|torque|force|wrench|current|temperature)s?($|[._])"
)
"""Parts of a split state that say how fast or how hard, not where."""


def signal_keys(features: Mapping[str, Feature], kind: Kind) -> tuple[str, ...]:
    """Feature keys whose channels, one after the other, make up the state or the action.

    A feature that holds it whole wins (``observation.state``, ``state``, ``action``, ``actions``). Where a
    dataset only has parts (``observation.state.arm``, ``observation.state.gripper``), they are joined in the
    order declared; parts that measure velocity, effort and the like are left out unless there are no others.
    """
    for key in KEYS[kind]:
        if key in features and NUMERIC.fullmatch(features[key]["dtype"]):
            return (key,)
    for prefix in KEYS[kind]:
        parts = [
            key
            for key, feature in features.items()
            if key.startswith(f"{prefix}.") and NUMERIC.fullmatch(feature["dtype"])
        ]
        if parts:
            poses = [key for key in parts if not NOT_A_POSE.search(key.lower())]
            return tuple(poses or parts)
    return ()


def joined_names(features: Mapping[str, Feature], kind: Kind) -> tuple[str, ...]:
    """One name per channel of ``signal_keys``; parts put their own name before that of the channel."""
    keys = signal_keys(features, kind)
    if not keys or keys[0] in KEYS[kind]:
        return channel_names(features[keys[0]]) if keys else ()
    prefix = next(prefix for prefix in KEYS[kind] if keys[0].startswith(f"{prefix}."))
    names: list[str] = []
    for key in keys:
        part = key[len(prefix) + 1 :]
        own = channel_names(features[key])
        if len(own) == 1:
            names.append(part)
        else:
            names += [f"{part}.{name or position}" for position, name in enumerate(own)]
    return tuple(names)


def width(feature: Feature) -> int:
    """Channels of a numeric feature: the product of its shape."""
    return math.prod(cast("list[int]", feature["shape"]))


def channel_names(feature: Feature) -> tuple[str, ...]:
    """One name per channel, ``""`` for each where the declaration gives none that fit.

    ``names`` may be a flat list, a nested list, a dict of lists (several of them put their key before the
    name), a dict from name to position, or null.
    """
    names = _flatten(feature.get("names"))
    channels = width(feature)
    return tuple(names) if len(names) == channels else ("",) * channels


def misnamed(features: Mapping[str, Feature], keys: Iterable[str]) -> Iterator[str]:
    """A sentence about each of the features ``keys`` whose names are not one for each channel."""
    for key in keys:
        names, channels = _flatten(features[key].get("names")), width(features[key])
        if names and len(names) != channels:
            yield (
                f"{INFO}: {key!r} has {channels} channels and not as many names ({len(names)}), so these are not"
                " used: grippers are told by how they move."
            )


def _flatten(names: Any) -> list[str]:
    if isinstance(names, str):
        return [names]
    if isinstance(names, list):
        return [name for item in cast("list[Any]", names) for name in _flatten(item)]
    if not isinstance(names, dict):
        return []
    entries = cast("dict[str, Any]", names)
    if all(isinstance(value, int) for value in entries.values()):
        return sorted(entries, key=lambda name: entries[name])
    groups = {group: _flatten(value) for group, value in entries.items()}
    if len(groups) == 1:
        return next(iter(groups.values()))
    return [f"{group}.{name}" for group, members in groups.items() for name in members]


def cameras(features: Mapping[str, Feature]) -> tuple[Camera, ...]:
    """Colour cameras in the order declared; depth maps are left out."""
    return tuple(
        Camera(key, *_height_width(feature), feature["dtype"])
        for key, feature in features.items()
        if feature["dtype"] in VISUAL and not _is_depth(key, feature)
    )


def _video_facts(feature: Feature) -> Mapping[str, Any]:
    for key in ("info", "video_info"):
        facts = feature.get(key)
        if isinstance(facts, dict):
            return cast("dict[str, Any]", facts)
    return {}


def _is_depth(key: str, feature: Feature) -> bool:
    facts = _video_facts(feature)
    return bool(facts.get("is_depth_map") or facts.get("video.is_depth_map")) or "depth" in key.lower()


def _height_width(feature: Feature) -> tuple[int, int]:
    shape = cast("list[int]", feature["shape"])
    names = _flatten(feature.get("names"))
    if len(names) == len(shape) and {"height", "width"} <= set(names):
        return shape[names.index("height")], shape[names.index("width")]
    if len(shape) == 3 and shape[2] in (1, 3, 4):
        return shape[0], shape[1]
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return shape[1], shape[2]
    if len(shape) == 2:
        return shape[0], shape[1]
    facts = _video_facts(feature)
    return int(facts.get("video.height") or 0), int(facts.get("video.width") or 0)
