"""What the builtin model sees in the shared datasets: simulated with exact truth, and real."""

from __future__ import annotations

import asyncio
import gc
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from roboscribe.annotators.base import Scene
from roboscribe.annotators.vqa import Vqa
from roboscribe.asks import AskAboutFrames, Inquiry, PictureAnswers, SegmentEpisode, Shot
from roboscribe.config import QuestionKind, VqaSettings
from roboscribe.dataset import open_dataset
from roboscribe.episode import Episode
from roboscribe.errors import FrameError
from roboscribe.evaluation.gold import read_gold_pictures
from roboscribe.evaluation.visual import is_right, overlap
from roboscribe.frames import FrameNeeds, FrameStore
from roboscribe.language import Row
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.builtin.vision import answer_about
from roboscribe.models.builtin.vision.scene import Scene as Learnt
from roboscribe.signals import analyse

KINDS: tuple[QuestionKind, ...] = get_args(QuestionKind)
TOP, WRIST, HIGH = (f"observation.images.{name}" for name in ("top", "wrist", "cam_high"))


def seen(episode: Episode, camera: str, indices: Sequence[int]) -> list[PictureAnswers]:
    """All that is stated about frames of a camera."""
    with FrameStore().episode(episode, FrameNeeds(jpegs={camera: indices})) as frames:
        ask = AskAboutFrames(
            episode=episode.index,
            task=episode.task,
            signals=analyse(episode),
            inquiries=tuple(Inquiry(Shot(frames, camera, index), KINDS, 5) for index in indices),
            looked_at=tuple(indices),
        )
        found = answer_about(ask).pictures
    return [found[number] for number in ask.numbers]


@pytest.mark.parametrize(("camera", "share"), [(TOP, 0.9), (WRIST, 0.6)])
def test_what_is_stated_of_the_simulated_arm_is_right(shared_data: Path, camera: str, share: float) -> None:
    dataset = open_dataset(shared_data / "so101_sim_bricks")
    gold = read_gold_pictures(shared_data / "so101_sim_bricks_ground_truth.json")
    said: Counter[tuple[str, bool]] = Counter()
    spoken_of: list[bool] = []
    for index in (2, 3, 4, 8):
        known = {frame: truth for (e, key, frame), truth in gold.items() if (e, key) == (index, camera)}
        for picture, truth in zip(
            seen(dataset.episode(index), camera, list(known)), known.values(), strict=True
        ):
            found = {kind: question for kind in KINDS if (question := picture.of(kind))}
            spoken_of.append(bool(found))
            said.update((kind, is_right(q.question, q.content, truth)) for kind, q in found.items())
    for kind in KINDS:
        assert said[kind, True] >= 5
        assert said[kind, True] / (said[kind, True] + said[kind, False]) >= 0.95, kind
    assert sum(spoken_of) / len(spoken_of) >= share


def test_what_is_stated_of_a_real_robot_is_what_a_person_sees(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "g1_bottle_v21")
    labels: Counter[str] = Counter()
    for index, bottle, box in ((0, 90, (222, 32, 342, 302)), (2, 0, (204, 104, 338, 376))):
        frames = list(range(0, dataset.episode(index).frames, 30))
        for frame, picture in zip(frames, seen(dataset.episode(index), HIGH, frames), strict=True):
            found = picture.bbox.detections if picture.bbox else []
            labels.update(detection.label for detection in found)
            for detection in found:
                if detection.label == "yellow bottle" and frame == bottle:
                    assert overlap(detection.bbox, box) > 0.8
                if detection.label == "green object" and frame == 0:
                    assert overlap(detection.bbox, (418, 12, 524, 76)) > 0.7 or index == 2
    assert set(labels) == {"yellow bottle", "green object"}
    assert min(labels.values()) >= 3


def annotated(episode: Episode, *, at_once: int = 4) -> list[Row]:
    """The rows of an episode."""
    annotator = Vqa(VqaSettings(pictures_per_ask=at_once))
    with FrameStore().episode(episode, annotator.needs(episode)) as frames:
        return asyncio.run(annotator.annotate(Scene(episode, 0, frames), {"task": []}, BuiltinModel()))


def test_answers_are_the_same_each_time_and_vary_in_words_and_kind(shared_data: Path) -> None:
    episode = open_dataset(shared_data / "so101_sim_bricks").episode(8)
    rows = annotated(episode)
    assert rows == annotated(episode)
    answers = [json.loads(row.content or "") for row in rows if row.role == "assistant"]
    assert len({tuple(sorted(answer)) for answer in answers}) >= 4
    assert len({(row.content or "").split()[0] for row in rows if row.role == "user"}) >= 4


def test_what_is_learnt_of_an_episode_goes_with_its_frames(shared_data: Path) -> None:
    episode = open_dataset(shared_data / "so101_sim_bricks").episode(0)
    annotated(episode)
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing) is Learnt]


def test_a_damaged_video_is_an_error_and_not_an_answer(so101: Path) -> None:
    video = so101 / "videos" / TOP / "chunk-000" / "file-000.mp4"
    video.write_bytes(video.read_bytes()[:4000])
    with pytest.raises(FrameError):
        annotated(open_dataset(so101).episode(0))


def test_the_builtin_model_looks_at_visual_questions_only() -> None:
    model: Any = BuiltinModel()
    assert model.looks(AskAboutFrames)
    assert not model.looks(SegmentEpisode)
