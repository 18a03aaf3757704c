"""Random scenes with exact truth: what is stated is right, whatever table, light, robot and camera."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, get_args

import pytest
from scenes import Body, Play, PlayFrames

from roboscribe.asks import AskAboutFrames, Inquiry, PictureAnswers, Shot
from roboscribe.config import QuestionKind
from roboscribe.evaluation.visual import GoldPicture, is_right
from roboscribe.models.builtin.vision import answer_about

KINDS: tuple[QuestionKind, ...] = get_args(QuestionKind)


def answers(play: Play, every: int = 2) -> list[tuple[PictureAnswers, GoldPicture]]:
    """All that is stated about pictures of a play, and what they show."""
    frames: Any = PlayFrames(play)
    topics = ("task", "robot", "scene")
    shots = [Shot(frames, "front", index) for index in range(0, play.frames, every)]
    asked = AskAboutFrames(
        episode=0,
        seed=play.seed,
        task=play.task,
        signals=play.signals,
        inquiries=tuple(Inquiry(shot, KINDS, 5, topics[number % 3]) for number, shot in enumerate(shots)),
        looked_at=tuple(range(0, play.frames, 2)),
    )
    found = answer_about(asked).pictures
    return [(found[str(n)], frames.truth(shot.index)) for n, shot in enumerate(shots, 1)]


def stated(found: list[tuple[PictureAnswers, GoldPicture]]) -> Counter[tuple[str, bool]]:
    """How many statements of each kind are right and wrong."""
    said: Counter[tuple[str, bool]] = Counter()
    for picture, truth in found:
        for kind in KINDS:
            if question := picture.of(kind):
                said[kind, is_right(question.question, question.content, truth)] += 1
    return said


@pytest.mark.slow
def test_what_is_stated_is_right_and_something_is_stated() -> None:
    said: Counter[tuple[str, bool]] = Counter()
    spoken_of: list[bool] = []
    for seed in range(24):
        found = answers(Play(seed))
        said += stated(found)
        spoken_of += [any(picture.of(kind) for kind in KINDS) for picture, _ in found]
    for kind in KINDS:
        assert said[kind, True] >= 30
        assert said[kind, True] / (said[kind, True] + said[kind, False]) >= 0.95, kind
    assert sum(spoken_of) / len(spoken_of) >= 0.6


def labels(found: list[tuple[PictureAnswers, GoldPicture]]) -> set[str]:
    """Names of all that is stated to be somewhere."""
    boxes = [picture.bbox for picture, _ in found if picture.bbox]
    return {detection.label for question in boxes for detection in question.detections}


def plain(seed: int, *bodies: Body, task: str, **look: Any) -> Play:
    """A play on a grey table with white light, without chance finds."""
    play = Play(seed)
    play.bodies = [replace(body) for body in bodies]
    play.start = (bodies[0].x, bodies[0].y)
    play.target = (0.75 * play.aspect, 0.8)
    play.table[:] = 150
    play.light[:] = 1.0
    play.task, play.mat, play.cable, play.fingers, play.robot = (
        task,
        None,
        None,
        (90, 90, 95),
        (240, 240, 240),
    )
    play.trembles = play.flicker = 0.0
    for name, value in look.items():
        setattr(play, name, value)
    return play


RED = Body("cube", "red", (200, 30, 35), 0.4, 0.6, 0.06, 0.3, 4, 1.2)
BLUE = Body("bowl", "blue", (30, 80, 200), 0.8, 0.75, 0.07, 0.0, 24, 1.0)


def test_a_thing_has_the_name_that_the_task_gives_it_and_others_their_colour() -> None:
    found = answers(plain(1, RED, BLUE, task="Pick up the red cube and put it down."))
    assert labels(found) == {"red cube", "blue object"}
    assert not [at for at in stated(found) if not at[1]]


def test_the_one_thing_that_is_moved_has_the_noun_of_the_task_without_a_colour_too() -> None:
    found = answers(plain(1, RED, BLUE, task="Pick up the cube and put it on the table."))
    assert labels(found) == {"cube", "blue object"}
    colours = {picture.attribute.value for picture, _ in found if picture.attribute}
    assert colours == {"red", "blue"}


def test_where_two_things_can_be_meant_neither_is_called_by_the_name() -> None:
    other = replace(RED, noun="ball", x=0.9, corners=24)
    found = answers(plain(1, RED, other, task="Pick up the red cube and put it down."))
    assert "red cube" not in labels(found)


def test_things_of_one_colour_are_counted_together() -> None:
    others = [replace(BLUE, x=x, y=0.5) for x in (0.2, 0.9)]
    found = answers(plain(1, RED, BLUE, *others, task="Pick up the red cube and put it down."))
    counts = {(picture.count.label, picture.count.count) for picture, _ in found if picture.count}
    assert ("blue object", 3) in counts
    assert not [at for at in stated(found) if not at[1]]


def test_the_robot_is_no_thing_whatever_its_colour() -> None:
    for colour in ((250, 140, 20), (200, 30, 35), (40, 160, 70)):
        play = plain(1, BLUE, task="Pick up the blue bowl and put it down.", robot=colour, fingers=colour)
        assert labels(answers(play)) == {"blue bowl"}


def test_what_has_no_colour_is_not_spoken_of() -> None:
    grey = replace(RED, colour="", rgb=(90, 90, 90))
    play = plain(1, grey, task="Pick up the red cube and put it down.")
    assert not [kind for picture, _ in answers(play) for kind in KINDS if picture.of(kind)]


def test_what_the_gripper_holds_is_told_only_while_it_holds_it() -> None:
    large = replace(RED, size=0.1)
    found = answers(plain(1, large, BLUE, task="Pick up the red cube and put it down."), every=1)
    held = [
        truth.held for picture, truth in found if picture.spatial and picture.spatial.relation == "held by"
    ]
    assert held
    assert set(held) == {"red cube"}


def test_a_thing_that_was_moved_away_is_not_seen_where_it_lay() -> None:
    found = answers(plain(1, RED, BLUE, task="Pick up the red cube and put it down."), every=1)
    places = [
        detection.bbox
        for picture, _ in found[-4:]
        if picture.bbox
        for detection in picture.bbox.detections
        if detection.label == "red cube"
    ]
    height = Play(1).size[1]
    assert places
    assert all(left > 0.6 * height for left, *_ in places), "at its new place"
