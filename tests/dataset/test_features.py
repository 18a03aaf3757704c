"""Names in all their forms, cameras and the choice of state and action."""

from __future__ import annotations

from typing import Any

import pytest

from roboscribe.dataset.features import cameras, channel_names, joined_names, misnamed, signal_keys


def numbers(channels: int, names: Any = None) -> dict[str, Any]:
    return {"dtype": "float32", "shape": [channels], "names": names}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], ("a", "b")),
        ([["a", "b"]], ("a", "b")),
        ({"motors": ["a", "b"]}, ("a", "b")),
        ({"left": ["a"], "right": ["a"]}, ("left.a", "right.a")),
        ({"b": 1, "a": 0}, ("a", "b")),
        (None, ("", "")),
        (["state"], ("", "")),
        ({"axes": {"motors": ["a", "b"]}}, ("a", "b")),
    ],
)
def test_channel_names(names: Any, expected: tuple[str, ...]) -> None:
    assert channel_names(numbers(2, names)) == expected


def test_names_that_are_not_one_for_each_channel_are_told_of() -> None:
    features = {"action": numbers(3, ["a"]), "state": numbers(2, ["a", "b"]), "extra": numbers(2)}
    (note,) = misnamed(features, features)
    assert note.startswith("meta/info.json: 'action' has 3 channels and not as many names (1)")


def test_names_of_a_matrix_feature_count_all_its_channels() -> None:
    assert channel_names({"dtype": "float32", "shape": [2, 3], "names": None}) == ("",) * 6


@pytest.mark.parametrize("key", ["observation.state", "state", "observation.states"])
def test_a_whole_state_wins_over_its_parts(key: str) -> None:
    features = {f"{key}.arm": numbers(6), key: numbers(7), "observation.effort": numbers(7)}
    assert signal_keys(features, "state") == (key,)


@pytest.mark.parametrize("key", ["action", "actions"])
def test_action_names(key: str) -> None:
    assert signal_keys({key: numbers(7), "next.reward": numbers(1)}, "action") == (key,)


def test_a_split_state_is_joined_without_velocities() -> None:
    features = {
        "observation.state.arm_position": numbers(2, ["shoulder", "elbow"]),
        "observation.state.arm_velocity": numbers(2),
        "observation.state.gripper": numbers(1, ["x"]),
        "observation.state.base": numbers(2),
        "observation.state.note": {"dtype": "string", "shape": [1], "names": None},
    }
    assert signal_keys(features, "state") == (
        "observation.state.arm_position",
        "observation.state.gripper",
        "observation.state.base",
    )
    assert joined_names(features, "state") == (
        "arm_position.shoulder",
        "arm_position.elbow",
        "gripper",
        "base.0",
        "base.1",
    )


def test_a_state_of_velocities_only_is_better_than_none() -> None:
    assert signal_keys({"state.arm.vel": numbers(6)}, "state") == ("state.arm.vel",)


def test_no_state_and_no_action() -> None:
    assert signal_keys({"timestamp": numbers(1)}, "state") == ()
    assert joined_names({"timestamp": numbers(1)}, "action") == ()


def picture(**changes: Any) -> dict[str, Any]:
    return {"dtype": "video", "shape": [48, 64, 3], "names": ["height", "width", "channels"], **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"shape": [3, 48, 64], "names": ["channels", "height", "width"]},
        {"shape": [3, 48, 64], "names": ["channel", "height", "width"]},
        {"shape": [64, 48, 3], "names": ["width", "height", "channels"]},
        {"names": None},
        {"shape": [3, 48, 64], "names": None},
        {"shape": [], "names": None, "info": {"video.height": 48, "video.width": 64}},
        {"shape": [], "names": None, "video_info": {"video.height": 48, "video.width": 64}},
        {"dtype": "image"},
    ],
)
def test_camera_sizes(changes: dict[str, Any]) -> None:
    (camera,) = cameras({"top": picture(**changes)})
    assert (camera.height, camera.width) == (48, 64)
    assert camera.kind == changes.get("dtype", "video")


def test_depth_is_left_out() -> None:
    features = {
        "observation.images.top": picture(info={"video.is_depth_map": False}),
        "observation.images.head": picture(info={"video.is_depth_map": True}),
        "observation.images.side": picture(info={"is_depth_map": True}),
        "observation.images.back": picture(video_info={"video.is_depth_map": True}),
        "observation.images.wrist_depth": picture(),
    }
    assert [camera.key for camera in cameras(features)] == ["observation.images.top"]
