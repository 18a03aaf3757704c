"""A camera's calibration tells where in its picture a gripper is, and what is wrong with it is said in a sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.episode import Camera, Channels, Episode
from roboscribe.errors import SettingsError
from roboscribe.frames.calibration import Calibration, CameraCalibration

TOP = "observation.images.top"
K = [[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]]
# One metre above the table, looking down: world x is right, world y is up in the picture.
ABOVE = [[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
PINHOLE: dict[str, Any] = {"intrinsics": K, "world_to_camera": ABOVE}
GRIPPER: dict[str, Any] = {"gripper": {"channels": ["x", "y", "z"]}}
POINTS = [(0.0, 0.0, 0.0), (0.1, 0.2, 0.0), (-0.3, 0.1, 0.5)]


def episode(
    points: Any = POINTS, size: tuple[int, int] = (640, 480), names: tuple[str, ...] = ("x", "y", "z")
) -> Episode:
    values = np.array(points, np.float32)
    times = (np.arange(len(values)) / 10).astype(np.float32)
    state = Channels(values, names)
    return Episode(3, (), 10.0, times, state, None, (Camera(TOP, size[1], size[0], "video"),), {})


def calibration(camera: dict[str, Any] = PINHOLE, grippers: dict[str, Any] = GRIPPER) -> Calibration:
    return Calibration.model_validate({"cameras": {TOP: camera}, "grippers": grippers})


def test_points_of_the_world_are_seen_where_a_pinhole_shows_them() -> None:
    path = calibration().paths(episode(), TOP)["gripper"]
    np.testing.assert_allclose(path, [(320, 240), (370, 140), (20, 140)], atol=1e-3)


@given(st.lists(st.tuples(*[st.floats(-0.2, 0.2)] * 3), min_size=1, max_size=5), st.sampled_from([1.0, -2.0]))
def test_a_projection_sees_what_its_intrinsics_and_extrinsics_see(points: Any, factor: float) -> None:
    matrix = (np.array(K) @ np.array(ABOVE)[:3] * factor).tolist()
    world = np.array(points)
    one = CameraCalibration.model_validate({"projection": matrix}).pixels(world)
    other = CameraCalibration.model_validate(PINHOLE).pixels(world)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_lens_bends_the_view_as_its_model_says() -> None:
    bent = PINHOLE | {"distortion": [-0.2, 0.05, 0.01, -0.02, 0.003]}
    ((u, v),) = CameraCalibration.model_validate(bent).pixels(np.array([(0.3, -0.2, 0.0)]))
    x, y = 0.3, 0.2
    r2 = x * x + y * y
    radial = 1 - 0.2 * r2 + 0.05 * r2**2 + 0.003 * r2**3
    assert u == pytest.approx(500 * (x * radial + 2 * 0.01 * x * y - 0.02 * (r2 + 2 * x * x)) + 320)
    assert v == pytest.approx(500 * (y * radial + 0.01 * (r2 + 2 * y * y) - 2 * 0.02 * x * y) + 240)


def test_what_is_behind_the_camera_or_beyond_its_lens_is_not_seen() -> None:
    plain = CameraCalibration.model_validate(PINHOLE)
    assert np.isnan(plain.pixels(np.array([(0.0, 0.0, 1.5)]))).all()
    barrel = CameraCalibration.model_validate(PINHOLE | {"distortion": [-0.3]})
    near, far = barrel.pixels(np.array([(0.9, 0.0, 0.0), (3.0, 0.0, 0.0)]))
    assert not np.isnan(near).any()
    assert np.isnan(far).all(), "the model would fold it back into the picture"


def test_what_is_outside_the_picture_is_not_seen() -> None:
    path = calibration().paths(episode([(0.0, 0.0, 0.0), (0.7, 0.0, 0.0)]), TOP)["gripper"]
    assert not np.isnan(path[0]).any()
    assert np.isnan(path[1]).all()


def test_units_and_numbered_channels() -> None:
    shuffled = episode(np.array(POINTS)[:, [2, 0, 1]] * 1000, names=("", "", ""))
    millimetres = {"gripper": {"channels": [1, 2, 0], "scale": 0.001}}
    path = calibration(grippers=millimetres).paths(shuffled, TOP)["gripper"]
    np.testing.assert_allclose(path, [(320, 240), (370, 140), (20, 140)], atol=1e-3)


def test_frames_recorded_smaller_than_calibrated_are_scaled() -> None:
    whole = PINHOLE | {"image_size": [640, 480]}
    path = calibration(whole).paths(episode(size=(320, 240)), TOP)["gripper"]
    np.testing.assert_allclose(path[1], (185, 70), atol=1e-3)
    with pytest.raises(
        SettingsError, match=r"cameras\.observation\.images\.top\.image_size is 640x480.*640x360"
    ):
        calibration(whole).paths(episode(size=(640, 360)), TOP)


def test_a_size_that_nobody_knows_must_be_given() -> None:
    with pytest.raises(SettingsError, match=r"cameras\.observation\.images\.top\.image_size is needed"):
        calibration().paths(episode(size=(0, 0)), TOP)
    given_ = PINHOLE | {"image_size": [640, 480]}
    assert len(calibration(given_).paths(episode(size=(0, 0)), TOP)["gripper"]) == 3


def test_channels_and_cameras_that_are_not_there_are_named() -> None:
    with pytest.raises(
        SettingsError, match=r"cameras\.json: grippers\.gripper\.channels names 'x'.*3 channels: a, b, c"
    ):
        calibration().paths(episode(names=("a", "b", "c")), TOP)
    with pytest.raises(SettingsError, match=r"names 7, which the state does not have"):
        calibration(grippers={"gripper": {"channels": [0, 1, 7]}}).paths(episode(), TOP)
    elsewhere = Calibration.model_validate({"cameras": {"side": PINHOLE}, "grippers": GRIPPER})
    with pytest.raises(
        SettingsError, match=r"cameras\.side is no camera of the dataset.*observation\.images\.top"
    ):
        elsewhere.paths(episode(), "side")


def _with(**camera: Any) -> Any:
    return {"cameras": {TOP: PINHOLE | camera}, "grippers": GRIPPER}


@pytest.mark.parametrize(
    ("said", "where", "what"),
    [
        ([], "", "object"),
        ({"cameras": {}, "grippers": GRIPPER}, "cameras: ", "at least 1"),
        ({"cameras": {TOP: PINHOLE}}, "grippers: ", "required"),
        (_with(intrinsics=K[:2]), f"cameras.{TOP}.intrinsics: ", "at least 3"),
        (_with(intrinsics=[[1, 2], *K[1:]]), f"cameras.{TOP}.intrinsics.0: ", "at least 3"),
        (_with(intrinsics=[["a", 0, 0], *K[1:]]), f"cameras.{TOP}.intrinsics.0.0: ", "number"),
        (_with(intrinsics=[[0, 0, 0]] * 3), f"cameras.{TOP}: ", "intrinsics is singular"),
        (_with(world_to_camera=None), f"cameras.{TOP}: ", "belong together"),
        (_with(world_to_camera=(np.array(ABOVE) * 2).tolist()), f"cameras.{TOP}: ", "no rotation and shift"),
        (_with(projection=[[1, 0, 0, 0]] * 3), f"cameras.{TOP}: ", "either projection, or intrinsics"),
        (_with(distortion=[0.1] * 8), f"cameras.{TOP}.distortion: ", "at most 5"),
        (_with(image_size=[640, 0]), f"cameras.{TOP}.image_size.1: ", "greater than 0"),
        (_with(fov=60), f"cameras.{TOP}.fov: ", "not permitted"),
        (
            {"cameras": {TOP: PINHOLE}, "grippers": {"gripper": {"channels": ["x", "y"]}}},
            "grippers.gripper.channels: ",
            "at least 3",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(tmp_path: Path, said: Any, where: str, what: str) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps(said))
    with pytest.raises(SettingsError) as failure:
        Calibration.read(path)
    message = str(failure.value)
    assert f"--trace.calibration {path}: {where}" in message
    assert what in message


@pytest.mark.parametrize("text", ["", "{", '{"cameras": NaN}'])
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"cameras\.json: "):
        Calibration.read(path)
    with pytest.raises(SettingsError, match=r"none\.json: No such file"):
        Calibration.read(tmp_path / "none.json")


def test_numbers_are_finite(tmp_path: Path) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps(_with(distortion=[math.inf])))
    with pytest.raises(SettingsError, match=r"distortion\.0: .*finite"):
        Calibration.read(path)


def test_the_documents_show_a_calibration_that_is_one(tmp_path: Path) -> None:
    told = (Path(__file__).parents[2] / "docs/vqa.md").read_text()
    path = tmp_path / "cameras.json"
    path.write_text(told.split("```json\n")[1].split("```")[0])
    assert list(Calibration.read(path).grippers) == ["gripper"]
