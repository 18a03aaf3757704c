"""Traces from the command: paths lie where another eye sees the gripper; a calibration that cannot be is refused."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chat_bodies import Body, image_urls, is_probe
from fake_openai_server import FakeServer, answer_schema
from make_dataset import make_dataset, read_stamp
from numpy.typing import NDArray
from PIL import Image
from served import kind_of

from roboscribe.cli.app import main
from roboscribe.dataset import open_dataset
from roboscribe.language import Row

Array = NDArray[Any]

TOP, SIDE = "observation.images.top", "observation.images.side"
SIZE = (96, 72)


def place(time: float, episode: int = 0) -> Array:
    """Where the gripper's tip is at a time, in metres."""
    return np.array([0.2 * np.sin(time + episode), 0.3 + 0.1 * np.cos(0.7 * time), 0.05 + 0.03 * time])


@dataclass(frozen=True)
class Eye:
    """A camera that sees by casting a ray through each of its pixels.

    Attributes:
        at: Where it is, in metres.
        towards: The point that it looks at.
        focal: Focal length in pixels.
    """

    at: tuple[float, float, float]
    towards: tuple[float, float, float]
    focal: float

    @property
    def axes(self) -> Array:
        """Its right, down and forward in the world, one a row."""
        forward = np.subtract(self.towards, self.at)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0, 0, 1))
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def sees(self, ball: Array, radius: float = 0.03) -> Array:
        """Pixel in the middle of those whose rays hit a ball: x and y."""
        right, down, forward = self.axes
        y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
        across, along = (x - SIZE[0] / 2) / self.focal, (y - SIZE[1] / 2) / self.focal
        rays = forward + across[..., None] * right + along[..., None] * down
        rays /= np.linalg.norm(rays, axis=2, keepdims=True)
        miss = np.linalg.norm(np.cross(rays, ball - np.array(self.at)), axis=2)
        assert (miss < radius).sum() > 8, "the ball is seen"
        return np.array([x[miss < radius].mean(), y[miss < radius].mean()])


EYES = {TOP: Eye((0.1, 0.2, 1.2), (0.0, 0.35, 0.0), 80.0), SIDE: Eye((0.9, -0.6, 0.5), (0.0, 0.3, 0.1), 90.0)}


def calibrated(camera: str) -> Array:
    """World to camera, shape [4, 4], as a calibration has it."""
    eye, pose = EYES[camera], np.eye(4)
    pose[:3, :3], pose[:3, 3] = eye.axes, -eye.axes @ np.array(eye.at)
    return pose


def intrinsics(camera: str, scale: float = 1.0) -> Array:
    focal = EYES[camera].focal
    return np.array([[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1 / scale]]) * scale


def cameras_file(path: Path, change: Callable[[dict[str, Any]], Any] = lambda said: None) -> Path:
    """What a user has who calibrated one camera at twice the size, and of the other knows the projection."""
    said: dict[str, Any] = {
        "cameras": {
            TOP: {
                "image_size": [2 * SIZE[0], 2 * SIZE[1]],
                "intrinsics": intrinsics(TOP, 2.0).tolist(),
                "world_to_camera": calibrated(TOP).tolist(),
            },
            SIDE: {"projection": (intrinsics(SIDE) @ calibrated(SIDE)[:3]).tolist()},
        },
        "grippers": {"gripper": {"channels": ["ee_x", "ee_y", "ee_z"], "scale": 0.001}},
    }
    change(said)
    path.write_text(json.dumps(said))
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes of 4 s; the state has the tip's place in millimetres."""
    return make_dataset(
        tmp_path_factory.mktemp("traces") / "data",
        episodes=2,
        frames=40,
        cameras=(TOP, SIDE),
        size=SIZE,
        state_names=("ee_x", "ee_y", "ee_z"),
        state=lambda episode, times: np.stack([1000 * place(time, episode) for time in times]),
    )


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def traces(root: Path, episode: int) -> list[tuple[Row, list[list[int]]]]:
    """Trace rows of an episode, each with the points of its only path."""
    rows = [row for row in open_dataset(root).language_rows(episode) if row.style == "trace"]
    found = [(row, json.loads(row.content or "")["paths"]) for row in rows]
    assert all([path["label"] for path in paths] == ["gripper"] for _, paths in found)
    return [(row, paths[0]["points"]) for row, paths in found]


