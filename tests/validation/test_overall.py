"""What is counted over all episodes: kinds of question in balance, and rows that were written and are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from validation.valid import ROWS, view, vqa, without

from roboscribe.language import Row
from roboscribe.validation import OVERALL_RULES, Overview, Recorded
from roboscribe.validation.overall import KINDS, balance

COUNT = {"label": "cup", "count": 1}
COLOUR = {"label": "cup", "attribute": "colour", "value": "red"}


def of_camera(camera: str, answers: dict[str, int]) -> list[tuple[str, str, int]]:
    return [(camera, kind, count) for kind, count in answers.items()]


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ({}, KINDS),
        ({"count": 500}, ("count",)),
        ({"count": 19, "bbox": 1}, KINDS),
        ({"count": 30, "bbox": 40, "spatial": 25}, ("count", "bbox", "spatial")),
        ({"count": 39}, ("count", "bbox")),
    ],
)
def test_kinds_are_in_balance_or_too_few_to_tell(answers: dict[str, int], wanted: tuple[str, ...]) -> None:
    assert list(balance(of_camera("top", answers), wanted)) == []


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ({"count": 500}, KINDS),
        ({"count": 60, "bbox": 50, "spatial": 9}, ("count", "bbox", "spatial")),
        ({"count": 130, "bbox": 20, "spatial": 25}, ("count", "bbox", "spatial")),
        ({"count": 50}, ("count", "bbox")),
    ],
)
def test_kinds_out_of_balance_are_a_warning_about_the_dataset(
    answers: dict[str, int], wanted: tuple[str, ...]
) -> None:
    [finding] = balance(of_camera("top", answers), wanted)
    assert (finding.rule, finding.severity, finding.episode) == ("vqa.balance", "warning", None)
    for kind, count in answers.items():
        assert f"{kind} {count}" in finding.message


def test_each_camera_is_judged_on_its_own() -> None:
    answers = of_camera("top", {"count": 60, "bbox": 9}) + of_camera("wrist", {"count": 9, "bbox": 60})
    found = [finding.message for finding in balance(answers, ("count", "bbox"))]
    assert found == [
        "Visual answers of top are out of balance (bbox 9, count 60).",
        "Visual answers of wrist are out of balance (bbox 60, count 9).",
    ]


def test_what_was_asked_is_what_the_record_tells_or_all() -> None:
    asked = Recorded("vqa", frozenset({"vqa"}), frozenset(range(12)), {}, ("count",))
    for recorded, rules in (((), ["vqa.balance"]), ((asked,), [])):
        overview = Overview(recorded)
        for index in range(12):
            overview.see(view([row for frame in range(9) for row in vqa(COUNT, frame)], index=index))
        assert [finding.rule for finding in overview.findings()] == rules


def test_kinds_are_counted_over_episodes() -> None:
    overview = Overview()
    for index in range(12):
        rows = [row for frame in range(9) for row in vqa(COUNT if frame else COLOUR, frame)]
        overview.see(view(rows, index=index))
    [finding] = overview.findings()
    assert "attribute 12, bbox 0, count 96" in finding.message


def recorded(style: str, *rows: int) -> Recorded:
    """What was written into episodes 0, 1, …"""
    each = dict(enumerate(rows))
    return Recorded(style, frozenset({style}), frozenset(each), each)


def rules(overview: Overview, rows: Sequence[Row] = ROWS) -> list[str]:
    for index in range(3):
        overview.see(view(rows, index=index))
    return [finding.rule for finding in overview.findings()]


@pytest.mark.parametrize(
    ("style", "rows"), [("memory", 1), ("vqa", 10), ("trace", 2), ("motion", 2), ("interjection", 1)]
)
def test_rows_of_the_record_are_there_or_missed(style: str, rows: int) -> None:
    assert rules(Overview([recorded(style, rows, rows, rows)])) == []
    # One lost and one too many do not make up for each other.
    assert rules(Overview([recorded(style, rows + 1, rows - 1, rows)])) == ["record.rows"]
    assert rules(Overview([recorded(style, rows, rows, rows + 1)])) == ["record.rows"]
    # Of an episode that was not looked at nothing can be told.
    assert rules(Overview([recorded(style, rows, rows, rows, rows)])) == []
    assert rules(Overview([recorded(style, rows, rows, rows)]), without(style)) == ["record.rows"]
    # Nor of one of which an older record tells no number.
    assert rules(Overview([Recorded(style, frozenset({style}), frozenset({0, 1, 2}), {})])) == []


def test_episodes_with_other_rows_are_named() -> None:
    overview = Overview([recorded("memory", 1, 2, 1, 4)])
    for index in (0, 1, 3):
        overview.see(view(ROWS, index=index))
    [finding] = overview.findings()
    told = "In episode 1 the run record counts 2 rows of memory, the data 1; they differ in 3, too."
    assert finding.message == told


def test_what_is_expected_of_an_episode_is_what_was_written_into_it() -> None:
    speech = Recorded("interjections", frozenset({None, "interjection"}), frozenset({1}), {1: 2})
    overview = Overview([recorded("memory", 1, 1), speech])
    assert overview.expected(0) == {"memory"}
    assert overview.expected(1) == {"memory", "interjection", None}
    assert overview.expected(2) == frozenset()


def test_episodes_without_rows_among_others_are_told() -> None:
    overview = Overview()
    for index in range(6):
        overview.see(view(ROWS if index in (1, 5) else (), index=index))
    [finding] = overview.findings()
    assert (finding.rule, finding.severity) == ("dataset.bare", "warning")
    assert "4 of 6 episodes have no language rows: 0 2-4." in finding.message
    assert rules(Overview(), ()) == []


def unlike(styles: Sequence[str | None], episodes: Sequence[int], **fields: Any) -> list[str]:
    """Messages about six episodes, of which some lack these styles and the last has no rows at all."""
    overview = Overview()
    for index in range(6):
        rows = () if index == 5 else without(*styles) if index in episodes else ROWS
        overview.see(view(rows, index=index, **fields))
    return [finding.message for finding in overview.findings() if finding.rule == "dataset.style"]


def test_a_style_that_most_episodes_have_is_missed_in_the_others() -> None:
    assert unlike(["plan", None], [1, 3]) == [
        "2 of 5 annotated episodes have no plan rows: 1 3.",
        "2 of 5 annotated episodes have no speech rows: 1 3.",
    ]


def test_a_style_that_few_have_or_some_may_lack_is_not_missed() -> None:
    assert unlike(["plan"], [0, 1, 3]) == []
    assert unlike(["memory", "interjection", "vqa", "trace"], [1]) == []
    assert unlike(["task_aug"], [1], tasks=("debug",)) == []
    # Where it was made for the episode, another rule misses it.
    assert unlike(["plan"], [1], expected=frozenset({"plan"})) == []


def test_rules_are_described() -> None:
    assert all(doc.endswith(".") for doc in OVERALL_RULES.values())
