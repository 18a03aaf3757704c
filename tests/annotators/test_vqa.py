"""Visual questions: when each camera is asked about, what is asked, and the rows that come of it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_dataset import make_dataset

from roboscribe.annotators.base import Scene
from roboscribe.annotators.registry import select_annotators
from roboscribe.annotators.vqa import Vqa
from roboscribe.asks import Ask, AskAboutFrames
from roboscribe.config import AnnotateSettings, VqaSettings
from roboscribe.dataset import open_dataset
from roboscribe.episode import Camera, Episode, VideoClip
from roboscribe.errors import AnswerError, EpisodeError, SettingsError
from roboscribe.events import Event, Note
from roboscribe.frames import FrameStore
from roboscribe.language import Row, canonical_json
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate
from roboscribe.validation import EpisodeView, check_episode

CAMERAS = ("observation.images.top", "observation.images.wrist")
ANSWERS: dict[str, dict[str, Any]] = {
    "bbox": {"question": "Where is the cup?", "detections": [{"label": "cup", "bbox": [1, 2, 30, 40]}]},
    "keypoint": {"question": "Point to the cup.", "label": "cup", "point": [5, 6]},
    "count": {"question": "How many cups are there?", "label": "cup", "count": 2},
    "attribute": {"question": "What color is it?", "label": "cup", "attribute": "color", "value": "red"},
    "spatial": {"question": "Where is the cup?", "subject": "cup", "relation": "on", "object": "table"},
}
KIND_OF = {"detections": "bbox", "point": "keypoint", "count": "count", "attribute": "attribute"}


def kind_of(row: Row) -> str:
    return next((kind for key, kind in KIND_OF.items() if key in json.loads(row.content or "")), "spatial")


def answer(ask: Ask[Any], leave_out: Callable[[str], bool] = lambda kind: False) -> dict[str, Any]:
    """An answer to every kind that is asked about every picture, but for those to leave out."""
    assert isinstance(ask, AskAboutFrames)
    return {
        "pictures": {
            number: {kind: None if leave_out(kind) else ANSWERS[kind] for kind in inquiry.kinds}
            for number, inquiry in zip(ask.numbers, ask.inquiries, strict=True)
        }
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes of 12.5 s with two cameras."""
    folder = tmp_path_factory.mktemp("vqa")
    return make_dataset(folder / "data", episodes=2, frames=125, fps=10, cameras=CAMERAS)


@pytest.fixture
def scene(root: Path) -> Iterator[Scene]:
    yield from opened(root)


def opened(root: Path, index: int = 0) -> Iterator[Scene]:
    episode = open_dataset(root).episode(index)
    with FrameStore().episode(episode) as frames:
        yield Scene(episode, seed=1, frames=frames)


def asked(
    scene: Scene, model: ScriptedModel | None = None, **settings: Any
) -> tuple[list[Row], list[AskAboutFrames]]:
    """Rows and asks of one episode."""
    model = model or ScriptedModel(answer)
    rows = asyncio.run(Vqa(VqaSettings(**settings)).annotate(scene, {"task": []}, model))
    return rows, [ask for ask in model.asked if isinstance(ask, AskAboutFrames)]


def test_every_camera_is_asked_about_once_a_second_on_exact_frames(scene: Scene) -> None:
    rows, asks = asked(scene)
    for camera, first in zip(CAMERAS, (0, 5), strict=True):
        times = [float(scene.episode.timestamps[frame]) for frame in range(first, 125, 10)]
        for role in ("user", "assistant"):
            assert [r.timestamp for r in rows if (r.camera, r.role) == (camera, role)] == times
    assert sorted(len(ask.inquiries) for ask in asks) == [6, 6, 6, 7], "12 and 13 pictures"
    assert check_episode(EpisodeView.of(scene.episode, rows)) == []


def test_cameras_take_turns_so_that_a_frame_has_questions_about_one(scene: Scene) -> None:
    for settings in ({}, {"consecutive": 5}, {"emission_hz": 5.0, "consecutive": 2}, {"emission_hz": 3.0}):
        rows, _ = asked(scene, **settings)
        assert {row.camera for row in rows} == set(CAMERAS)
        assert max(Counter(row.timestamp for row in rows).values()) == 2, "a question and its answer"
    rows, _ = asked(scene, emission_hz=10.0)
    assert len(rows) == 4 * 125, "but every frame of every camera where that is wanted"


@given(st.sampled_from([5.0, 10.0, 23.976, 29.97, 30.0, 50.0]), st.integers(1, 4), st.data())
def test_no_two_cameras_share_a_frame_where_there_are_enough(
    fps: float, cameras: int, data: st.DataObject
) -> None:
    hz = data.draw(st.floats(0.1, fps / cameras))
    times = (np.arange(200) / fps).astype(np.float32)
    handles = {f"camera {n}": VideoClip(Path("none.mp4"), 0.0) for n in range(cameras)}
    known = tuple(Camera(key, 48, 64, "video") for key in handles)
    episode = Episode(0, (), fps, times, None, None, known, dict(handles))
    looked_at = Vqa(VqaSettings(emission_hz=hz)).needs(episode).jpegs
    frames = [frame for found in looked_at.values() for frame in found]
    assert len(frames) == len(set(frames))
    assert min(frames) == 0


