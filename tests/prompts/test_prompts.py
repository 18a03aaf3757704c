"""Asks become words: every template renders, says what its ask knows, and can be replaced from a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shots import located, questions, shot

from roboscribe.asks import (
    AXES,
    Ask,
    DescribeEpisode,
    Interject,
    LocateGripper,
    Moment,
    RelabelSegment,
    RephraseTask,
    SegmentEpisode,
    UpdateMemory,
)
from roboscribe.errors import EpisodeError, RunStopped, SettingsError
from roboscribe.frames import Jpeg
from roboscribe.prompts.render import Prompts, ask_kinds, template_names
from roboscribe.prompts.samples import sample_asks
from roboscribe.signals import GripperEvent, Signals

SIGNALS = Signals(
    events=(GripperEvent("close", 2.77, 3.0, "left", True), GripperEvent("open", 8.5, 9.0)),
    pauses=(),
    phases=(),
    motions=(),
    speed=np.zeros(0, np.float32),
    arms=("",),
)
PICTURE = Jpeg(b"jpeg", 8, 6, 8, 6)


class Shown:
    """Stands in for contact sheets."""

    def pictures(self) -> list[Jpeg]:
        return [PICTURE]


def segment(**facts: Any) -> SegmentEpisode:
    known: dict[str, Any] = {"episode": 1, "task": "Put the cup away.", "duration": 12.0, "signals": SIGNALS}
    return SegmentEpisode(**(known | {"sheets": Shown()} | facts))


def words(ask: Ask[Any], prompts: Prompts | None = None) -> tuple[str, list[str | Jpeg]]:
    system, parts = asyncio.run((prompts or Prompts()).render(ask))
    return system, list(parts)


def test_every_ask_has_a_template() -> None:
    folder = Path(__file__).parents[2] / "src/roboscribe/prompts"
    assert {path.name.removesuffix(".md.j2") for path in folder.glob("*.j2")} == set(template_names())
    assert len(ask_kinds()) == len(template_names()) - 1 >= 6


def test_pictures_come_before_the_words_and_the_system_text_is_the_same_for_all() -> None:
    system, parts = words(segment())
    other, _ = words(RephraseTask(episode=0, task="Put it away.", count=3))
    assert parts[:-1] == [PICTURE]
    assert isinstance(parts[-1], str)
    assert system == other


def test_a_segmentation_is_told_task_window_description_and_events() -> None:
    text = words(segment(start=2.0, end=8.0, description="A cup is seen.", most=5, least_seconds=0.5))[1][-1]
    assert isinstance(text, str)
    for part in (
        "Put the cup away.",
        "from 2.0 s to 8.0 s",
        "A cup is seen.",
        "At most 5",
        "shorter than 0.5 s",
    ):
        assert part in text
    assert "2.77 s: the left gripper closes and holds something" in text
    assert "opens" not in text, "the event lies outside the window"


def test_hints_can_be_turned_off_and_an_unknown_task_is_not_mentioned() -> None:
    text = words(segment(hints=False, task=""))[1][-1]
    assert isinstance(text, str)
    assert "gripper closes" not in text
    assert "robot's task" not in text


def test_an_ask_about_pictures_is_never_put_without_them() -> None:
    blind = DescribeEpisode(episode=7, task="", duration=3.0, signals=SIGNALS)
    with pytest.raises(EpisodeError, match="no frames to look at"):
        words(blind)


def test_relabelling_shows_the_neighbours_under_their_names() -> None:
    sheets: Any = (None, Shown(), Shown())
    ask = RelabelSegment(
        episode=0,
        task="",
        label="grasp the cup",
        before="",
        after="lift the cup",
        start=1.0,
        end=2.0,
        sheets=sheets,
    )
    parts = words(ask)[1]
    assert parts[:4] == ["The subtask in question:", PICTURE, "After:", PICTURE]
    assert "grasp the cup" in str(parts[-1])
    assert "lift the cup" in str(parts[-1])
    assert "subtask before it" not in str(parts[-1])


@pytest.mark.parametrize("axis", ["free", *AXES])
def test_every_axis_asks_for_something_of_its_own(axis: Any) -> None:
    texts = {
        a: words(RephraseTask(episode=0, task="Lift it.", count=3, axis=a))[1][-1] for a in ("free", *AXES)
    }
    assert list(texts.values()).count(texts[axis]) == 1
    assert "3 " in str(texts[axis])


def test_memory_counts_what_is_done() -> None:
    ask = UpdateMemory(
        episode=0, task="", subtasks=("reach", "grasp", "lift"), boundaries=(1, 2), previous="I saw it."
    )
    text = str(words(ask)[1][-1])
    for part in ("2. grasp", "subtask 1 is done", "subtasks 1 to 2 are done", "I saw it.", "2 in all"):
        assert part in text


def test_each_picture_is_told_its_kinds_its_spare_and_what_the_gripper_does() -> None:
    ask = questions((shot(), ("count", "bbox"), 1), (shot(index=20), ("spatial", "attribute", "count"), 2))
    text = str(words(ask)[1][-1])
    for part in (
        "The robot's task: Put the cup away.",
        "Picture 1: count (spare: bbox); ",
        "The sensors say: the gripper is open.",
        "Picture 2: spatial, attribute (spare: count); ",
        "The sensors say: the gripper is closed and holds something.",
        "in front of, behind",
        '"1": {"count": {...}, "bbox": null}, "2": {"spatial": {...}, "attribute": {...}, "count": null}',
    ):
        assert part in text
    assert "- keypoint" not in text, "a kind that nobody asked for"


def test_places_are_explained_only_where_they_are_asked_for() -> None:
    assert "Places are" not in str(words(questions((shot(), ("count", "spatial"), 1)))[1][-1])
    assert "Picture 1 is 640 wide and 480 high." in str(words(questions((shot(), ("bbox",), 1)))[1][-1])


def test_two_grippers_are_looked_for_by_name() -> None:
    one, two = (
        str(words(located(shot(), names=names))[1][-1])
        for names in (("gripper",), ("left gripper", "right gripper"))
    )
    assert "the tip of the gripper:" in one
    assert "robot's own" not in one
    assert "the tip of the left gripper and of the right gripper:" in two
    assert '{"1": {"left gripper": [x, y], "right gripper": [x, y]}}' in two


def test_an_interjection_is_told_what_comes_next_and_what_does_not() -> None:
    ask = Interject(
        episode=0,
        task="Put both cups away.",
        subtasks=("grasp the red cup", "release the red cup into the box", "grasp the blue cup"),
        moments=(Moment(2.5, 1, "specific_constraint"), Moment(4.0, 2, "negative_task")),
        said=("Well done.",),
    )
    text = str(words(ask)[1][-1])
    for part in (
        "Put both cups away.",
        "Moment 1, 2.5 s. Kind of request: specific constraint.",
        'begins: "release the red cup into the box"',
        "in its hand: the red cup",
        "has its turn only later: the blue cup",
        "Kind of request: negative task.",
        "not taken or moved from here on: the red cup, the box",
        "“Well done.”",
        "2 interjections in all",
    ):
        assert part in text
    assert "Around moment" not in text


def test_each_moment_is_shown_under_its_time() -> None:
    sheets: Any = Shown()
    moments = (Moment(2.5, 1, "encouragement", sheets), Moment(4.0, 2, "encouragement", sheets))
    ask = Interject(episode=0, task="", subtasks=("a", "b", "c"), moments=moments)
    parts = words(ask)[1]
    assert parts[:-1] == ["Around moment 1, at 2.5 s:", PICTURE, "Around moment 2, at 4.0 s:", PICTURE]


@pytest.mark.parametrize("task", ["Put the cup away.", ""])
def test_the_opening_knows_the_task_or_goes_without(task: str) -> None:
    ask = Interject(episode=0, task=task, subtasks=("grasp the cup", "lift the cup"), opens=True)
    text = str(words(ask)[1][-1])
    assert "1. grasp the cup" in text
    assert "moment" not in text
    assert ("Put the cup away." in text) == bool(task)
    assert "At most 20 words" in text


def test_an_override_takes_the_place_of_ours_and_changes_its_digest_only(tmp_path: Path) -> None:
    (tmp_path / "rephrase_task.md.j2").write_text("Say {{ ask.task }} in {{ ask.count }} ways.")
    ours, theirs = Prompts(), Prompts(tmp_path)
    ask = RephraseTask(episode=0, task="Lift it.", count=3)
    assert words(ask, theirs)[1] == ["Say Lift it. in 3 ways."]
    changed = {kind for kind in ask_kinds() if ours.digest(kind) != theirs.digest(kind)}
    assert changed == {RephraseTask}


def test_another_system_text_changes_every_digest(tmp_path: Path) -> None:
    (tmp_path / "system.md.j2").write_text("Be brief.")
    ours, theirs = Prompts(), Prompts(tmp_path)
    assert all(ours.digest(kind) != theirs.digest(kind) for kind in ask_kinds())


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("rephrase_task.md.j2", "{% if ask.task %}", ["rephrase_task.md.j2, line 1: Unexpected end"]),
        (
            "rephrase_task.md.j2",
            "{{ ask.task",
            ["line 1: unexpected end of template, expected 'end of print"],
        ),
        ("rephrase_task.md.j2", "a\n{{ ask.tusk }}", ["rephrase_task.md.j2", "line 2", "tusk", "task"]),
        ("rephrase.md.j2", "hello", ["rephrase.md.j2", "rephrase_task.md.j2"]),
        ("notes.txt", "hello", ["no template"]),
    ],
)
def test_a_malformed_override_is_refused_before_anything_is_asked(
    tmp_path: Path, name: str, text: str, named: list[str]
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError) as caught:
        Prompts(tmp_path)
    assert all(part in str(caught.value) for part in named)
    assert str(tmp_path) in str(caught.value)
    assert ".." not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        (
            "rephrase_task",
            "a\nb\n{{ ask.task.colour.name }}",
            "line 3: 'str object' has no attribute 'colour'",
        ),
        ("system", "Be {{ manner }}.", "line 1: 'manner' is undefined"),
        ("describe_episode", "{{ ask.start / 0 }}", "line 1: float division by zero"),
        (
            "interject",
            "{% for m in ask.moments %}\n{{ m.label }}{% endfor %}",
            "line 2: .* no attribute 'label'",
        ),
        ("segment_episode", "{{ '%d' | format(ask.events) }}", "line 1: %d format"),
        ("imagine_dialogues", "{% if ask.occasions %}{{ ask.occasions[7].task }}{% endif %}", "line 1: "),
    ],
)
def test_a_template_that_breaks_only_when_it_is_filled_in_is_refused_before_anything_is_asked(
    tmp_path: Path, name: str, text: str, named: str
) -> None:
    (tmp_path / f"{name}.md.j2").write_text(text)
    with pytest.raises(SettingsError, match=rf"{name}\.md\.j2, {named}.*Mend"):
        Prompts(tmp_path)


def test_our_own_templates_can_be_filled_in_with_all_samples(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "src/roboscribe/prompts"
    for template in folder.glob("*.j2"):
        (tmp_path / template.name).write_text(template.read_text())
    Prompts(tmp_path)
    asks = sample_asks()
    assert {type(ask) for ask in asks} == set(ask_kinds())
    assert all(ask.look() for ask in asks if isinstance(ask, LocateGripper))


def test_what_samples_do_not_show_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "rephrase_task.md.j2").write_text(
        "{% if ask.count == 77 %}{{ ask.task.colour }}!{{ 1 / 0 }}{% endif %}"
    )
    with pytest.raises(RunStopped, match=r"rephrase_task.md.j2, line 1: .*'colour'\. Mend"):
        words(RephraseTask(episode=0, task="Lift it.", count=77), Prompts(tmp_path))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such folder"):
        Prompts(tmp_path / "nowhere")