def test_a_calibrated_path_lies_where_rays_through_the_pixels_meet_the_gripper(
    dataset: Path, tmp_path: Path
) -> None:
    file, out = cameras_file(tmp_path / "cameras.json"), tmp_path / "out"
    words = ["--only", "trace", "--trace.calibration", str(file), "--trace.points", "5"]
    assert main(["annotate", "--root", str(dataset), "--output-dir", str(out), *words]) == 0
    for episode in range(2):
        found = traces(out, episode)
        assert [(row.timestamp, row.camera) for row, _ in found] == [
            (time, camera) for time in (0, 1, 2, 3) for camera in (SIDE, TOP)
        ]
        for row, points in found:
            assert len(points) == (5 if row.timestamp < 2 else 4 if row.timestamp == 2 else 2)
            for step, point in enumerate(points):
                seen = EYES[row.camera or ""].sees(place(row.timestamp + 0.5 * step, episode))
                np.testing.assert_allclose(point, seen, atol=1.0)
    assert main(["validate", "--root", str(out)]) == 0


def test_a_located_path_goes_through_the_pixels_that_the_model_named(dataset: Path, tmp_path: Path) -> None:
    """The model reads off each picture which frame it is, and says in thousandths where the gripper is then."""

    def locate(body: Body) -> str:
        if is_probe(body):
            return answer_schema(body)
        assert kind_of(body) == "trace"
        points: dict[str, Any] = {}
        for number, url in enumerate(image_urls(body), 1):
            picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))
            stamp = read_stamp(picture)
            point = np.array([20 + stamp.frame, 10 + 2 * stamp.episode])
            points[str(number)] = {"gripper": np.rint(1000 * point / SIZE).astype(int).tolist()}
        return json.dumps({"pictures": points})

    out = tmp_path / "out"
    with FakeServer(answer=locate) as server:
        words = ["--vlm.api-base", server.url, "--vlm.model-id", "fake-vlm", "--vlm.cache=false"]
        only = ["--only", "trace", "--trace.points", "5", "--trace.hz", "1"]
        assert main(["annotate", "--root", str(dataset), "--output-dir", str(out), *words, *only]) == 0
    for episode in range(2):
        found = traces(out, episode)
        assert [(row.timestamp, row.camera) for row, _ in found] == [(time, TOP) for time in (0, 1, 2, 3)]
        for row, points in found:
            frames = [10 * (row.timestamp + 0.5 * step) for step in range(len(points))]
            np.testing.assert_allclose(points, [(20 + f, 10 + 2 * episode) for f in frames], atol=1.0)


def _top(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda said: said["cameras"][TOP].update(changes)


def _gripper(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda said: said["grippers"]["gripper"].update(changes)


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {
    "no such camera": (
        lambda said: said["cameras"].update({"front": said["cameras"].pop(SIDE)}),
        ["cameras.front is no camera of the dataset", TOP, SIDE],
    ),
    "no camera": (lambda said: said["cameras"].clear(), ["cameras: ", "at least 1"]),
    "singular": (_top(intrinsics=[[1, 0, 1], [2, 0, 2], [0, 0, 1]]), [f"cameras.{TOP}: intrinsics is singular"]),
    "three rows": (
        _top(world_to_camera=calibrated(TOP)[:3].tolist()),
        [f"cameras.{TOP}.world_to_camera: ", "at least 4"],
    ),
    "wrong proportions": (_top(image_size=[640, 360]), ["640x360", "96x72"]),
    "millimetres as metres": (_gripper(scale=1.0), ["no camera sees a gripper", "x -138 to 200", "scale"]),
    "no such channel": (_gripper(channels=["x", "ee_y", "ee_z"]), ["channels names 'x'", "ee_x, ee_y, ee_z"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_calibration_that_does_not_fit_is_refused_before_any_work(
    name: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, named = REFUSED[name]
    file, out, before = cameras_file(tmp_path / "cameras.json", change), tmp_path / "out", files(dataset)
    words = ["--trace.enabled", "--trace.calibration", str(file)]
    capsys.readouterr()
    for target in (["--output-dir", str(out)], []):
        assert main(["annotate", "--root", str(dataset), *words, *target]) == 2
        said = capsys.readouterr().err.strip()
        assert said.startswith(f"roboscribe: --trace.calibration {file}: ")
        assert "\n" not in said
        assert all(part in said for part in named), said
    assert not out.exists()
    assert files(dataset) == before
