"""Traces: paths a fixed time ahead, from points that a model finds or from the cameras' calibration."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_dataset import make_dataset
from numpy.typing import NDArray

from roboscribe.annotators.base import Scene
from roboscribe.annotators.registry import select_annotators
from roboscribe.annotators.trace import Trace, calibration_of
from roboscribe.asks import Ask, LocateGripper
from roboscribe.config import AnnotateSettings, TraceSettings
from roboscribe.dataset import open_dataset
from roboscribe.errors import SettingsError
from roboscribe.frames import FrameStore
from roboscribe.language import Row
from roboscribe.models.scripted import ScriptedModel
from roboscribe.validation import EpisodeView, check_episode

TOP = "observation.images.top"
# Looks down from one metre at 50 pixels a metre: the middle of 64x48 pixels is (0, 0).
CALIBRATION: dict[str, Any] = {
    "cameras": {TOP: {"projection": [[50, 0, -32, 32], [0, -50, -24, 24], [0, 0, -1, 1]]}},
    "grippers": {"gripper": {"channels": ["x", "y", "z"]}},
}


def crossing(episode: int, times: NDArray[Any]) -> NDArray[Any]:
    """A gripper that goes right by 20 cm a second from the left, and leaves the picture at 5.1 s."""
    return np.stack([-0.4 + 0.2 * times, 0.0 * times, 0.0 * times], axis=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An episode of 8 s."""
    folder = tmp_path_factory.mktemp("trace")
    return make_dataset(folder / "data", episodes=1, frames=80, state_names=("x", "y", "z"), state=crossing)


@pytest.fixture
def scene(root: Path) -> Iterator[Scene]:
    episode = open_dataset(root).episode(0)
    with FrameStore().episode(episode) as frames:
        yield Scene(episode, seed=1, frames=frames)


def trace(settings: TraceSettings) -> Trace:
    return Trace(settings, calibration_of(settings))


def rows_of(scene: Scene, settings: TraceSettings, model: ScriptedModel | None = None) -> list[Row]:
    found = asyncio.run(trace(settings).annotate(scene, {"task": []}, model or ScriptedModel([])))
    assert check_episode(EpisodeView.of(scene.episode, found)) == []
    return found


def written(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps(CALIBRATION | changes))
    return path


def finding(place: Callable[[float, str], list[float] | None]) -> ScriptedModel:
    """A model that finds each gripper where ``place`` of time and name says."""

    def reply(ask: Ask[Any]) -> dict[str, Any]:
        assert isinstance(ask, LocateGripper)
        return {
            "pictures": {
                number: {name: place(shot.time, name) for name in ask.names}
                for number, shot in zip(ask.numbers, ask.seen, strict=True)
            }
        }

    return ScriptedModel(reply)


def paths(row: Row) -> dict[str, list[list[int]]]:
    return {path["label"]: path["points"] for path in json.loads(row.content or "")["paths"]}


def test_a_calibrated_path_goes_where_the_state_says_while_it_stays_in_the_picture(
    scene: Scene, tmp_path: Path
) -> None:
    settings = TraceSettings(calibration=written(tmp_path), seconds=2.0, points=5)
    rows = rows_of(scene, settings)
    assert [row.timestamp for row in rows] == [0.0, 1.0, 2.0, 3.0]
    assert {row.camera for row in rows} == {TOP}
    assert rows[1].content == (
        '{"paths":[{"label":"gripper","point_format":"xy","points":[[22,24],[27,24],[32,24],[37,24],[42,24]]}]}'
    )
    assert trace(settings).asks == ()
    assert not trace(settings).needs(scene.episode)


