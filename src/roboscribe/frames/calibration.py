"""Camera calibration: a JSON file and a robot's state go in, pixels of its grippers come out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from roboscribe.episode import Episode
from roboscribe.errors import SettingsError

Array = NDArray[np.float64]

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Row3 = Annotated[list[_Number], Field(min_length=3, max_length=3)]
_Row4 = Annotated[list[_Number], Field(min_length=4, max_length=4)]
_Matrix33 = Annotated[list[_Row3], Field(min_length=3, max_length=3)]
_Matrix34 = Annotated[list[_Row4], Field(min_length=3, max_length=3)]
_Matrix44 = Annotated[list[_Row4], Field(min_length=4, max_length=4)]
_Pixels = Annotated[int, Field(gt=0)]
_SAME_SHAPE = 0.01
"""How far the proportions of calibrated and recorded frames may differ."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraCalibration(_Data):
    """How one camera that stands still sees the robot's world.

    Either ``projection``, or ``intrinsics`` with ``world_to_camera``, in the conventions of OpenCV: the camera
    looks along its z axis, x is right and y is down.

    Attributes:
        image_size: Width and height, in pixels, of the frames it was calibrated with; the dataset's when left out.
        projection: From metres in the world to pixels, shape [3, 4].
        intrinsics: From the camera's view to pixels, shape [3, 3].
        distortion: Of the lens: k1, k2, p1, p2, k3; the last ones may be left out.
        world_to_camera: From metres in the world to metres before the camera, shape [4, 4].
    """

    image_size: Annotated[list[_Pixels], Field(min_length=2, max_length=2)] | None = None
    projection: _Matrix34 | None = None
    intrinsics: _Matrix33 | None = None
    distortion: Annotated[list[_Number], Field(max_length=5)] = []
    world_to_camera: _Matrix44 | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> CameraCalibration:
        if (self.projection is None) == (self.intrinsics is None):
            raise ValueError("give either projection, or intrinsics with world_to_camera")
        if (self.intrinsics is None) != (self.world_to_camera is None):
            raise ValueError("intrinsics and world_to_camera belong together")
        if self.distortion and self.intrinsics is None:
            raise ValueError("distortion needs intrinsics")
        for name in ("projection", "intrinsics"):
            matrix = getattr(self, name)
            if matrix is not None and abs(np.linalg.det(np.array(matrix)[:, :3])) < 1e-12:
                raise ValueError(f"{name} is singular")
        if self.world_to_camera is not None and not _is_rigid(np.array(self.world_to_camera)):
            raise ValueError("world_to_camera is no rotation and shift with the last row [0, 0, 0, 1]")
        return self

    def pixels(self, points: Array) -> Array:
        """Pixels in which points of the world are seen.

        Args:
            points: Metres, shape [n, 3].

        Returns:
            x and y in pixels of the calibrated frames, shape [n, 2]; NaN for what is behind the camera or beyond
            what its lens shows.
        """
        whole = np.column_stack((points, np.ones(len(points))))
        if self.projection is not None:
            matrix = np.array(self.projection)
            # A projection and its negative are the same but for what counts as before the camera.
            seen = whole @ (matrix * np.sign(np.linalg.det(matrix[:, :3]))).T
            return _before_camera(seen)
        view = _before_camera((whole @ np.array(self.world_to_camera).T)[:, :3])
        bent = np.column_stack((_bend(view, np.array(self.distortion)), np.ones(len(view))))
        flat = bent @ np.array(self.intrinsics).T
        return flat[:, :2] / flat[:, 2:]


