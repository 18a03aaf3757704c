"""The report says what was found, by rule to people and one by one to programs."""

import json
from dataclasses import replace

from roboscribe.validation import Finding, Report

PLAN = Finding(
    7, "plan.cover", "error", 2.5, "There is no plan at 2.50 s, where a subtask starts.", "Add one."
)
LABEL = Finding(
    7, "subtask.label", "warning", 1.0, "The subtask “the cup” is no command.", "Begin with the verb."
)
FILE = Finding(None, "file.tools", "error", None, "Nothing describes say.", "Annotate again.")
EARLY = Finding(2, "subtask.cover", "error", 0.5, "No subtask is in force before 0.50 s.", "Add one.")


def test_text_is_grouped_by_rule_with_errors_and_the_dataset_first() -> None:
    report = Report.of([LABEL, PLAN, replace(PLAN, episode=8, time=0.5), EARLY, FILE], episodes=10)
    assert report.to_text() == "\n".join(
        [
            "error file.tools",
            "  Nothing describes say.",
            "    → Annotate again.",
            "error plan.cover, 2 times in episodes 7-8",
            "  episode 7: There is no plan at 2.50 s, where a subtask starts.",
            "  episode 8, 0.50 s: There is no plan at 2.50 s, where a subtask starts.",
            "    → Add one.",
            "error subtask.cover",
            "  episode 2: No subtask is in force before 0.50 s.",
            "    → Add one.",
            "warning subtask.label",
            "  episode 7, 1.00 s: The subtask “the cup” is no command.",
            "    → Begin with the verb.",
            "4 errors and 1 warning in 3 of 10 episodes.",
        ]
    )


def test_of_hundreds_of_findings_some_are_told_and_all_are_counted() -> None:
    many = [replace(PLAN, episode=index, fix=f"Add one to {index}.") for index in range(0, 600, 3)]
    report = Report.of([*many, FILE], episodes=600)
    assert report.to_text().splitlines()[3:] == [
        "error plan.cover, 200 times in episodes 0 and 199 others",
        *(
            line
            for index in range(0, 15, 3)
            for line in (
                f"  episode {index}: There is no plan at 2.50 s, where a subtask starts.",
                f"    → Add one to {index}.",
            )
        ),
        "  … and 195 more; --all tells every one.",
        "201 errors in 200 of 600 episodes.",
    ]
    assert len(report.to_text(every=True).splitlines()) == 3 + 1 + 2 * 200 + 1


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
