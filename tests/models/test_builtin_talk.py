"""What is said to a robot at work, by rule: it fits what comes next, in many words, in whatever episode."""

from __future__ import annotations

import asyncio
import random
import re
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from signals.robots import KINDS, SCENARIOS, simulate, simulate_both

from roboscribe.annotators.base import Scene
from roboscribe.annotators.subtasks import Subtasks
from roboscribe.asks import Interject, Interjection, Moment
from roboscribe.asks.interject import can_hold
from roboscribe.asks.situation import situation
from roboscribe.config import Scenario, SubtasksSettings
from roboscribe.episode import Episode
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.builtin.talk import interject

ALL: tuple[Scenario, ...] = get_args(Scenario)
TASK = "Pick up the yellow brick and the green brick and place them in the transparent box."
BRICKS = (
    "wait",
    "move towards the yellow brick",
    "grasp the yellow brick",
    "lift the yellow brick",
    "move to the transparent box",
    "release the yellow brick into the transparent box",
    "move towards the green brick",
    "grasp the green brick",
    "reopen the gripper and back off from the green brick",
    "move towards the green brick",
    "grasp the green brick",
    "lift the green brick",
    "wait",
    "release the green brick into the transparent box",
    "retract",
)


def said(
    done: int, scenario: Scenario, *, seed: int = 0, task: str = TASK, subtasks: tuple[str, ...] = BRICKS
) -> Interjection:
    """What is said at one boundary."""
    moments = (Moment(1.0, done, scenario),)
    (made,) = interject(
        Interject(episode=0, seed=seed, task=task, subtasks=subtasks, moments=moments)
    ).interjections
    assert made is not None
    return made


def requests(done: int, scenario: Scenario, seeds: int = 60, **facts: object) -> set[str]:
    """Every request at a boundary that comes up for some seed."""
    return {said(done, scenario, seed=seed, **facts).request for seed in range(seeds)}  # pyright: ignore


def check(task: str, subtasks: tuple[str, ...], seed: int) -> None:
    """All that is said at all boundaries of an episode is free of objections."""
    chance = random.Random(seed)
    moments = tuple(
        Moment(float(done), done, chance.choice(fit))
        for done in range(1, len(subtasks))
        if (fit := [kind for kind in ALL if can_hold(kind, situation(task, subtasks, done))])
    )
    ask = Interject(episode=0, seed=seed, task=task, subtasks=subtasks, moments=moments, opens=True)
    answer = interject(ask)
    assert ask.objection(answer) == ""
    for made in answer.interjections:
        assert made is not None
        for text in (made.request, made.speech):
            assert re.match(r"[A-Z\d“]", text), text
            assert text[-1] in ".!?", text
            assert not re.search(r"[{}\[\]]|  ", text), text


@pytest.mark.parametrize("scenario", ALL)
def test_there_are_many_ways_to_say_it(scenario: Scenario) -> None:
    for done in (1, 2, 3, 4, 6):
        assert len(requests(done, scenario)) >= 6
    assert len({said(2, scenario, seed=seed).speech for seed in range(60)}) >= 6


def test_the_seed_alone_decides() -> None:
    assert said(2, "preference", seed=7) == said(2, "preference", seed=7)
    assert len(requests(2, "preference")) > 1


def test_what_is_spared_is_truly_spared() -> None:
    for text in requests(1, "negative_task"):
        assert not re.search(r"(?:leave|touch|away from) the yellow brick", text, re.IGNORECASE)
    named = " ".join(requests(6, "negative_task"))
    assert "yellow brick" in named, "it is in the box by now"
    assert "the green brick for later" not in named


def test_no_one_is_told_to_keep_hold_of_what_is_lost() -> None:
    lost = ("grasp the cup", "lift the cup", "wait", "move towards the cup", "grasp the cup", "lift the cup")
    for scenario in ALL:
        told = requests(1, scenario, task="Lift the cup.", subtasks=lost)
        assert not [text for text in told if re.search("hold of|let go|drop", text)]


def test_a_miss_is_met_with_comfort_and_a_second_try() -> None:
    for text in requests(8, "encouragement"):
        assert not re.search("great|nice|well done|good", text, re.IGNORECASE)
    assert any("miss" in text or "don't have" in text for text in requests(8, "situated_correction"))
    assert any("again" in text or "once more" in text for text in requests(8, "preference"))


def test_two_arms_are_told_apart() -> None:
    labels = ("wait", "pick up the cup with the left arm", "place the cup on the tray with the left arm")
    told = requests(1, "situated_correction", task="", subtasks=labels)
    assert "Use the left arm for that, not the right one." in told
    answers = {said(1, "preference", seed=seed, task="", subtasks=labels).speech for seed in range(20)}
    assert all("pick up the cup with the left arm" in text for text in answers)


def test_nobody_speaks_of_closing_the_gripper_on_what_is_pushed() -> None:
    labels = ("wait", "move towards the T block", "push the T block onto the target", "retract")
    told = [text for scenario in ALL for text in requests(1, scenario, task="", subtasks=labels)]
    assert told
    assert not [text for text in told if "gripper" in text]


