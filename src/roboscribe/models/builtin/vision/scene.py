"""The scene before a camera: pictures spread over an episode go in, what any picture of it shows comes out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from roboscribe.frames import RGB, Jpeg
from roboscribe.models.builtin.vision.colours import indices_of, lightness_of, tints_of
from roboscribe.models.builtin.vision.looks import Look
from roboscribe.models.builtin.vision.mentions import Mention
from roboscribe.models.builtin.vision.motion import find_motion
from roboscribe.models.builtin.vision.palette import Palette, learn_palette
from roboscribe.models.builtin.vision.sight import Sight, see
from roboscribe.models.builtin.vision.things import Thing, find_things

_SIDE = 320
"""Pixels of the longer side at which pictures are looked at, at least, where they have as many."""
_LEAST_STIRRING = 3
"""Pictures in which something must move for the robot to be told from things that lie still."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What is known of one camera's view of an episode.

    Attributes:
        palette: What tints stand for.
        things: What can be recognised.
        camera_moves: Whether nothing keeps its place in the picture.
    """

    palette: Palette
    things: tuple[Thing, ...]
    camera_moves: bool

    def sight(self, picture: Jpeg, seconds: float) -> Sight:
        """What a picture shows, taken ``seconds`` into the episode."""
        rgb = small(picture)
        scale = picture.source_width / rgb.shape[1], picture.source_height / rgb.shape[0]
        return see(_look(rgb, seconds, self.palette), self.things, scale, camera_moves=self.camera_moves)


def study(
    camera: str,
    pictures: Sequence[tuple[float, Jpeg]],
    mentions: Sequence[Mention],
    held: Sequence[tuple[float, float]] = (),
) -> Scene:
    """Learn what a camera sees.

    Args:
        camera: Camera key.
        pictures: Time in seconds and picture, in order of time, spread over the episode; all of one size.
        mentions: What the task names.
        held: From when to when a gripper may hold something, in seconds and in order.
    """
    rgbs = [small(picture) for _, picture in pictures]
    tiny = [np.ascontiguousarray(rgb[::2, ::2]) for rgb in rgbs]
    motion = find_motion(camera, tiny)
    unladen = [not any(start <= seconds <= end for start, end in held) for seconds, _ in pictures]
    palette = learn_palette(
        [tints_of(indices_of(rgb)) for rgb in tiny],
        motion,
        unladen,
        [mention.colour for mention in mentions if mention.colour],
    )
    looks = [_look(rgb, seconds, palette) for (seconds, _), rgb in zip(pictures, rgbs, strict=True)]
    things = find_things(
        looks,
        mentions,
        camera_moves=motion.camera_moves,
        robot_known=sum(mask is not None for mask in motion.moving) >= _LEAST_STIRRING,
        grasp=held[0][0] if held else None,
    )
    # Where nothing ever stirs, pictures may be older than they say: what they show need not be there.
    return Scene(palette, () if motion.frozen else things, motion.camera_moves)


def small(picture: Jpeg) -> RGB:
    """A picture decoded at about ``_SIDE`` pixels; a JPEG is quickly decoded at a half or a quarter of its size."""
    with Image.open(io.BytesIO(picture.data)) as image:
        shrink = _SIDE / max(image.size)
        if shrink < 1:
            image.draft("RGB", (round(image.width * shrink), round(image.height * shrink)))
        steps = max(1, round(max(image.size) / _SIDE))
        return np.asarray(image.convert("RGB").reduce(steps) if steps > 1 else image.convert("RGB"))


def _look(rgb: RGB, seconds: float, palette: Palette) -> Look:
    indices = indices_of(rgb)
    cells = tints_of(indices)
    return Look(seconds, cells, lightness_of(indices), palette.look(cells))
