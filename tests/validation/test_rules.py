"""Every rule finds its own breaches, alone, and lets what is nearly one pass."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from validation.cases import events, memory, motion, names, persistent, rows, trace, vqa
from validation.valid import ROWS, Case, Cases, episodes, plan, row, t, view, without

from roboscribe.validation import RULES, EpisodeView, Finding, check_episode

CASES = (rows, persistent, memory, motion, events, vqa, trace, names)
"""Cases of the rules of the module of the same name."""


def each(tables: Iterable[Cases]) -> list[Any]:
    """Rule and case of each, named for the test report."""
    return [
        pytest.param(rule, case, id=f"{rule}-{number}")
        for table in tables
        for rule, cases in table.items()
        for number, case in enumerate(cases)
    ]


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


BREACHES = each(module.BREACHES for module in CASES)
NEAR_MISSES = each(module.NEAR_MISSES for module in CASES)


def episode(case: Case) -> EpisodeView:
    """The episode, or the valid one with these rows in place of its own."""
    return case if isinstance(case, EpisodeView) else view(case)


def findings(case: Case) -> list[Finding]:
    """What is found about an episode."""
    return check_episode(episode(case))


def broken(case: Case) -> set[str]:
    """Rules that find something."""
    return {finding.rule for finding in findings(case)}


def test_the_valid_episode_breaks_no_rule() -> None:
    assert findings(ROWS) == []


def test_an_episode_without_rows_breaks_no_rule() -> None:
    assert findings([]) == []


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(episodes())
def test_no_valid_episode_breaks_a_rule(episode: EpisodeView) -> None:
    assert findings(episode) == []


@pytest.mark.parametrize(("rule", "case"), BREACHES)
def test_a_breach_is_found_by_its_rule_alone(rule: str, case: Case) -> None:
    assert broken(case) == {rule}


@pytest.mark.parametrize(("rule", "case"), NEAR_MISSES)
def test_what_is_nearly_a_breach_is_let_pass(rule: str, case: Case) -> None:
    assert broken(case) == set()


@pytest.mark.parametrize("module", CASES, ids=_name)
def test_every_rule_has_breaches_and_near_misses(module: ModuleType) -> None:
    rules = import_module(f"roboscribe.validation.{_name(module)}").RULES
    ids = {rule.id for rule in rules}
    assert ids == module.BREACHES.keys() == module.NEAR_MISSES.keys()
    for rule in rules:
        styles = set[str | None]().union(*(episode(case).by_style for case in module.NEAR_MISSES[rule.id]))
        assert not rule.styles or rule.styles & styles, f"no near miss is about {rule.id}"


def test_every_rule_has_an_id_and_a_sentence() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    for rule in RULES:
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", rule.id)
        assert rule.doc.endswith(".")
        assert rule.doc[0].isupper() or rule.doc[0] == "`"


def test_warnings_do_not_stop_an_episode() -> None:
    warnings = {rule.id for rule in RULES if rule.severity == "warning"}
    assert warnings == {
        "row.style",
        *("subtask.repeat", "subtask.label", "plan.place", "memory.cover", "memory.person", "motion.cover"),
        *("speech.place", "speech.length", "interjection.place", "interjection.duplicate"),
        *("interjection.planless", "interjection.fits"),
        *("memory.past", "memory.outcome", "memory.attribute", "label.drift"),
        *("motion.primitive", "vqa.question", "vqa.keys", "task_aug.first", "task_aug.duplicate"),
    }


@pytest.mark.parametrize(("rule", "case"), BREACHES)
def test_a_finding_says_what_where_and_what_to_do(rule: str, case: Case) -> None:
    for finding in findings(case):
        assert finding.episode == 3
        for sentence in (finding.message, finding.fix):
            assert sentence[0].isupper() or not sentence[0].isalpha()
            assert sentence.endswith((".", ".”"))
            assert "None" not in sentence
        assert len(finding.message) < 200


def test_a_breach_is_dated_at_its_moment() -> None:
    def dated(case: Case) -> list[tuple[str, float | None]]:
        return [(finding.rule, finding.time) for finding in findings(case)]

    rows = [r for r in ROWS if (r.style, r.timestamp) != ("plan", t(60))]
    assert dated(rows) == [("plan.cover", t(60))]
    rows = [
        replace(r, content=plan("wait")) if (r.style, r.timestamp) == ("plan", t(60)) else r for r in ROWS
    ]
    assert dated(rows) == [("plan.remaining", t(60))]
    assert dated(view(without("memory"), expected=frozenset({"memory"}))) == [("episode.expected", None)]


def test_a_timestamp_that_is_not_a_number_is_found() -> None:
    assert broken([row("trace", "[[1, 2]]", timestamp=math.nan)]) == {"row.timestamp"}


def test_the_nearest_frame_is_offered() -> None:
    [finding] = findings([row("trace", "[[1, 2]]", timestamp=1 / 30)])
    assert repr(t(1)) in finding.fix


def test_order_of_rows_does_not_matter() -> None:
    assert findings(ROWS[::-1]) == [
        # Of the rephrasings, which all lie at the start, the first must be the task.
        Finding(
            3,
            "task_aug.first",
            "warning",
            0.0,
            "The first task_aug row is “Please put the cup in the box.”, not the task “Put the cup in the box.”.",
            "Put the original task first.",
        )
    ]


def test_every_style_that_is_missing_is_named() -> None:
    missing = findings(view([], expected=frozenset({None, "plan"})))
    assert [finding.message for finding in missing] == [
        "There are no plan rows.",
        "There are no speech rows.",
    ]


def test_a_thing_that_drifts_is_told_once_for_each_pair_of_names() -> None:
    labels = ["pick up the cube", "lift the block", "move the block", "release the cube"]
    [finding] = findings(names.labelled(*labels))
    assert (finding.rule, finding.time) == ("label.drift", t(9))
    assert finding.message == "What is “cube” at 0.00 s is “block” at 0.30 s."


def test_a_text_that_is_no_primitive_is_told_once() -> None:
    rows = [row("motion", text, frame) for frame, text in ((0, "make tea"), (5, "lift"), (9, "make tea"))]
    assert [finding.rule for finding in findings(rows)] == ["motion.primitive"]