@pytest.mark.parametrize("scenario", ALL)
def test_several_things_are_spoken_of_in_the_plural(scenario: Scenario) -> None:
    labels = ("wait", "pick up the 3 spoons", "place the 3 spoons in the tray", "retract")
    for done in (1, 2, 3):
        for text in requests(done, scenario, task="", subtasks=labels):
            assert not re.search(r"spoons (?:is|has|belongs|needs|isn't)\b", text)
            assert not re.search(r"spoons.*\b(?:it|itself)\b", text) or "tray" in text
            assert not re.search(r"\bthem (?:is|are)\b", text)


def test_without_names_it_is_the_object() -> None:
    labels = (
        "move towards the object",
        "grasp the object",
        "lift the object",
        "release the object",
        "retract",
    )
    for done in range(1, 4):
        for scenario in ALL:
            for text in requests(done, scenario, seeds=20, task="", subtasks=labels):
                assert "None" not in text
                assert not re.search(r"\b(?:box|brick|cup)\b", text)


@pytest.mark.parametrize(
    ("task", "starts"),
    [
        ("Put the cup away.", "put the cup away"),
        ("Please pick up the red cup", "pick up the red cup"),
        ("Can you open the drawer?", "open the drawer"),
        ("", "("),
        ("test 3", "("),
        ("抓取方块", "("),
        ("Pick up " + "the cup and " * 20 + "the bowl.", "("),
    ],
)
def test_the_opening_takes_up_the_task(task: str, starts: str) -> None:
    texts = {
        interject(Interject(episode=0, seed=seed, task=task, subtasks=BRICKS, opens=True)).opening or ""
        for seed in range(40)
    }
    assert len(texts) >= 6
    assert all(starts in text for text in texts) or starts == "("
    assert all(len(text.split()) <= 20 for text in texts)


NOUNS = st.sampled_from(
    (
        *(
            "the pink brick",
            "the blue brick",
            "the brick",
            "the cup",
            "a red cup",
            "the 3 spoons",
            "both pots",
        ),
        *("the object", "the drawer", "water", "the left shoe", "the box", "the trash"),
    )
)
PLACES = st.sampled_from(
    ("the transparent box", "the shelf", "the table", "the pink brick", "the sink", "the right arm")
)
ARMS = st.sampled_from(("", "", "", " with the left arm", " with the right arm"))
VERBS = st.sampled_from(
    (
        *("grasp", "lift", "pick up", "take", "release", "move", "push", "pull", "open", "close"),
        *("wipe", "pour", "turn on", "fold"),
    )
)
ODD = st.sampled_from(
    ("wait", "retract", "return to home", "gripper closing", "hold still", "crack the egg", "go")
)
LABELS = st.builds(
    "{}{}".format,
    st.one_of(
        ODD,
        st.builds("move towards {}".format, NOUNS),
        st.builds("move to {}".format, PLACES),
        st.builds("{} {}".format, VERBS, NOUNS),
        st.builds("reopen the gripper and back off from {}".format, NOUNS),
        st.builds("lower {} onto {}".format, NOUNS, PLACES),
        st.builds("release {} into {}".format, NOUNS, PLACES),
        st.builds("place {} next to {}".format, NOUNS, PLACES),
        st.builds("push {} towards {}".format, NOUNS, NOUNS),
        st.builds("pick up {} and put it on {}".format, NOUNS, PLACES),
        st.builds("turn {} to the left".format, NOUNS),
        st.text(min_size=1, max_size=120),
    ),
    ARMS,
)
TASKS = st.one_of(
    st.just(""),
    st.builds("Put {} in {}.".format, NOUNS, PLACES),
    st.builds("Take {} and {} to {}".format, NOUNS, NOUNS, PLACES),
    st.builds("Pour {} into the cup; wipe {}".format, NOUNS, PLACES),
    st.text(max_size=80),
)


@given(TASKS, st.lists(LABELS, min_size=1, max_size=14), st.integers(0, 2**32 - 1))
@example("", ["wait", "move to the right arm with the left arm"], 1)
def test_it_passes_its_own_check_in_any_episode(task: str, labels: list[str], seed: int) -> None:
    check(task, tuple(labels), seed)


def test_when_it_has_no_other_words_it_says_nothing() -> None:
    labels = ("grasp the cup", "release the cup") * 60
    before: tuple[str, ...] = ()
    for start in range(1, 101, 50):
        moments = tuple(Moment(float(done), done, "encouragement") for done in range(start, start + 49))
        ask = Interject(episode=0, task="Play.", subtasks=labels, moments=moments, said=before)
        before += tuple(made.request for made in interject(ask).interjections if made)
    assert len(set(before)) == len(before) > 50


def labels_of(episode: Episode) -> tuple[str, ...]:
    rows = asyncio.run(
        Subtasks(SubtasksSettings(), None).annotate(Scene(episode, seed=0), {"task": []}, BuiltinModel())
    )
    return tuple(row.content or "" for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_it_passes_its_own_check_on_simulated_robots(kind: str) -> None:
    for number, scenario in enumerate(SCENARIOS):
        episode, _ = simulate(kind, scenario, seed=number)
        for seed in range(4):
            check(episode.task, labels_of(episode), seed)


def test_it_passes_its_own_check_with_two_arms() -> None:
    for number in range(3):
        episode, _ = simulate_both(number)
        check(episode.task, labels_of(episode), number)