def test_points_are_fewer_where_the_episode_ends_but_as_far_apart(scene: Scene, tmp_path: Path) -> None:
    still = {"gripper": {"channels": ["y", "y", "z"]}}
    settings = TraceSettings(calibration=written(tmp_path, grippers=still), seconds=2.0, points=5)
    counts = {row.timestamp: len(paths(row)["gripper"]) for row in rows_of(scene, settings)}
    assert counts == dict.fromkeys([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 5) | {6.0: 4, 7.0: 2}


def test_two_arms_have_one_path_each_in_one_row(scene: Scene, tmp_path: Path) -> None:
    both = {
        "left gripper": {"channels": ["x", "y", "z"]},
        "right gripper": {"channels": ["y", "z", "y"], "scale": 0.001},
    }
    rows = rows_of(scene, TraceSettings(calibration=written(tmp_path, grippers=both), points=2))
    assert list(paths(rows[0])) == ["left gripper", "right gripper"]
    assert list(paths(rows[-1])) == ["right gripper"], "the left one has left the picture"


def test_a_model_finds_the_gripper_and_in_between_it_moves_evenly(scene: Scene) -> None:
    model = finding(lambda time, name: [round(8 * time), 7.0])
    rows = rows_of(scene, TraceSettings(seconds=1.0, points=5, hz=1.0), model)
    assert paths(rows[2]) == {"gripper": [[16, 7], [18, 7], [20, 7], [22, 7], [24, 7]]}
    shown = [shot.time for ask in model.asked if isinstance(ask, LocateGripper) for shot in ask.seen]
    assert shown == pytest.approx([0, 1, 2, 3, 4, 5, 6, 7, 7.9]), "each frame once"
    assert sum(len(ask.seen) for ask in model.asked if isinstance(ask, LocateGripper)) == 9
    assert all(len(ask.seen) <= 8 for ask in model.asked if isinstance(ask, LocateGripper))


def test_a_path_through_a_moment_out_of_view_is_left_out(scene: Scene) -> None:
    model = finding(lambda time, name: None if time == 3.0 else [5.0, 7.0])
    rows = rows_of(scene, TraceSettings(seconds=1.0, points=3, hz=1.0), model)
    assert [row.timestamp for row in rows] == [0.0, 1.0, 4.0, 5.0, 6.0, 7.0]
    assert rows_of(scene, TraceSettings(), finding(lambda time, name: None)) == []


def test_each_arm_of_two_is_looked_for(scene: Scene) -> None:
    scene.__dict__["signals"] = replace(scene.signals, arms=("left", "right"))
    model = finding(lambda time, name: [5.0, 7.0] if name == "left gripper" else None)
    rows = rows_of(scene, TraceSettings(), model)
    assert {name for row in rows for name in paths(row)} == {"left gripper"}


def test_only_frames_around_paths_are_shown(scene: Scene) -> None:
    model = finding(lambda time, name: [5.0, 7.0])
    settings = TraceSettings(emission_hz=0.25, seconds=1.0, hz=2.0)
    rows_of(scene, settings, model)
    shown = [shot.time for ask in model.asked if isinstance(ask, LocateGripper) for shot in ask.seen]
    assert shown == pytest.approx([0, 0.5, 1, 4, 4.5, 5])
    needs = trace(settings).needs(scene.episode)
    assert [scene.episode.time_of(frame) for frame in needs.jpegs[TOP]] == pytest.approx(shown)


def test_what_a_calibration_says_is_fingerprinted_not_where_it_lies(tmp_path: Path) -> None:
    path = written(tmp_path)
    moved = shutil.copy(path, tmp_path / "moved.json")
    other = tmp_path / "other.json"
    other.write_text(path.read_text().replace("50", "51"))
    settings = [dict(trace(TraceSettings(calibration=Path(file))).settings) for file in (path, moved, other)]
    assert settings[0] == settings[1] != settings[2]
    assert str(tmp_path) not in json.dumps(settings)


def test_a_camera_without_calibration_cannot_be_named(tmp_path: Path) -> None:
    settings = TraceSettings(calibration=written(tmp_path), cameras=("observation.images.side",))
    with pytest.raises(
        SettingsError, match=rf"--trace\.cameras names observation\.images\.side.*It has {TOP}"
    ):
        calibration_of(settings)


def test_traces_are_off_and_need_someone_who_knows(root: Path, tmp_path: Path) -> None:
    def blind(kind: object) -> bool:
        return False

    assert "trace" not in select_annotators(AnnotateSettings(root=root), looks=lambda kind: True).chosen
    wanted = AnnotateSettings(root=root, trace=TraceSettings(enabled=True))
    assert "trace" in select_annotators(wanted, looks=lambda kind: True).chosen
    with pytest.raises(SettingsError, match=r"--trace\.calibration"):
        select_annotators(wanted, looks=blind)
    known = AnnotateSettings(root=root, trace=TraceSettings(enabled=True, calibration=written(tmp_path)))
    assert "trace" in select_annotators(known, looks=blind).chosen
