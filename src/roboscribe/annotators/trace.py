"""Trace: an episode goes in, the path that each gripper is about to take through a camera's picture comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.task import task_of
from roboscribe.annotators.view import cameras_of
from roboscribe.asks import Ask, LocateGripper, Shot
from roboscribe.config import TraceSettings, answer_settings
from roboscribe.episode import Episode
from roboscribe.errors import SettingsError
from roboscribe.frames import EpisodeFrames, FrameNeeds
from roboscribe.frames.calibration import Calibration
from roboscribe.frames.sampling import ROUNDING, every, windows
from roboscribe.language import Row, canonical_json
from roboscribe.models.base import Model

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Track:
    """Where a gripper is seen.

    Attributes:
        times: Seconds, ascending, shape [moments].
        points: x and y in pixels, shape [moments, 2]; NaN where it is out of view.
    """

    times: Array
    points: Array

    def at(self, times: Array) -> list[list[int]] | None:
        """Whole pixels at these times, in between as if it moved evenly; None if it is out of view at one."""
        path = np.column_stack([np.interp(times, self.times, self.points[:, axis]) for axis in (0, 1)])
        return None if np.isnan(path).any() else np.rint(path).astype(int).tolist()


class Trace:
    """Knows the grippers' places from the user's calibration of the cameras, or has a model find them.

    A path begins at each emission and goes a fixed time ahead. A gripper that leaves the picture on the way has
    no path then, and where none has one there is no row. With a calibration nobody is asked.
    """

    name = "trace"
    version = 1
    styles = frozenset[str | None]({"trace"})
    accompanies: tuple[str, ...] = ()
    reads_signals = True
    why_none = "no gripper is in view"

    def __init__(self, settings: TraceSettings, calibration: Calibration | None) -> None:
        self._settings = settings
        self._calibration = calibration
        self.requires = ("task",) if calibration is None else ()
        self.asks: tuple[type[Ask[Any]], ...] = (LocateGripper,) if calibration is None else ()

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows; of a calibration file what it says, not where it lies."""
        said = self._calibration.model_dump() if self._calibration else None
        return answer_settings(self._settings) | {"calibration": said}

    def needs(self, episode: Episode) -> FrameNeeds:
        """The frames that a model is shown."""
        if self._calibration is not None:
            return FrameNeeds()
        return FrameNeeds(jpegs=dict.fromkeys(self._cameras(episode), self._shown(episode)))

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One row at each emission and camera, with a path of each gripper that stays in view."""
        rows: list[Row] = []
        for camera in self._cameras(scene.episode):
            if self._calibration is not None:
                tracks = self._known(self._calibration, scene.episode, camera)
            elif scene.frames is not None:
                tracks = await self._found(scene, scene.frames, task_of(scene, upstream), camera, model)
            else:
                tracks = {}
            rows += self._rows(scene.episode, camera, tracks)
        return rows

    def _cameras(self, episode: Episode) -> tuple[str, ...]:
        if self._calibration is not None:
            return tuple(self._settings.cameras or self._calibration.cameras)
        found = cameras_of(episode, self._settings.cameras, self.name)
        return found if self._settings.cameras else found[:1]

    def _paths(self, episode: Episode) -> list[tuple[int, Array]]:
        """For each path the frame at which it begins, and the times of its points in seconds."""
        step = self._settings.seconds / (self._settings.points - 1)
        last = episode.time_of(episode.frames - 1)
        paths: list[tuple[int, Array]] = []
        for frame in every(episode.timestamps, self._settings.emission_hz):
            times = episode.time_of(frame) + step * np.arange(self._settings.points)
            times = times[times <= last + ROUNDING]
            if len(times) >= 2:
                paths.append((frame, times.clip(max=last)))
        return paths

    def _shown(self, episode: Episode) -> list[int]:
        """Frames in which the grippers are located: those around the points of paths."""
        frames = every(episode.timestamps, self._settings.hz, last=True)
        times = np.array([episode.time_of(frame) for frame in frames])
        shown: set[int] = set()
        for _, path in self._paths(episode):
            first = int(np.searchsorted(times, float(path[0]), "right")) - 1
            last = int(np.searchsorted(times, float(path[-1])))
            shown.update(frames[first : last + 1])
        return sorted(shown)

    @staticmethod
    def _known(calibration: Calibration, episode: Episode, camera: str) -> dict[str, Track]:
        times = episode.timestamps.astype(np.float64)
        return {name: Track(times, path) for name, path in calibration.paths(episode, camera).items()}

    async def _found(
        self, scene: Scene, frames: EpisodeFrames, task: str, camera: str, model: Model
    ) -> dict[str, Track]:
        """Where a model sees the grippers."""
        names = tuple(f"{arm} gripper".lstrip() for arm in scene.signals.arms) or ("gripper",)
        shown = self._shown(scene.episode)
        points: dict[str, list[Sequence[float]]] = {name: [] for name in names}
        asks = [
            LocateGripper(
                episode=scene.episode.index,
                seed=scene.seed_for(f"trace/{camera}/{part[0]}"),
                task=task,
                signals=scene.signals,
                seen=tuple(Shot(frames, camera, frame) for frame in part),
                names=names,
            )
            for part in windows(shown, self._settings.pictures_per_ask)
        ]
        for ask, answer in zip(asks, await asyncio.gather(*map(model.answer, asks)), strict=True):
            for number in ask.numbers:
                for name in names:
                    points[name].append(answer.pictures[number][name] or (np.nan, np.nan))
        times = np.array([scene.episode.time_of(frame) for frame in shown])
        return {name: Track(times, np.array(found)) for name, found in points.items() if found}

    def _rows(self, episode: Episode, camera: str, tracks: Mapping[str, Track]) -> list[Row]:
        rows: list[Row] = []
        for frame, times in self._paths(episode):
            paths = [
                {"label": name, "point_format": "xy", "points": points}
                for name, track in tracks.items()
                if (points := track.at(times)) is not None
            ]
            if paths:
                content = canonical_json({"paths": paths})
                rows.append(Row("assistant", content, "trace", episode.time_of(frame), camera))
        return rows


def calibration_of(settings: TraceSettings) -> Calibration | None:
    """What the user's calibration file says; None where none is given.

    Raises:
        SettingsError: It is not as it must be, or does not have a camera that is wanted.
    """
    if settings.calibration is None:
        return None
    calibration = Calibration.read(settings.calibration)
    for key in settings.cameras:
        if key not in calibration.cameras:
            raise SettingsError(
                f"--trace.cameras names {key}, which --trace.calibration {settings.calibration} does not have.",
                f"It has {', '.join(calibration.cameras)}.",
            )
    return calibration