def test_one_camera_and_another_rate_can_be_named(scene: Scene) -> None:
    rows, _ = asked(scene, cameras=CAMERAS[1:], emission_hz=0.25)
    assert {(row.camera, row.timestamp) for row in rows} == {(CAMERAS[1], float(t)) for t in (0, 4, 8, 12)}


def test_answers_are_canonical_json_and_nothing_else(scene: Scene) -> None:
    rows, _ = asked(scene)
    contents = {kind_of(row): row.content for row in rows if row.role == "assistant"}
    assert contents["bbox"] == '{"detections":[{"bbox":[1,2,30,40],"bbox_format":"xyxy","label":"cup"}]}'
    assert contents["keypoint"] == '{"label":"cup","point":[5,6],"point_format":"xy"}'
    assert contents["count"] == '{"count":2,"label":"cup"}'
    assert contents["attribute"] == '{"attribute":"color","label":"cup","value":"red"}'
    assert contents["spatial"] == '{"object":"table","relation":"on","subject":"cup"}'


def test_kinds_are_in_balance_without_taking_turns_in_one_order(scene: Scene) -> None:
    rows, _ = asked(scene, emission_hz=5)
    for camera in CAMERAS:
        kinds = [kind_of(row) for row in rows if (row.camera, row.role) == (camera, "assistant")]
        counts = Counter(kinds)
        assert len(counts) == 5
        assert max(counts.values()) - min(counts.values()) <= 1
        assert all(one != other for one, other in pairwise(kinds)), "never twice in a row"
        rounds = {tuple(kinds[at : at + 5]) for at in range(0, 60, 5)}
        assert len(rounds) > 6, "each round in an order of its own"


def test_kinds_are_drawn_by_seed_episode_and_camera_alone(root: Path) -> None:
    def drawn(index: int) -> list[tuple[str, str | None]]:
        (rows,) = [asked(scene)[0] for scene in opened(root, index)]
        return [(kind_of(row), row.camera) for row in rows if row.role == "assistant"]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
    top, wrist = ([kind for kind, key in drawn(0) if key == camera] for camera in CAMERAS)
    assert top != wrist


def test_frames_in_a_row_get_one_kind_each_from_one_look(scene: Scene) -> None:
    rows, asks = asked(scene, consecutive=3, cameras=CAMERAS[:1])
    for ask in asks:
        assert all((len(i.kinds), i.wanted) == (4, 3) for i in ask.inquiries), "three and a spare"
    answers = [row for row in rows if row.role == "assistant"]
    assert [round(row.timestamp * 10) for row in answers] == [
        s + k for s in range(0, 121, 10) for k in range(3)
    ]
    for at in range(0, len(answers), 3):
        assert len({kind_of(row) for row in answers[at : at + 3]}) == 3
    assert check_episode(EpisodeView.of(scene.episode, rows)) == []


def test_frames_in_a_row_end_where_the_next_begin(scene: Scene) -> None:
    rows, _ = asked(scene, consecutive=5, emission_hz=5, cameras=CAMERAS[:1])
    answers = [row.timestamp for row in rows if row.role == "assistant"]
    assert answers == [float(time) for time in scene.episode.timestamps], "one question a frame, not more"


def test_a_spare_kind_takes_the_place_of_one_that_cannot_be_answered(scene: Scene) -> None:
    model = ScriptedModel(lambda ask: answer(ask, lambda kind: kind in ("bbox", "count")))
    rows, asks = asked(scene, model)
    wanted = {(i.shot.camera, i.shot.time): i.kinds for ask in asks for i in ask.inquiries}
    written = {(row.camera, row.timestamp): kind_of(row) for row in rows if row.role == "assistant"}
    for place, (first, spare) in wanted.items():
        kinds = [kind for kind in (first, spare) if kind not in ("bbox", "count")]
        assert written.get(place) == (kinds[0] if kinds else None)
    assert any(first in ("bbox", "count") for first, _ in wanted.values())


def test_what_nobody_can_answer_gets_no_row(scene: Scene) -> None:
    assert asked(scene, ScriptedModel(lambda ask: answer(ask, lambda kind: True)))[0] == []


