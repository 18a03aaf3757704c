"""Dialogue that tasks of a cluster stage part by part, and a last job writes, which asks nothing for the first time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from imagining import asked, model, rule, with_skills
from written import digests

from roboscribe.asks import Ask, ImagineDialogue
from roboscribe.config import DialogueSettings
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.models.scripted import ScriptedModel
from roboscribe.models.staged import StagedModel


def short_of_words(ask: Ask[Any]) -> Any:
    """Says always the same, unless that has been said."""
    assert isinstance(ask, ImagineDialogue)
    answer = rule(ask)
    known = "Please, not the tray: the cup."
    return answer if ask.occasion.avoid else answer.model_copy(update={"user_prompt": known})


def stand_in(scripted: ScriptedModel) -> StagedModel:
    return StagedModel(scripted.identity, scripted.looks, scripted.prompt_digest)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return with_skills(tmp_path / "data")


def staged(root: Path, target: Path, *parts: str) -> ScriptedModel:
    """Episodes staged, one run for each part; who was asked."""
    task = model(short_of_words)
    for part in parts:
        settings = DialogueSettings(root=root, output_dir=target, episodes=(part,))
        make_dialogue(settings, model=task, write=False)
    return task


def test_only_the_last_job_asks_again_for_what_is_said_twice(plain: Path, tmp_path: Path) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    task = staged(plain, far, "0-1", "2")
    assert not (far / "meta").exists()
    last = model(short_of_words)
    finished = make_dialogue(DialogueSettings(root=plain, output_dir=far), model=last, first=stand_in(last))
    assert (finished.annotated, finished.failed, finished.asks) == (3, 0, 11)
    assert Counter(kind for kind, *_ in asked(task)) == {"one": 12}
    assert Counter(kind for kind, *_ in asked(last)) == {"again": 11}
    make_dialogue(DialogueSettings(root=plain, output_dir=near), model=model(short_of_words))
    assert digests(far) == digests(near)


def test_what_is_not_staged_is_left_and_not_asked_for(plain: Path, tmp_path: Path) -> None:
    far = tmp_path / "far"
    staged(plain, far, "1")
    last = model(short_of_words)
    finished = make_dialogue(DialogueSettings(root=plain, output_dir=far), model=last, first=stand_in(last))
    assert (finished.annotated, finished.failed, finished.asks) == (1, 2, 3)
    assert {kind for kind, *_ in asked(last)} == {"again"}
