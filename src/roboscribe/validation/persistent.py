"""Rules for what is done and asked for: subtask, plan, task_aug."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from roboscribe.english.task import is_placeholder
from roboscribe.english.texts import wording
from roboscribe.validation.base import EpisodeView, Problem, at, quoted, rule

MOST_LABEL_WORDS = 12

_NO_COMMAND = re.compile(r"(?:the|an?|it|i|he|she|they|robot|this|there)\b|\w+ing\b", re.IGNORECASE)
_VERBS_IN_ING = re.compile(r"(?:bring|string|swing|ring|fling|cling|sing|spring|wring)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"(\d+)\. (\S.*)")


@rule("subtask.cover", "subtask")
def subtask_cover(view: EpisodeView) -> Iterator[Problem]:
    """The first subtask starts with the episode, so that subtasks cover it."""
    first = view.of_style("subtask")[0]
    if first.timestamp != view.start:
        yield Problem(
            first.timestamp,
            f"The first subtask {quoted(first.content)} starts {at(first.timestamp)};"
            " no subtask is in force before.",
            f"Start it at the first frame ({view.start!r}), or add a subtask there.",
        )


@rule("subtask.span", "subtask")
def subtask_span(view: EpisodeView) -> Iterator[Problem]:
    """Subtasks start one after the other; none is empty."""
    for one, other in pairwise(view.of_style("subtask")):
        if one.timestamp == other.timestamp:
            yield Problem(
                one.timestamp,
                f"Two subtasks start {at(one.timestamp)}: {quoted(one.content)} and {quoted(other.content)}.",
                "Remove one of them, or move it to another frame.",
            )


@rule("subtask.line", "subtask")
def subtask_line(view: EpisodeView) -> Iterator[Problem]:
    """A subtask is one line: plans list one to a line."""
    for row in view.of_style("subtask"):
        if row.content and len(row.content.splitlines()) > 1:
            yield Problem(
                row.timestamp,
                f"The subtask {quoted(row.content)} {at(row.timestamp)} has several lines.",
                "Write it on one line.",
            )


@rule("subtask.repeat", "subtask", severity="warning")
def subtask_repeat(view: EpisodeView) -> Iterator[Problem]:
    """Neighbouring subtasks differ."""
    for one, other in pairwise(view.of_style("subtask")):
        if one.content == other.content and one.timestamp != other.timestamp:
            yield Problem(
                other.timestamp,
                f"The subtask {quoted(other.content)} {at(other.timestamp)} is the same as the one before.",
                "Join the two, or say how they differ.",
            )


@rule("subtask.label", "subtask", severity="warning")
def subtask_label(view: EpisodeView) -> Iterator[Problem]:
    """A subtask is a short command, such as "pick up the red cup"."""
    for row in view.of_style("subtask"):
        label = (row.content or "").strip()
        words = len(label.split())
        if words > MOST_LABEL_WORDS:
            yield Problem(
                row.timestamp,
                f"The subtask {quoted(label)} {at(row.timestamp)} has {words} words.",
                f"Say it in at most {MOST_LABEL_WORDS}.",
            )
        elif label.endswith("?") or (_NO_COMMAND.match(label) and not _VERBS_IN_ING.match(label)):
            yield Problem(
                row.timestamp,
                f"The subtask {quoted(label)} {at(row.timestamp)} does not read as a command.",
                "Begin with the verb: “pick up the red cup”.",
            )


@rule("persistent.single", "plan", "memory", "motion")
def single(view: EpisodeView) -> Iterator[Problem]:
    """At any moment one plan, one memory and one motion are in force."""
    for style in ("plan", "memory", "motion"):
        for one, other in pairwise(view.of_style(style)):
            if one.timestamp == other.timestamp:
                yield Problem(
                    one.timestamp,
                    f"There are two {style} rows {at(one.timestamp)}.",
                    "Keep the one that is right.",
                )


@rule("plan.cover", "plan")
def plan_cover(view: EpisodeView) -> Iterator[Problem]:
    """There is a plan at the start and at every subtask boundary."""
    plans = set(view.times("plan"))
    for time in dict.fromkeys((view.start, *view.times("subtask"))):
        if time not in plans:
            what = "the episode" if time == view.start else "a subtask"
            yield Problem(
                time,
                f"There is no plan {at(time)}, where {what} starts.",
                "Add a plan row there that lists the remaining subtasks.",
            )


@rule("plan.place", "plan", severity="warning")
def plan_place(view: EpisodeView) -> Iterator[Problem]:
    """A plan changes only at the start, at a subtask boundary or at an interjection."""
    places = {view.start, *view.times("subtask"), *view.times("interjection")}
    for row in view.of_style("plan") if view.of_style("subtask") else ():
        if row.timestamp not in places:
            yield Problem(
                row.timestamp,
                f"The plan {at(row.timestamp)} is at no subtask boundary and no interjection.",
                "Move it to the boundary it belongs to, or remove it.",
            )


@rule("plan.lines", "plan")
def plan_lines(view: EpisodeView) -> Iterator[Problem]:
    """A plan is a list of lines numbered `1. …`, `2. …`."""
    for row in view.of_style("plan"):
        if row.content and plan_steps(row.content) is None:
            yield Problem(
                row.timestamp,
                f"The plan {quoted(row.content)} {at(row.timestamp)} is not a list numbered from 1.",
                "Write one subtask a line: “1. …”, “2. …”.",
            )


@rule("plan.remaining", "plan")
def plan_remaining(view: EpisodeView) -> Iterator[Problem]:
    """A plan lists the subtask under way and those after it, word for word."""
    subtasks = view.of_style("subtask")
    if not subtasks:
        return
    for row in view.of_style("plan"):
        steps = plan_steps(row.content or "")
        under_way = sum(subtask.timestamp <= row.timestamp for subtask in subtasks) - 1
        remaining = [subtask.content for subtask in subtasks[max(0, under_way) :]]
        if steps is not None and steps != remaining:
            yield Problem(
                row.timestamp,
                f"The plan {at(row.timestamp)} lists {_difference(steps, remaining)}.",
                "List the remaining subtasks, the one under way first; annotating with plan enabled does so.",
            )


def plan_steps(plan: str) -> list[str] | None:
    """The steps of a plan; None when it is not a list numbered from 1."""
    steps: list[str] = []
    for number, line in enumerate(plan.split("\n"), 1):
        match = _NUMBERED.fullmatch(line)
        if match is None or match[1] != str(number):
            return None
        steps.append(match[2])
    return steps


def _difference(steps: list[str], remaining: list[str | None]) -> str:
    for number, (step, subtask) in enumerate(zip(steps, remaining, strict=False), 1):
        if step != subtask:
            return f"{quoted(step)} as step {number}, where the subtask is {quoted(subtask)}"
    return f"{len(steps)} steps, but {len(remaining)} subtasks remain"


@rule("task_aug.place", "task_aug")
def task_aug_place(view: EpisodeView) -> Iterator[Problem]:
    """Every rephrasing of the task lies at the start."""
    for row in view.of_style("task_aug"):
        if row.timestamp != view.start:
            yield Problem(
                row.timestamp,
                f"The task_aug row {quoted(row.content)} lies {at(row.timestamp)}.",
                f"Move it to the first frame ({view.start!r}).",
            )


@rule("task_aug.first", "task_aug", severity="warning")
def task_aug_first(view: EpisodeView) -> Iterator[Problem]:
    """The first of the rephrasings is the task itself, unless that is a mere placeholder."""
    first = view.of_style("task_aug")[0]
    if not is_placeholder(view.task) and first.content not in {*view.tasks, view.task}:
        task = quoted(view.task)
        yield Problem(
            first.timestamp,
            f"The first task_aug row is {quoted(first.content)}, not the task {task}.",
            "Put the original task first.",
        )


@rule("task_aug.duplicate", "task_aug", severity="warning")
def task_aug_duplicate(view: EpisodeView) -> Iterator[Problem]:
    """No two rephrasings differ in case, spacing and end punctuation only."""
    seen: set[str] = set()
    for row in view.of_style("task_aug"):
        key = wording(row.content or "")
        if key in seen:
            yield Problem(
                row.timestamp,
                f"The task_aug row {quoted(row.content)} says what another one says.",
                "Remove one of them.",
            )
        seen.add(key)


RULES = (
    subtask_cover,
    subtask_span,
    subtask_line,
    subtask_repeat,
    subtask_label,
    single,
    plan_cover,
    plan_place,
    plan_lines,
    plan_remaining,
    task_aug_place,
    task_aug_first,
    task_aug_duplicate,
)