def test_what_is_answered_unasked_makes_up_for_kinds_that_can_seldom_be_answered(scene: Scene) -> None:
    def all_it_can(ask: Ask[Any]) -> dict[str, Any]:
        assert isinstance(ask, AskAboutFrames)
        pictures = zip(ask.numbers, ask.inquiries, strict=True)
        seldom = {number for number, inquiry in pictures if inquiry.shot.index % 4 == 0}
        return {
            "pictures": {
                number: {
                    kind: found for kind, found in ANSWERS.items() if kind != "spatial" or number in seldom
                }
                for number in ask.numbers
            }
        }

    for settings in ({}, {"consecutive": 2}):
        rows, _ = asked(scene, ScriptedModel(all_it_can), emission_hz=5.0, cameras=CAMERAS[:1], **settings)
        counts = Counter(kind_of(row) for row in rows if row.role == "assistant")
        assert min(counts[kind] for kind in ANSWERS) >= max(counts.values()) - 3
        rows, _ = asked(scene, ScriptedModel(all_it_can), kinds=("bbox", "count"))
        assert {kind_of(row) for row in rows if row.role == "assistant"} == {"bbox", "count"}


@pytest.mark.parametrize("most", [1, 3])
def test_a_request_that_is_too_long_is_put_in_halves(scene: Scene, most: int) -> None:
    def short(ask: Ask[Any]) -> Any:
        assert isinstance(ask, AskAboutFrames)
        return AnswerError("It is too long.") if len(ask.inquiries) > most else answer(ask)

    whole, _ = asked(scene)
    rows, asks = asked(scene, ScriptedModel(short))
    assert rows == whole
    counts = [len(ask.inquiries) for ask in asks]
    assert max(counts) > most
    assert sum(count for count in counts if count <= most) == 25


def test_a_model_that_answers_nothing_is_found_out_after_a_few_requests(scene: Scene) -> None:
    model = ScriptedModel(lambda ask: AnswerError("No."))
    with pytest.raises(AnswerError, match="No"):
        asked(scene, model, cameras=CAMERAS[:1])
    assert len(model.asked) <= 2 * 4, "two requests of 7 and 6 pictures, each halved three times"


def test_one_kind_alone_has_no_spare(scene: Scene) -> None:
    rows, asks = asked(scene, kinds=("count",))
    assert {inquiry.kinds for ask in asks for inquiry in ask.inquiries} == {("count",)}
    assert {kind_of(row) for row in rows if row.role == "assistant"} == {"count"}


def test_only_the_frames_that_are_looked_at_are_decoded(scene: Scene) -> None:
    needs = Vqa(VqaSettings(consecutive=3)).needs(scene.episode)
    looked_at = {key: list(frames) for key, frames in needs.jpegs.items()}
    assert looked_at == {CAMERAS[0]: list(range(0, 125, 10)), CAMERAS[1]: list(range(5, 125, 10))}
    assert not needs.thumbnails


def test_an_episode_without_video_gets_no_questions_and_a_missing_camera_is_named(tmp_path: Path) -> None:
    blind = make_dataset(tmp_path / "blind", episodes=1, frames=40, kind=None)
    for scene in opened(blind):
        assert asked(scene) == ([], [])
        assert not Vqa(VqaSettings()).needs(scene.episode)
        with pytest.raises(EpisodeError, match=r"no video of observation\.images\.side.*--vqa\.cameras"):
            Vqa(VqaSettings(cameras=("observation.images.side",))).needs(scene.episode)


def test_a_model_that_does_not_look_is_asked_nothing(root: Path) -> None:
    settings = AnnotateSettings(root=root)
    blind = select_annotators(settings, looks=lambda kind: False)
    seeing = select_annotators(settings, looks=lambda kind: True)
    assert "vqa" not in blind.chosen
    assert "vqa" in seeing.chosen


def test_more_frames_in_a_row_than_kinds_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"--vqa\.consecutive is 3, but --vqa\.kinds has 2"):
        VqaSettings(consecutive=3, kinds=("count", "bbox"))


def test_rows_are_the_same_again(root: Path) -> None:
    first, again = (
        canonical_json([row.to_json() for scene in opened(root) for row in asked(scene)[0]]) for _ in range(2)
    )
    assert first == again


def test_a_run_tells_of_kinds_out_of_balance_before_it_writes(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=2, frames=400, fps=10, cameras=CAMERAS[:1], kind="image")
    told: list[Event] = []

    def run(model: ScriptedModel, **vqa: Any) -> list[str]:
        told.clear()
        settings = AnnotateSettings(root=root, only=("vqa",), vqa=VqaSettings(emission_hz=5.0, **vqa))
        annotate(settings, told.append, model)
        return [event.text for event in told if isinstance(event, Note) and "balance" in event.text]

    assert run(ScriptedModel(answer)) == []
    [text] = run(ScriptedModel(lambda ask: answer(ask, lambda kind: kind != "count"), "another"))
    assert text.startswith(f"Visual answers of {CAMERAS[0]} are out of balance (attribute 0, bbox 0, count ")
    assert (
        run(ScriptedModel(lambda ask: answer(ask, lambda kind: kind != "count"), "another"), kinds=("count",))
        == []
    )
