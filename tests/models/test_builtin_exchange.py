"""The builtin model's dialogues: correct for any skill and pair of types, varied, and about the skill's object."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.annotators.base import Scene
from roboscribe.annotators.lengths import Lengths
from roboscribe.annotators.skills import Skills
from roboscribe.asks import Exchange, ImagineDialogue, ImagineDialogues, Occasion
from roboscribe.asks.dialogue import TYPES
from roboscribe.config import SubtasksSettings
from roboscribe.dataset import open_dataset
from roboscribe.english.gist import gist
from roboscribe.english.steps import read_step
from roboscribe.english.things import is_unknown
from roboscribe.hirobot.samples import samples_of
from roboscribe.hirobot.skills import skills_of_rows
from roboscribe.models.builtin import BuiltinModel

THINGS = st.sampled_from(["the pink brick", "the cups", "the lid", "the object", "the yellow bottle"])
PLACES = st.sampled_from([" in the box", " on top of the green brick", " onto the tray", ""])
ARMS = st.sampled_from(["", " with the left arm"])
DEEDS = st.sampled_from(
    [
        "move towards {}",
        "reach for {}",
        "grasp {}",
        "lift {}",
        "pick up {}",
        "carry {}",
        "place {}",
        "lower {}",
        "release {}",
        "push {}",
        "open {}",
        "close {}",
        "press {}",
        "reopen the gripper and back off from {}",
    ]
)
LABELS = st.one_of(
    st.builds(
        lambda deed, thing, place, arm: (
            deed.format(thing) + (place if deed in ("place {}", "lower {}", "release {}") else "") + arm
        ),
        DEEDS,
        THINGS,
        PLACES,
        ARMS,
    ),
    st.sampled_from(["wait", "retract", "move to the box", "crack the egg", "Stirring the soup", "idle"]),
)
BLANKS = re.compile(r"[{}]|\s{2}|\s[.,;:?!]|\b(\w+) \1\b|^[a-z]|[^.?!]$")
"""What good English does not have: blanks left open, doubled spaces and words, no capital, no end."""


def ask(on: Occasion, seed: int = 0) -> Exchange:
    return asyncio.run(BuiltinModel().answer(ImagineDialogue(episode=0, seed=seed, occasion=on)))


@st.composite
def occasions(draw: st.DrawFn) -> Occasion:
    skills = tuple(draw(st.lists(LABELS, min_size=1, max_size=5)))
    scenario, response = draw(st.sampled_from(TYPES))
    done = draw(st.integers(0, len(skills) - 1))
    task = draw(st.sampled_from(["", "Put the pink brick in the box.", "Clear the table."]))
    return Occasion(0.0, task, skills, done, scenario, response, draw(st.integers(0, 10_000)))


@given(occasions(), st.integers(0, 2**32 - 1))
def test_every_exchange_fits_its_occasion_and_reads_well(on: Occasion, seed: int) -> None:
    made = ask(on, seed)
    assert on.fault(made) == ""
    for text in (made.user_prompt, made.robot_utterance):
        assert BLANKS.search(text) is None, text


@given(occasions(), st.integers(0, 2**32 - 1))
def test_every_prompt_names_the_object_or_a_pronoun_that_the_history_resolves(
    on: Occasion, seed: int
) -> None:
    thing = read_step(on.skill).thing
    if thing is None or is_unknown(thing):
        return
    prompt = ask(on, seed).user_prompt.lower()
    place = read_step(on.skill).place
    nouns = [noun.removeprefix("the ") for noun in (thing, place) if noun]
    named = any(noun in prompt for noun in nouns) or on.skill.lower() in prompt
    resolved = any(read_step(done).thing == thing for done in on.history)
    assert named or (resolved and re.search(r"\b(it|them)\b", prompt)), prompt


@given(occasions(), st.integers(0, 2**32 - 1))
def test_what_is_to_be_avoided_is_not_said_again(on: Occasion, seed: int) -> None:
    said = ask(on, seed).user_prompt
    again = ask(
        Occasion(on.time, on.task, on.skills, on.done, on.scenario, on.response, on.number, (said,)), seed
    )
    assert gist(again.user_prompt) != gist(said)


def test_many_at_once_are_as_good_as_one() -> None:
    skills = ("move towards the cup", "pick up the cup", "place the cup on the tray")
    asked = tuple(Occasion(float(n), "", skills, n % 3, *TYPES[n % 20], number=n) for n in range(40))
    made = asyncio.run(BuiltinModel().answer(ImagineDialogues(episode=0, occasions=asked))).exchanges
    assert [on.fault(one) for on, one in zip(asked, made, strict=True)] == [""] * 40
    assert made[0] == ask(asked[0])


def dialogue(folders: Sequence[Path], interval: float) -> Iterator[tuple[Occasion, Exchange]]:
    """All that the builtin model says in datasets, as if they were one."""
    number = 0
    for folder in folders:
        dataset = open_dataset(folder)
        for index in dataset.episode_indices:
            scene = Scene(dataset.episode(index), 0)
            annotator = Skills(SubtasksSettings(), None, Lengths(1.0, 3.0))
            rows = asyncio.run(annotator.annotate(scene, {"task": []}, BuiltinModel()))
            for sample in samples_of(scene.episode, skills_of_rows(scene.episode, rows), interval, number, 0):
                yield sample.occasion, ask(sample.occasion, number)
                number += 1


@pytest.mark.parametrize(
    ("names", "interval"),
    [
        (["so101_sim_bricks"], 0.5),
        (["g1_bottle_v21", "so101_sim_bricks"], 0.4),
        (["g1_bottle_v21", "so101_sim_bricks"], 0.6),
    ],
)
def test_two_hundred_samples_of_the_shared_data_are_varied_and_balanced(
    names: list[str], interval: float, shared_data: Path
) -> None:
    found = list(islice(dialogue([shared_data / name for name in names], interval), 200))
    assert len(found) == 200
    prompts = [made.user_prompt for _, made in found]
    pairs = [pair for prompt in prompts for pair in pairwise(re.findall(r"[\w']+", prompt.lower()))]
    assert len(set(pairs)) / len(pairs) >= 0.5, "distinct-2"
    assert len(set(map(gist, prompts))) > 190
    counts = Counter((on.scenario, on.response) for on, _ in found)
    assert set(counts) == set(TYPES)
    assert max(counts.values()) <= 2 * 200 / 20
