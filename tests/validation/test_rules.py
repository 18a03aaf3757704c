"""Every rule lets the valid episode pass and finds its own breach."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from validation.valid import BOX, ROWS, TOP, episodes, plan, row, t, view, vqa, without

from roboscribe.language import Row, say
from roboscribe.validation import RULES, EpisodeView, Finding, check_episode


def found(rows: Sequence[Row], **fields: Any) -> list[tuple[str, float | None]]:
    """Rule and time of each finding about the valid episode with these rows."""
    return [(finding.rule, finding.time) for finding in check_episode(view(rows, **fields))]


def only(*rows: Row, **fields: Any) -> list[str]:
    """Rules that find something about an episode of nothing but these rows."""
    return [rule for rule, _ in found(rows, **fields)]


def test_the_valid_episode_breaks_no_rule() -> None:
    assert check_episode(view()) == []


def test_an_episode_without_rows_breaks_no_rule() -> None:
    assert only() == []


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(episodes())
def test_no_valid_episode_breaks_a_rule(episode: EpisodeView) -> None:
    assert check_episode(episode) == []


def speech(**call: Any) -> Row:
    function = {"name": "say", "arguments": {"text": "Hello."}}
    return replace(say("", t(0)), tool_calls=({"type": "function", "function": function} | call,))


def arguments(value: Any, name: str = "say") -> Row:
    return speech(function={"name": name, "arguments": value})


STYLED = {f"{r.style}": r for r in ROWS}
PLAN = plan("pick up the cup", "put the cup in the box")
LONG = "pick up the red cup that stands beside the blue one on the table"

COUNT = {"label": "cup", "count": 2}
COLOR = {"label": "cup", "attribute": "color", "value": "red"}
PLACE = {"subject": "cup", "relation": "on", "object": "table"}

# Rows that break a rule, by the rule; each list breaks that rule only. A style is left out where it
# would be at odds with the change.
BREACHES: dict[str, list[list[Row]]] = {
    "row.timestamp": [
        [row("motion", "lift the arm", timestamp=0.0), row("motion", "stop", timestamp=1.23456)],
        [row("motion", "lift the arm"), row("motion", "stop", timestamp=1 / 30)],
        [row("motion", "lift the arm"), row("motion", "stop", timestamp=99.0)],
        [row("motion", "lift the arm"), row("motion", "stop", timestamp=math.inf)],
    ],
    "row.style": [[row("mood", "happy")], [row("", "nothing")]],
    "row.role": [
        [row("subtask", "pick up the cup", role="user")],
        [row("task_aug", "Put the cup in the box.", role="assistant")],
        [row("motion", "lift the arm", role="system")],
        [replace(say("Hello.", t(0)), role="user")],
    ],
    "row.content": [
        [row("subtask", "  ")],
        [row("motion", None)],
        [replace(say("Hello.", t(0)), content="Hello.")],
    ],
    "row.tool_calls": [[row("motion", "lift the arm", tool_calls=({"type": "function"},))]],
    "row.tool": [[arguments({"text": "Hi."}, name="shout")]],
    "row.camera": [
        [row("motion", "lift the arm", camera=TOP)],
        [row("trace", "[[1, 2]]", camera=None)],
        [row("trace", "[[1, 2]]", camera="observation.images.side")],
    ],
    "row.duplicate": [[row("trace", "[[1, 2]]"), row("trace", "[[1, 2]]")]],
    "subtask.cover": [[row("subtask", "pick up the cup", 1)]],
    "subtask.span": [[row("subtask", "pick up the cup"), row("subtask", "wipe the table")]],
    "subtask.line": [[row("subtask", "pick up\nthe cup")]],
    "subtask.repeat": [[row("subtask", "wait"), row("subtask", "wait", 9)]],
    "subtask.label": [
        [row("subtask", LONG)],
        [row("subtask", "the cup is picked up")],
        [row("subtask", "picking up the cup")],
        [row("subtask", "where is the cup?")],
    ],
    "persistent.single": [[row("motion", "lift the arm"), row("motion", "lower the arm")]],
    "plan.cover": [
        [row("plan", plan("wait"), 5)],
        [
            r
            for r in without("interjection", None, "memory")
            if (r.style, r.timestamp) not in [("plan", t(30)), ("plan", t(60))]
        ],
    ],
    "plan.place": [without("interjection", None)],
    "plan.lines": [
        [row("plan", text)]
        for text in (
            "wipe the table",
            "1) wipe the table",
            "1. wipe the table\n3. wait",
            "2. wait",
            "1. wait\n",
            "1. ",
        )
    ],
    "plan.remaining": [
        [row("subtask", "wait"), row("plan", plan("wipe the table"))],
        [row("subtask", "wait"), row("plan", plan("wait", "wipe the table"))],
        [
            row("subtask", "wait"),
            row("subtask", "stop", 9),
            row("plan", plan("wait")),
            row("plan", plan("stop"), 9),
        ],
    ],
    "memory.place": [
        [row("memory", "I waited.", 0)],
        [
            row("subtask", "wait"),
            row("subtask", "stop", 9),
            row("memory", "I waited.", 9),
            row("memory", "I did.", 8),
        ],
    ],
    "memory.cover": [
        [
            row("subtask", "wait"),
            row("subtask", "stop", 9),
            row("subtask", "go", 19),
            row("memory", "I waited.", 9),
        ]
    ],
    "memory.person": [[row("memory", "The robot picked up the cup.", 9)]],
    "memory.past": [
        [row("memory", text, 9)]
        for text in (
            "I took the cup and I'm going to put it down.",
            "I pick up the cup.",
            "I opened the drawer. Then I carefully place the cup in it.",
            "I am moving the cup to the box.",
        )
    ],
    "label.drift": [
        [row("subtask", "pick up the red cube"), row("subtask", "put the red block in the box", 9)],
        [row("subtask", "grasp the grey cup"), row("subtask", "lift the gray cup", 9)],
        [row("subtask", "grasp the mug"), *vqa({"label": "cup", "count": 1})],
        [row("subtask", "pick up the red cube"), row("subtask", "put the block in the box", 9)],
        [row("subtask", "pick up the brick"), row("subtask", "put the grey cube in the box", 9)],
        [
            row("subtask", "wipe the large table"),
            *vqa({"subject": "the cloth", "relation": "on", "object": "the big tabletop"}),
        ],
    ],
    "task_aug.place": [[row("task_aug", "Put the cup in the box."), row("task_aug", "Put it in.", 4)]],
    "task_aug.first": [[row("task_aug", "Please put the cup in the box.")]],
    "task_aug.duplicate": [
        [row("task_aug", "Put the cup in the box."), row("task_aug", " put the Cup in the  box ")]
    ],
    "motion.cover": [[row("motion", "lift the arm", 1)]],
    "motion.primitive": [
        [row("motion", text)]
        for text in ("pick up the red cup", "the weather is fine", "move to the cup", "left", "3")
    ],
    "interjection.speech": [[row("interjection", "Stop!", 30), row("plan", PLAN), row("plan", PLAN, 30)]],
    "interjection.plan": [
        [row("interjection", "Stop!", 30), say("Hi.", t(0)), say("Yes.", t(30)), row("plan", PLAN)]
    ],
    "interjection.planless": [[row("interjection", "Stop!", 30), say("Hi.", t(0)), say("Yes.", t(30))]],
    "interjection.single": [
        [row("interjection", text, 9) for text in ("Stop!", "Go!")]
        + [say("Hi.", t(0)), say("Yes.", t(9)), row("plan", PLAN), row("plan", PLAN, 9)]
    ],
    "interjection.place": [[row("interjection", "Go!"), say("Hi.", t(0)), row("plan", PLAN)]],
    "interjection.duplicate": [
        [
            *(row("interjection", text, frame) for text, frame in ((one, 9), (other, 19))),
            *(say("Hi.", t(frame)) for frame in (0, 9, 19)),
            *(row("plan", PLAN, frame) for frame in (0, 9, 19)),
        ]
        for one, other in (
            ("Go on!", " go  on"),
            ("Could you grab the cup, please?", "Grab the cup!"),
            ("Careful with it.", "Please be careful with it, robot."),
        )
    ],
    "interjection.fits": [
        [
            *(r for r in ROWS if r.timestamp != t(30)),
            *(row("interjection", text, 30), say("Okay.", t(30))),
            row("plan", plan("pick up the cup", "put the cup in the box"), 30),
        ]
        for text in ("Stop!", "Don't put the cup in the box.", "Pick up the spoon instead.")
    ],
    "speech.start": [
        [row("interjection", "Stop!", 30), say("Yes.", t(30)), row("plan", PLAN), row("plan", PLAN, 30)]
    ],
    "speech.place": [[say("Hi.", t(0)), say("Done.", t(50))]],
    "speech.single": [[say("Hi.", t(0)), say("Hello.", t(0))]],
    "speech.call": [
        [replace(say("Hi.", t(0)), tool_calls=None)],
        [replace(say("Hi.", t(0)), tool_calls=())],
        [replace(say("Hi.", t(0)), tool_calls=(*(say("Hi.", t(0)).tool_calls or ()),) * 2)],
        [replace(say("Hi.", t(0)), tool_calls=("say",))],  # type: ignore[arg-type]
        [speech(type="tool")],
        [speech(function="say")],
        [arguments('{"text": "Hi."}')],
        [arguments({})],
        [arguments({"text": "Hi.", "volume": 3})],
        [arguments({"text": 3})],
        [say(" ", t(0))],
    ],
    "speech.length": [[say("word " * 21, t(0))]],
    "vqa.pair": [vqa(BOX)[:1], vqa(BOX)[1:], [*vqa(BOX), row("vqa", "How many?", 10, role="user")]],
    "vqa.json": [
        vqa(text)
        for text in ("two", "", '{"label": "cup", "count": NaN}', "[1, 2]", '"two"', "{", "[" * 100_000)
        if text
    ],
    "vqa.schema": [
        vqa(answer)
        for answer in (
            {},
            {"answer": "two"},
            {"detections": {}},
            {"detections": ["cup"]},
            {"detections": [{"label": "cup", "bbox": [1, 2, 3, 4]}]},
            {"detections": [{"label": "cup", "bbox_format": "xywh", "bbox": [1, 2, 3, 4]}]},
            {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [1, 2, 3]}]},
            {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [1, 2, 3, "4"]}]},
            {"detections": [{"label": "", "bbox_format": "xyxy", "bbox": [1, 2, 3, 4]}]},
            {"label": "cup", "point": [1, 2]},
            {"label": "cup", "point_format": "xy", "point": [1, True]},
            {"label": "cup", "point_format": "xy", "point": 1},
            {"count": 1},
            {"label": "cup", "count": 1, "sure": "yes"},
            {"label": 7, "count": 1},
            {"label": "cup", "attribute": "colour", "value": 3},
            {"subject": "the cup", "relation": "left of"},
        )
    ],
    "vqa.bbox": [
        vqa({"detections": [BOX["detections"][0], {"label": "cup", "bbox_format": "xyxy", "bbox": box}]})
        for box in (
            [9999, -5, 0, 3],
            [5, 5, 5, 9],
            [9, 5, 5, 9],
            [5, 9, 9, 5],
            [-1, 0, 5, 5],
            [0, 0, 640.5, 5],
            [0, 0, 5, 481],
        )
    ],
    "vqa.point": [
        vqa({"label": "cup", "point_format": "xy", "point": point})
        for point in ([640, 0], [0, 480], [-0.1, 3])
    ],
    "vqa.question": [
        vqa(answer, question=question)
        for question, answer in (
            ("How many cups are there?", BOX),
            ("How many cups do you see?", COLOR),
            ("What color is the cup?", PLACE),
            ("Where is the cup?", COUNT),
            ("Point to the cup.", COUNT),
            ("Draw a bounding box around the cup.", COLOR),
        )
    ],
    "vqa.spatial": [vqa({"subject": "the cup", "relation": "left of", "object": "The cup "})],
    "vqa.count": [vqa({"label": "cup", "count": count}) for count in ("many", -1, 1.5, 2.0, True, None)],
    "trace.path": [
        [row("trace", text)]
        for text in (
            "",
            "left",
            "[]",
            "{}",
            "[[1, 2], [3]]",
            "[1, 2]",
            "[[1, 2], [3, NaN]]",
            "[[1, 2], [640, 3]]",
            '{"paths": []}',
            '{"paths": [[[1, 2]]]}',
            '{"paths": [{"label": "gripper", "points": [[1, 2]]}]}',
            '{"paths": [{"label": " ", "point_format": "xy", "points": [[1, 2]]}]}',
            '{"paths": [{"label": "gripper", "point_format": "yx", "points": [[1, 2]]}]}',
            '{"paths": [{"label": "gripper", "point_format": "xy", "points": []}]}',
            '{"paths": [{"label": "gripper", "point_format": "xy", "points": [[1, 480]]}]}',
            json.dumps({"paths": [{"label": "gripper", "point_format": "xy", "points": [[1, 2]]}] * 2}),
        )
        if text
    ],
    "trace.single": [[row("trace", "[[1, 2]]"), row("trace", "[[1, 3]]")]],
}


@pytest.mark.parametrize(
    ("rule", "rows"), [(rule, rows) for rule, cases in BREACHES.items() for rows in cases]
)
def test_a_breach_is_found_by_its_rule_alone(rule: str, rows: list[Row]) -> None:
    assert set(only(*rows)) == {rule}


def test_every_rule_has_a_breach_an_id_and_a_sentence() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert {*BREACHES, "episode.expected"} == set(ids)
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
        *("memory.past", "label.drift", "motion.primitive", "vqa.question"),
    }


@pytest.mark.parametrize(("rule", "rows"), [(rule, cases[0]) for rule, cases in BREACHES.items()])
def test_a_finding_says_what_where_and_what_to_do(rule: str, rows: list[Row]) -> None:
    finding = next(finding for finding in check_episode(view(rows)) if finding.rule == rule)
    assert finding.episode == 3
    for sentence in (finding.message, finding.fix):
        assert sentence[0].isupper() or not sentence[0].isalpha()
        assert sentence.endswith((".", ".”"))
        assert "None" not in sentence
    assert len(finding.message) < 200


def test_a_breach_is_dated_at_its_moment() -> None:
    rows = [r for r in ROWS if (r.style, r.timestamp) != ("plan", t(60))]
    assert found(rows) == [("plan.cover", t(60))]
    rows = [
        replace(r, content=plan("wait")) if (r.style, r.timestamp) == ("plan", t(60)) else r for r in ROWS
    ]
    assert found(rows) == [("plan.remaining", t(60))]
    assert found(without("memory"), expected=frozenset({"memory"})) == [("episode.expected", None)]


def test_a_timestamp_that_is_not_a_number_is_found() -> None:
    assert only(row("trace", "[[1, 2]]", timestamp=math.nan)) == ["row.timestamp"]


def test_the_nearest_frame_is_offered() -> None:
    [finding] = [
        f
        for f in check_episode(view([row("trace", "[[1, 2]]", timestamp=1 / 30)]))
        if f.rule == "row.timestamp"
    ]
    assert repr(t(1)) in finding.fix


def test_order_of_rows_does_not_matter() -> None:
    assert check_episode(view(ROWS[::-1])) == [
        # Of the rephrasings, which all lie at the start, the first must be the task.
        Finding(
            3,
            "task_aug.first",
            "error",
            0.0,
            "The first task_aug row is “Please put the cup in the box.”, not the task “Put the cup in the box.”.",
            "Put the original task first.",
        )
    ]


EVERYTHING = frozenset(
    {"subtask", "plan", "memory", "motion", "task_aug", "vqa", "interjection", "trace", None}
)


def test_what_was_made_for_an_episode_must_be_there() -> None:
    assert found(ROWS, expected=EVERYTHING) == []
    for style in ("subtask", "plan", "memory", "task_aug", None):
        assert ("episode.expected", None) in found(without(style), expected=EVERYTHING)
    messages = [finding.message for finding in check_episode(view([], expected=frozenset({None, "plan"})))]
    assert messages == ["There are no plan rows.", "There are no speech rows."]


def test_nothing_is_expected_that_an_episode_may_be_without() -> None:
    single = [row("subtask", "wait"), row("plan", plan("wait"))]
    assert found(single, expected=frozenset({"subtask", "memory"})) == []
    for task in ("", "debug", "test 3"):
        assert found(single, expected=frozenset({"task_aug"}), tasks=(task,)) == []
    assert found(single, expected=frozenset({"vqa", "motion", "trace", "interjection"})) == []


def test_several_tasks_are_joined_or_one_of_them_comes_first() -> None:
    tasks = ("Wipe the table.", "Open the drawer.")
    for text in ("Wipe the table.; Open the drawer.", "Open the drawer."):
        assert only(row("task_aug", text), tasks=tasks) == []
    assert only(row("task_aug", "Wipe it."), tasks=tasks) == ["task_aug.first"]


def test_where_the_image_size_is_unknown_only_signs_and_order_are_checked() -> None:
    wrist = [replace(r, camera="observation.images.wrist") for r in vqa(BOX)]
    big = {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [0, 0, 9999, 9999]}]}
    assert only(*wrist) == []
    assert only(*(replace(r, camera="observation.images.wrist") for r in vqa(big))) == []
    negative = {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [-1, 0, 9999, 9999]}]}
    assert only(*(replace(r, camera="observation.images.wrist") for r in vqa(negative))) == ["vqa.bbox"]


def test_one_question_for_each_camera_at_one_moment() -> None:
    wrist = [replace(r, camera="observation.images.wrist") for r in vqa(BOX)]
    assert only(*vqa(BOX), *wrist) == []


@pytest.mark.parametrize(
    "labels",
    [
        # The task, or a label, knows both things.
        ("stack the cube", "stack the block", "stack the cube on the block"),
        ("pick up the red cube", "pick up the blue block"),
        # There may be more than one.
        ("pick up the red cube", "pick up the blue cube", "put the block in the box"),
        ("pick up the red cube", "put the block beside the blocks"),
        ("pick up the ice cube", "put the block in the box"),
        ("pick up the red cube", "put the other block in the box"),
        ("pick up the red cube", "put the cube in the box"),
        ("grasp the object", "lift the cup"),
        ("pick up the cup", "pick up the cups", "wait", "retract"),
        ("do something clever", "then the other"),
    ],
)
def test_names_that_may_be_of_two_things_are_let_pass(labels: tuple[str, ...]) -> None:
    rows = [row("subtask", label, 9 * n) for n, label in enumerate(labels)]
    assert "label.drift" not in only(*rows)


def test_names_that_the_task_tells_apart_are_let_pass() -> None:
    rows = [row("subtask", "pick up the cup"), row("subtask", "pick up the mug", 9)]
    assert only(*rows, tasks=("Put the cups and the mugs away.",)) == []
    assert only(*rows, tasks=("Put the cup away.",)) == ["label.drift"]


def test_a_thing_that_drifts_is_told_once_for_each_pair_of_names() -> None:
    labels = ["pick up the cube", "lift the block", "move the block", "release the cube"]
    findings = check_episode(view([row("subtask", label, 9 * n) for n, label in enumerate(labels)]))
    assert [(finding.rule, finding.time) for finding in findings] == [("label.drift", t(9))]
    assert findings[0].message == "What is “cube” at 0.00 s is “block” at 0.30 s."


def test_a_thing_of_which_there_are_several_may_have_another_name() -> None:
    rows = [row("subtask", "pick up the red cube"), row("subtask", "put the block in the box", 9)]
    assert only(*rows, tasks=("Put the red cube in the box.",)) == ["label.drift"]
    assert only(*rows, tasks=("Put all the blocks in the box.",)) == []
    assert only(*rows, *vqa({"label": "block", "count": 3}), tasks=("Tidy up.",)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Grab the cup.", "Don't grab the cup."),
        ("Turn the lamp on.", "Turn the lamp off."),
        ("A bit to the left, please.", "A bit to the right, please."),
        ("Put the cup on the plate.", "Put the plate on the cup."),
        ("Pick up the first one.", "Pick up the second one."),
        ("With it, please.", "Without it, please."),
    ],
)
def test_requests_that_differ_in_a_small_word_are_two(one: str, other: str) -> None:
    rows = [row("interjection", one, 9), row("interjection", other, 19)]
    assert "interjection.duplicate" not in only(*rows)


@pytest.mark.parametrize(
    "text",
    [
        *("I put the cup in the box and it is full.", "I have picked up the cup; I still hold it."),
        *(
            "My gripper closed on the cup.",
            "I did not pick up the cup.",
            "I set down the cup, then cut the bread.",
        ),
    ],
)
def test_memories_in_the_past_are_let_pass(text: str) -> None:
    assert only(row("memory", text, 9)) == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        *(("Where is the cup?", answer) for answer in (BOX, PLACE)),
        ("Point to the cup.", BOX),
        ("What colour is the cup, and how many are there?", COUNT),
        ("Count the cups.", COUNT),
        ("Which relation do cup and table have?", PLACE),
        ("Is there a cup?", COUNT),
    ],
)
def test_questions_that_an_answer_can_be_to_are_let_pass(question: str, answer: object) -> None:
    assert only(*vqa(answer, question=question)) == []


@pytest.mark.parametrize(
    "text",
    [
        *("close the gripper", "open both grippers", "close the left gripper and open the right gripper"),
        *(
            "rotate the right wrist",
            "bend the wrist",
            "turn the left arm at its base",
            "raise the arm",
            "drive",
        ),
        *(
            "drive backward",
            "turn left",
            "hold still",
            "move both arms",
            "move left and down",
            "stop",
            "stay",
        ),
        *(
            "Move the arm forward 5 cm.",
            "rotate clockwise by 30 degrees",
            "move along +x",
            "tilt up slightly",
        ),
        *(
            "move elbow_flex up",
            "move right, then open gripper",
            "extend the end-effector",
            "move in the -z direction",
        ),
    ],
)
def test_primitives_in_the_robots_own_terms_are_let_pass(text: str) -> None:
    assert only(row("motion", text)) == []


def test_a_text_that_is_no_primitive_is_told_once() -> None:
    rows = [row("motion", text, frame) for frame, text in ((0, "make tea"), (5, "lift"), (9, "make tea"))]
    assert only(*rows) == ["motion.primitive"]
