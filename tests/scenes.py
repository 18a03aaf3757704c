"""Random scenes with exact truth: a seed goes in, pictures of a robot that moves a thing, and what they show, come out.

Nothing here is taken from the code under test: colours are plain sRGB values, things are drawn as polygons.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from roboscribe.episode import Episode
from roboscribe.evaluation.visual import GoldPicture, GoldThing
from roboscribe.frames import FrameNeeds, Jpeg
from roboscribe.signals import GripperEvent, Signals

Array = NDArray[Any]
Colour = tuple[int, int, int]

COLOURS: dict[str, tuple[Colour, ...]] = {
    "red": ((200, 30, 35), (220, 20, 30), (170, 25, 30)),
    "orange": ((240, 130, 30), (250, 140, 20)),
    "yellow": ((245, 220, 40), (250, 230, 60)),
    "green": ((40, 160, 70), (30, 130, 50), (60, 190, 80)),
    "blue": ((30, 80, 200), (25, 60, 160), (50, 110, 220)),
    "purple": ((120, 50, 170), (110, 60, 180)),
    "pink": ((245, 130, 190), (250, 140, 210)),
}
TABLES: tuple[Colour, ...] = (
    (200, 170, 130), (235, 235, 230), (60, 60, 65), (150, 150, 150), (120, 85, 55), (190, 200, 205),
    (90, 120, 90), (70, 90, 130), (215, 205, 185), (30, 32, 35),
)  # fmt: skip
ROBOTS: tuple[Colour, ...] = (
    (240, 240, 240), (25, 25, 28), (130, 132, 138), (250, 160, 20), (40, 110, 190), (200, 40, 40), (60, 60, 60),
)  # fmt: skip
NOUNS = ("cube", "ball", "cup", "block", "plate", "duck")
_MAT, _CABLE = 100, 101
SIZES = ((320, 240), (424, 240), (640, 480), (800, 600), (1280, 720))


@dataclass
class Body:
    """A thing on the table; lengths in heights of the picture.

    Attributes:
        noun: What it is.
        colour: The word for its colour.
        rgb: Its colour.
        x: Middle.
        y: Middle.
        size: Radius.
        angle: Radians.
        corners: Corners of its outline; many for a round one.
        stretch: Length by width.
        logo: Colour of a mark on it, or None.
        half: Colour of its one half, or None; a thing of two colours is called by neither.
    """

    noun: str
    colour: str
    rgb: Colour
    x: float
    y: float
    size: float
    angle: float
    corners: int
    stretch: float
    logo: Colour | None = None
    half: Colour | None = None

    def outline(self, scale: float = 1.0) -> list[tuple[float, float]]:
        """Corners in heights of the picture."""
        points: list[tuple[float, float]] = []
        for n in range(self.corners):
            turn = 2 * math.pi * (n + 0.5) / self.corners
            along, across = (
                self.size * scale * math.cos(turn) * self.stretch,
                self.size * scale * math.sin(turn),
            )
            points.append(
                (
                    self.x + along * math.cos(self.angle) - across * math.sin(self.angle),
                    self.y + along * math.sin(self.angle) + across * math.cos(self.angle),
                )
            )
        return points


@dataclass
class Play:
    """A robot that moves one of several things, as its camera sees it.

    Attributes:
        seed: All chance comes from it.
        frames: Pictures.
        fps: Pictures a second.
    """

    seed: int
    frames: int = 24
    fps: float = 2.0
    bodies: list[Body] = field(default_factory=list[Body])
    task: str = ""
    size: tuple[int, int] = (640, 480)

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng(self.seed)
        self.size = SIZES[self.chance.integers(len(SIZES))]
        self.aspect = self.size[0] / self.size[1]
        self.robot = ROBOTS[self.chance.integers(len(ROBOTS))]
        self.noise = float(self.chance.choice([0.5, 2.0, 4.0, 7.0]))
        self.quality = int(self.chance.integers(60, 95))
        self.table = self._table()
        self.light = self._light()
        self._set_out()
        self.base = (float(self.chance.uniform(0.2, 0.8)) * self.aspect, -0.1)
        self.home = (self.base[0] + float(self.chance.uniform(-0.1, 0.1)), 0.15)
        self.target = (
            float(self.chance.uniform(0.15, 0.85)) * self.aspect,
            float(self.chance.uniform(0.45, 0.85)),
        )
        self.start = (self.bodies[0].x, self.bodies[0].y)
        self.marks = (0.08, 0.3, 0.36, 0.66, 0.72, 0.92)
        self.trembles = float(self.chance.choice([0.0, 0.0, 0.004]))
        self.flicker = float(self.chance.choice([0.0, 0.0, 0.05]))
        self.fingers = tuple(int(part * 0.85) for part in self.robot)
        if self.chance.random() < 0.25:
            self.fingers = self._any_colour()[1]
        self.cable = self._any_colour() if self.chance.random() < 0.25 else None
        self.mat = self._any_colour() if self.chance.random() < 0.2 else None

    @property
    def signals(self) -> Signals:
        """What the robot's own signals would tell."""
        total = self.frames / self.fps
        close, grasped, release, opened = (total * mark for mark in self.marks[1:5])
        events = (GripperEvent("close", close, grasped, holding=True), GripperEvent("open", release, opened))
        return Signals(events, (), (), (), np.zeros(0, np.float32), ("",))

    def draw(self, frame: int) -> tuple[Jpeg, GoldPicture]:
        """A picture and what it shows."""
        width, height = self.size
        chance = np.random.default_rng((self.seed, frame))
        shift = chance.normal(0, self.trembles, 2)
        hand, held, carried = self._hand(frame / (self.frames - 1))
        self.bodies[0].x, self.bodies[0].y = carried
        zoom = 2 * height
        canvas = Image.fromarray(np.repeat(np.repeat(self.table, 2, 0), 2, 1))
        ids = Image.new("L", (2 * width, 2 * height))
        paint, mark = ImageDraw.Draw(canvas), ImageDraw.Draw(ids)
        order = [*self.bodies[1:], self.bodies[0]]

        def at(points: list[tuple[float, float]], lift: float = 0.0) -> list[tuple[float, float]]:
            return [((x + shift[0]) * zoom, (y + shift[1] - lift) * zoom) for x, y in points]

        if self.mat:
            mat = [(0.2, 0.4), (0.2 + 0.5 * self.aspect, 0.4), (0.2 + 0.5 * self.aspect, 0.95), (0.2, 0.95)]
            paint.polygon(at(mat), fill=self.mat[1])
            mark.polygon(at(mat), fill=_MAT)
        if self.cable:
            cable = [(x, 0.35 + 0.05 * math.sin(7 * x)) for x in np.linspace(0, self.aspect, 40)]
            paint.line(at(cable), fill=self.cable[1], width=int(0.012 * zoom))
            mark.line(at(cable), fill=_CABLE, width=int(0.012 * zoom))
        shades = Image.new("L", canvas.size, 255)
        dim = ImageDraw.Draw(shades)
        for body in order:
            dim.polygon(at([(x + 0.012, y + 0.015) for x, y in body.outline()]), fill=130)
        for (x0, y0), (x1, y1), thick in self._limbs(hand):
            dim.line(at([(x0 + 0.08, y0 + 0.05), (x1 + 0.08, y1 + 0.05)]), fill=150, width=int(thick * zoom))
        shade = shades.filter(ImageFilter.GaussianBlur(3))
        canvas = Image.composite(canvas, Image.eval(canvas, lambda value: int(value * 0.45)), shade)
        paint = ImageDraw.Draw(canvas)
        for number, body in enumerate(order, 1):
            low = tuple(int(part * 0.62) for part in body.rgb)
            for part in np.linspace(0, body.size * 0.5, 6):
                paint.polygon(at(body.outline(), part), fill=low if part < body.size * 0.45 else body.rgb)
                mark.polygon(at(body.outline(), part), fill=number)
            if body.half:
                half = body.outline()[: body.corners // 2 + 1]
                paint.polygon(at(half, body.size * 0.5), fill=body.half)
            if body.logo:
                paint.polygon(at(body.outline(0.4), body.size * 0.5), fill=body.logo)
        for (x0, y0), (x1, y1), thick in self._limbs(hand):
            paint.line(at([(x0, y0), (x1, y1)]), fill=self.robot, width=int(thick * zoom))
            mark.line(at([(x0, y0), (x1, y1)]), fill=0, width=int(thick * zoom))
            for x, y in ((x0, y0), (x1, y1)):
                joint = [(x - thick * 0.6, y - thick * 0.6), (x + thick * 0.6, y + thick * 0.6)]
                paint.ellipse(at(joint), fill=(30, 30, 32))
                mark.ellipse(at(joint), fill=0)
        gap = 0.012 if held or self._closed(frame / (self.frames - 1)) else 0.05
        for side in (-1, 1):
            finger = [
                (hand[0] + side * (gap + 0.012), hand[1] - 0.05),
                (hand[0] + side * (gap + 0.012), hand[1] + 0.02),
            ]
            paint.line(at(finger), fill=self.fingers, width=int(0.022 * zoom))
            mark.line(at(finger), fill=0, width=int(0.022 * zoom))
        rgb = np.asarray(canvas.reduce(2), np.float32) * self.light * (1 + chance.normal(0, self.flicker))
        rgb = np.clip(rgb + chance.normal(0, self.noise, rgb.shape), 0, 255).astype(np.uint8)
        truth = self._truth(np.asarray(ids)[::2, ::2], order, held)
        return _jpeg(rgb, self.quality), truth

    def _truth(self, ids: Array, order: list[Body], held: bool) -> GoldPicture:
        things: list[GoldThing] = []
        least = 60 * ids.size / (640 * 480)
        names = {n: (body.noun, "" if body.half else body.colour) for n, body in enumerate(order, 1)}
        names |= {_MAT: ("mat", self.mat[0])} if self.mat else {}
        names |= {_CABLE: ("cable", self.cable[0])} if self.cable else {}
        for number, (noun, colour) in names.items():
            rows, columns = np.nonzero(ids == number)
            if len(rows) < least:
                continue
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            things.append(
                GoldThing(
                    noun,
                    colour,
                    (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                    (float(columns.mean()) + 0.5, float(rows.mean()) + 0.5),
                )
            )
        first = self.bodies[0]
        name = f"{first.colour} {first.noun}"
        return GoldPicture(tuple(things), self.size, name if held else "", frozenset({name}))

    def _any_colour(self, but: str = "") -> tuple[str, Colour]:
        names = [name for name in COLOURS if name != but]
        name = names[self.chance.integers(len(names))]
        return name, COLOURS[name][0]

    def _closed(self, progress: float) -> bool:
        return self.marks[2] <= progress <= self.marks[3]

    def _hand(self, progress: float) -> tuple[tuple[float, float], bool, tuple[float, float]]:
        """Where the hand is, whether it holds the first thing, and where that is."""
        start, at, grasped, there, let_go, back = self.marks
        stops = [(0.0, self.home), (start, self.home), (at, self.start), (grasped, self.start), (there, self.target),
                 (let_go, self.target), (back, self.home), (1.0, self.home)]  # fmt: skip
        times = [time for time, _ in stops]
        hand = (
            float(np.interp(progress, times, [place[0] for _, place in stops])),
            float(np.interp(progress, times, [place[1] for _, place in stops])),
        )
        if progress < grasped:
            return hand, False, self.start
        if progress < let_go:
            return hand, progress < there, hand
        return hand, False, self.target

    def _limbs(
        self, hand: tuple[float, float]
    ) -> list[tuple[tuple[float, float], tuple[float, float], float]]:
        elbow = ((self.base[0] + hand[0]) / 2 + 0.12, (self.base[1] + hand[1]) / 2 - 0.05)
        return [(self.base, elbow, 0.09), (elbow, (hand[0], hand[1] - 0.05), 0.07)]

    def _table(self) -> Array:
        width, height = self.size
        one = np.array(TABLES[self.chance.integers(len(TABLES))], np.float32)
        other = np.clip(one * self.chance.uniform(0.75, 1.2) + self.chance.normal(0, 6, 3), 0, 255)
        y, x = np.mgrid[0:height, 0:width] / height
        match self.chance.integers(5):
            case 0:
                blend = np.zeros((height, width))
            case 1:
                blend = ((x * 3).astype(int) + (y * 3).astype(int)) % 2
            case 2:
                blend = 0.5 + 0.5 * np.sin(40 * y + 6 * np.sin(3 * x) + self.chance.normal(0, 1))
            case 3:
                coarse = self.chance.random((24, 32)) * 255
                blend = np.asarray(Image.fromarray(coarse.astype(np.uint8)).resize((width, height))) / 255
            case _:
                blend = (x * 12 % 1 < 0.5).astype(float)
        table = one + (other - one) * blend[..., None]
        return np.clip(table, 0, 255).astype(np.uint8)

    def _light(self) -> Array:
        width, height = self.size
        y, x = np.mgrid[0:height, 0:width] / height
        turn = self.chance.uniform(0, 2 * math.pi)
        slope = self.chance.uniform(0, 0.25)
        level = self.chance.uniform(0.75, 1.0) + slope * (
            (x / self.aspect - 0.5) * math.cos(turn) + (y - 0.5) * math.sin(turn)
        )
        cast = 1 + self.chance.normal(0, 0.03, 3)
        return (level[..., None] * cast).astype(np.float32)

    def _set_out(self) -> None:
        """Things on the table, the first of which is moved, and the text of the task."""
        count = int(self.chance.integers(1, 7))
        names = list(COLOURS)
        while len(self.bodies) < count:
            colour = names[self.chance.integers(len(names))]
            shades = COLOURS[colour]
            rgb = shades[self.chance.integers(len(shades))]
            body = Body(
                noun=NOUNS[self.chance.integers(len(NOUNS))],
                colour=colour,
                rgb=(rgb[0], rgb[1], rgb[2]),
                x=float(self.chance.uniform(0.12, self.aspect - 0.12)),
                y=float(self.chance.uniform(0.42, 0.9)),
                size=float(self.chance.uniform(0.03, 0.08)),
                angle=float(self.chance.uniform(0, math.pi)),
                corners=int(self.chance.choice([4, 4, 5, 24])),
                stretch=float(self.chance.uniform(1.0, 1.8)),
                logo=(240, 240, 240) if self.chance.random() < 0.2 else None,
                half=self._any_colour(but=colour)[1] if self.bodies and self.chance.random() < 0.1 else None,
            )
            room = body.size * 1.6
            if all(math.hypot(body.x - o.x, body.y - o.y) > room + o.size * 1.6 for o in self.bodies):
                self.bodies.append(body)
        first = self.bodies[0]
        alike = [o for o in self.bodies[1:] if (o.colour, o.noun) == (first.colour, first.noun)]
        plain = (
            not alike and self.chance.random() < 0.25 and all(o.noun != first.noun for o in self.bodies[1:])
        )
        name = first.noun if plain else f"{first.colour} {first.noun}"
        self.task = f"Pick up the {name} and put it on the table."


def _jpeg(rgb: Array, quality: int) -> Jpeg:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    height, width = rgb.shape[:2]
    return Jpeg(buffer.getvalue(), width, height, width, height)


class PlayFrames:
    """The frames of a play, in the place of an open episode's."""

    def __init__(self, play: Play) -> None:
        self.play = play
        times = (np.arange(play.frames) / play.fps).astype(np.float32)
        self.episode = Episode(0, (play.task,), play.fps, times, None, None, (), {})
        self._drawn: dict[int, tuple[Jpeg, GoldPicture]] = {}

    def need(self, needs: FrameNeeds) -> None:
        """Nothing is decoded ahead."""

    def jpeg(self, camera: str, frame: int) -> Jpeg:
        """A picture."""
        return self._at(frame)[0]

    def truth(self, frame: int) -> GoldPicture:
        """What it shows."""
        return self._at(frame)[1]

    def _at(self, frame: int) -> tuple[Jpeg, GoldPicture]:
        if frame not in self._drawn:
            self._drawn[frame] = self.play.draw(frame)
        return self._drawn[frame]
