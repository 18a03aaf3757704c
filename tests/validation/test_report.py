"""The report says what was found, by episode, to people and to programs."""

import json

from roboscribe.validation import Finding, Report

PLAN = Finding(
    7, "plan.cover", "error", 2.5, "There is no plan at 2.50 s, where a subtask starts.", "Add one."
)
LABEL = Finding(
    7, "subtask.label", "warning", 1.0, "The subtask “the cup” is no command.", "Begin with the verb."
)
FILE = Finding(None, "file.tools", "error", None, "Nothing describes say.", "Annotate again.")
EARLY = Finding(2, "subtask.cover", "error", 0.5, "No subtask is in force before 0.50 s.", "Add one.")


def test_text_is_grouped_by_episode_with_errors_first() -> None:
    report = Report.of([LABEL, PLAN, EARLY, FILE], episodes=10)
    assert report.to_text() == "\n".join(
        [
            "dataset",
            "  error file.tools: Nothing describes say.",
            "    → Annotate again.",
            "episode 2",
            "  error 0.50 s subtask.cover: No subtask is in force before 0.50 s.",
            "    → Add one.",
            "episode 7",
            "  error 2.50 s plan.cover: There is no plan at 2.50 s, where a subtask starts.",
            "    → Add one.",
            "  warning 1.00 s subtask.label: The subtask “the cup” is no command.",
            "    → Begin with the verb.",
            "3 errors and 1 warning in 2 of 10 episodes.",
        ]
    )


def test_errors_and_warnings_are_told_apart() -> None:
    report = Report.of([LABEL, PLAN], episodes=1)
    assert report.errors == (PLAN,)
    assert report.warnings == (LABEL,)
    assert report.summary == "1 error and 1 warning in 1 of 1 episode."


def test_summaries() -> None:
    assert Report.of([], episodes=20).to_text() == "20 episodes checked, nothing found."
    assert Report.of([], episodes=1).summary == "1 episode checked, nothing found."
    assert Report.of([FILE], episodes=4).summary == "1 error about the dataset as a whole."
    assert Report.of([LABEL, LABEL], episodes=4).summary == "2 warnings in 1 of 4 episodes."


def test_json_lines_hold_every_field() -> None:
    lines = Report.of([PLAN, FILE], episodes=10).to_json_lines().splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "episode": None,
            "rule": "file.tools",
            "severity": "error",
            "time": None,
            "message": "Nothing describes say.",
            "fix": "Annotate again.",
        },
        {
            "episode": 7,
            "rule": "plan.cover",
            "severity": "error",
            "time": 2.5,
            "message": "There is no plan at 2.50 s, where a subtask starts.",
            "fix": "Add one.",
        },
    ]
    assert Report.of([], episodes=3).to_json_lines() == ""


def test_the_order_of_findings_does_not_depend_on_the_order_given() -> None:
    findings = [PLAN, LABEL, FILE, EARLY]
    assert Report.of(findings, 9) == Report.of(findings[::-1], 9)
