"""Negative controls: of pictures that show nothing, or always the same one, nothing is stated."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from scenes import Play, PlayFrames

from roboscribe.asks import AskAboutFrames, Inquiry, Shot
from roboscribe.config import QuestionKind
from roboscribe.frames import Jpeg
from roboscribe.models.builtin.vision import answer_about

KINDS: tuple[QuestionKind, ...] = get_args(QuestionKind)
HEIGHT, WIDTH = 120, 160


def even(level: int) -> Callable[[int], np.ndarray]:
    return lambda frame: np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def grainy(level: float, spread: float, channels: int = 3) -> Callable[[int], np.ndarray]:
    """A sensor's noise around a level, in colour or in grey."""

    def picture(frame: int) -> np.ndarray:
        noise = np.random.default_rng(frame).normal(level, spread, (HEIGHT, WIDTH, channels))
        return np.broadcast_to(noise.clip(0, 255), (HEIGHT, WIDTH, 3)).astype(np.uint8)

    return picture


def overexposed(frame: int) -> np.ndarray:
    """White, but for a little colour that has survived somewhere."""
    picture = np.random.default_rng(frame).normal(254, 2, (HEIGHT, WIDTH, 3))
    picture[50:70, 60 + frame : 80 + frame] = (255, 244, 244)
    return picture.clip(0, 255).astype(np.uint8)


def stated(picture: Callable[[int], np.ndarray], task: str, camera: str = "front") -> list[str]:
    """Every question that is answered about an episode of such pictures."""
    play = Play(1)
    play.task = task

    class Frames(PlayFrames):
        def jpeg(self, camera: str, frame: int) -> Jpeg:
            buffer = io.BytesIO()
            Image.fromarray(picture(frame)).save(buffer, "JPEG", quality=90)
            return Jpeg(buffer.getvalue(), WIDTH, HEIGHT, WIDTH, HEIGHT)

    frames: Any = Frames(play)
    asked = AskAboutFrames(
        episode=0,
        seed=1,
        task=task,
        signals=play.signals,
        inquiries=tuple(Inquiry(Shot(frames, camera, index), KINDS, 5) for index in range(play.frames)),
        looked_at=tuple(range(0, play.frames, 2)),
    )
    answers = answer_about(asked).pictures.values()
    return [question.question for answer in answers for kind in KINDS if (question := answer.of(kind))]


@pytest.mark.parametrize("task", ["Pick up the red cube and put it down.", "Pick up the cup."])
@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(even(0), id="black"),
        pytest.param(even(128), id="grey"),
        pytest.param(even(255), id="white"),
        pytest.param(grainy(3, 3), id="black with noise"),
        pytest.param(grainy(128, 60), id="noise in colour"),
        pytest.param(grainy(128, 60, 1), id="noise in grey"),
        pytest.param(overexposed, id="overexposed"),
    ],
)
def test_nothing_is_stated_of_pictures_that_show_nothing(
    picture: Callable[[int], np.ndarray], task: str
) -> None:
    assert stated(picture, task) == []
    assert stated(picture, task, camera="wrist") == []


@pytest.mark.parametrize("camera", ["front", "wrist"])
@pytest.mark.parametrize(
    "task", ["Pick up the red cube and put it down.", "Put the cup beside the red cube."]
)
def test_nothing_is_stated_of_a_camera_that_hangs_while_the_robot_works(task: str, camera: str) -> None:
    still = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    still[50:66, 60:78] = (200, 30, 35)
    assert stated(lambda frame: still, task, camera) == []


def test_something_is_stated_once_something_stirs() -> None:
    def passing(frame: int) -> np.ndarray:
        picture = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
        picture[50:66, 60:78] = (200, 30, 35)
        picture[90:110, 6 * frame : 6 * frame + 12] = (30, 30, 30)
        return picture

    assert stated(passing, "Put the cup beside the red cube.")