class GripperChannels(_Data):
    """Where a gripper's position is in the robot's state.

    Attributes:
        channels: x, y and z of its tip in the world: names of state channels, or their numbers from 0.
        scale: Metres per unit of these channels.
    """

    channels: Annotated[list[str | int], Field(min_length=3, max_length=3)]
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class Calibration(_Data):
    """Cameras by their key and grippers by their name."""

    cameras: Annotated[dict[str, CameraCalibration], Field(min_length=1)]
    grippers: Annotated[dict[str, GripperChannels], Field(min_length=1)]
    # Part of messages only: what is calibrated does not depend on where the file lies.
    _file: Path = PrivateAttr(default=Path("cameras.json"))

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """The calibration in a JSON file.

        Raises:
            SettingsError: There is none, or a key in it is not as it must be; names file and key.
        """
        try:
            calibration = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise SettingsError(f"--trace.calibration {path}: {error.strerror or error}.") from None
        except ValidationError as error:
            problem: Any = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(step) for step in problem["loc"])
            reason = str(problem["msg"]).removeprefix("Value error, ")
            raise SettingsError(
                f"--trace.calibration {path}: {place + ': ' if place else ''}{reason}.",
                "docs/vqa.md shows what the file holds.",
            ) from None
        calibration._file = path
        return calibration

    def check(self, episodes: Sequence[Episode], keys: Collection[str] = ()) -> None:
        """Make sure that it is a calibration of what was recorded.

        Args:
            episodes: Some of the dataset.
            keys: The cameras that matter; all that are calibrated when left out.

        Raises:
            SettingsError: It does not fit, or no camera ever sees a gripper in these episodes.
        """
        seen = [
            path for one in episodes for key in keys or self.cameras for path in self.paths(one, key).values()
        ]
        if all(np.isnan(path).all() for path in seen):
            name, points = next(iter(self.positions(episodes[0]).items()))
            lowest, highest = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
            ranges = (f"{axis} {a:.3g} to {b:.3g}" for axis, a, b in zip("xyz", lowest, highest, strict=True))
            raise self._unfit(
                f"no camera sees a gripper in episode {episodes[0].index}, where the {name} is at"
                f" {', '.join(ranges)} metres",
                "Check its scale (metres in a unit of its channels), image_size, and that world_to_camera is not its"
                " inverse.",
            )

    def positions(self, episode: Episode) -> dict[str, Array]:
        """Each gripper's position in the world in metres, shape [frames, 3], by name.

        Raises:
            SettingsError: The state does not have the channels.
        """
        if episode.state is None:
            raise self._unfit("the dataset has no state that tells where a gripper is")
        names, found = episode.state.names, dict[str, Array]()
        for name, gripper in self.grippers.items():
            columns: list[int] = []
            for channel in gripper.channels:
                column = names.index(channel) if isinstance(channel, str) and channel in names else channel
                if not isinstance(column, int) or not 0 <= column < len(names):
                    raise self._unfit(
                        f"grippers.{name}.channels names {channel!r}, which the state does not have",
                        f"It has {len(names)} channels: {', '.join(filter(None, names)) or 'without names'}.",
                    )
                columns.append(column)
            found[name] = episode.state.values[:, columns].astype(np.float64) * gripper.scale
        return found

    def size(self, episode: Episode, key: str) -> tuple[int, int]:
        """Width and height of a camera's recorded frames in pixels.

        Raises:
            SettingsError: There is no such camera, nobody tells its size, or the frames do not have the proportions
                of the calibrated ones.
        """
        camera = next((camera for camera in episode.cameras if camera.key == key), None)
        if camera is None:
            raise self._unfit(
                f"cameras.{key} is no camera of the dataset",
                f"Its cameras: {', '.join(camera.key for camera in episode.cameras) or 'none'}.",
            )
        told = self.cameras[key].image_size
        recorded = (camera.width, camera.height)
        if 0 not in recorded:
            if told and abs(told[0] * recorded[1] / (told[1] * recorded[0]) - 1) > _SAME_SHAPE:
                raise self._unfit(
                    f"cameras.{key}.image_size is {told[0]}x{told[1]}, but frames are"
                    f" {recorded[0]}x{recorded[1]}",
                    "Calibrate the camera as it was recorded.",
                )
            return recorded
        if told is None:
            raise self._unfit(f"cameras.{key}.image_size is needed", "The dataset has none.")
        return told[0], told[1]

    def paths(self, episode: Episode, key: str) -> dict[str, Array]:
        """Where a camera sees each gripper in each frame: x and y in pixels, shape [frames, 2], by name.

        NaN where it is outside the picture.

        Raises:
            SettingsError: The calibration does not fit the episode.
        """
        width, height = self.size(episode, key)
        camera = self.cameras[key]
        calibrated = camera.image_size or (width, height)
        found: dict[str, Array] = {}
        for name, points in self.positions(episode).items():
            path = camera.pixels(points) * (width / calibrated[0], height / calibrated[1])
            outside = (path < 0) | (path > (width - 1, height - 1))
            path[np.any(outside, axis=1)] = np.nan
            found[name] = path
        return found

    def _unfit(self, why: str, hint: str = "") -> SettingsError:
        return SettingsError(f"--trace.calibration {self._file}: {why}.", hint)


def _before_camera(seen: Array) -> Array:
    """First two of three homogeneous coordinates over the third; NaN where that is not positive."""
    depth = np.where(seen[:, 2] > 1e-9, seen[:, 2], np.nan)
    return seen[:, :2] / depth[:, None]


def _bend(view: Array, distortion: Array) -> Array:
    """A view through a lens (Brown and Conrady's model); NaN beyond where the model turns back."""
    k1, k2, p1, p2, k3 = np.pad(distortion, (0, 5 - len(distortion)))
    x, y = view.T
    squared = x**2 + y**2
    roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1])
    turns = roots.real[(np.abs(roots.imag) < 1e-12) & (roots.real > 0)]
    squared = np.where(squared < turns.min(initial=np.inf), squared, np.nan)
    radial = 1 + squared * (k1 + squared * (k2 + squared * k3))
    return np.column_stack(
        (
            x * radial + 2 * p1 * x * y + p2 * (squared + 2 * x**2),
            y * radial + 2 * p2 * x * y + p1 * (squared + 2 * y**2),
        )
    )


def _is_rigid(matrix: Array) -> bool:
    turn = matrix[:3, :3]
    return bool(
        np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-6)
        and np.allclose(turn @ turn.T, np.eye(3), atol=1e-3)
        and np.linalg.det(turn) > 0
    )
