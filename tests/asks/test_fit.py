"""What a person says fits what the robot does next, or is objected to: requests as a model might write them."""

from __future__ import annotations

from copy import deepcopy
from typing import get_args

import pytest

from roboscribe.asks import Interject, Moment, Talk
from roboscribe.asks.fit import fault_of_request, fault_of_speech
from roboscribe.asks.interject import can_hold
from roboscribe.asks.situation import Situation, situation
from roboscribe.config import Scenario
from roboscribe.models.answers import schema_of

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
    "lift the green brick",
    "move to the transparent box",
    "release the green brick into the transparent box",
    "retract",
)


def bricks(done: int) -> Situation:
    return situation(TASK, BRICKS, done)


GO_YELLOW, GRASP_YELLOW, LIFT_YELLOW, CARRY_YELLOW, LET_GO, GO_GREEN = map(bricks, range(1, 7))
RETRACT = bricks(11)
PUSH = situation(
    "Push the red brick towards the blue brick.",
    ("move towards the red brick", "push the red brick towards the blue brick", "retract"),
    1,
)
MISSED = situation(
    "Put the pink brick in the box.",
    (
        "grasp the pink brick",
        "reopen the gripper and back off from the pink brick",
        "move towards the pink brick",
        "grasp the pink brick",
        "lift the pink brick",
        "release the pink brick into the box",
    ),
    1,
)
LEFT_ARM = situation(
    "Put both cups on the tray.",
    ("wait", "pick up the red cup with the left arm", "place the red cup on the tray with the left arm"),
    1,
)
CAREFUL = situation("", ("wait", "slowly lift the egg"), 1)
BOTTLE = situation(
    "Pick up the yellow bottle on the table.",
    (
        "move towards the yellow bottle",
        "grasp the yellow bottle",
        "move the yellow bottle",
        "release the yellow bottle",
    ),
    1,
)
UNKNOWN = situation(
    "", ("move towards the object", "grasp the object", "lift the object", "release the object"), 1
)
DRAWER = situation(
    "Open the drawer and put the spoon in it.",
    (
        "grasp the drawer",
        "open the drawer",
        "release the drawer",
        "pick up the spoon",
        "place the spoon in the drawer",
    ),
    1,
)
FREE = situation("", ("crack the egg", "whisk it well", "gripper closing", "plate up"), 1)
GO_CUP = situation("", ("wait", "move towards the cup", "retract the arm"), 1)
RETRACT_ARM = situation("", ("wait", "move towards the cup", "retract the arm"), 2)
NAMED_ARM = situation("", ("wait", "move the left arm to the cup"), 1)
BARE_ARM = situation("", ("wait", "pick up the cup with left hand"), 1)
SIGNALLED = situation("", ("wait", "pick up the cup"), 1, ("", "left"))
KNOB = situation("", ("grasp the knob", "turn the knob to the left", "retract"), 1)

FITTING: list[tuple[Scenario, Situation, str]] = [
    ("negative_task", GO_YELLOW, "Don't touch the green brick yet."),
    ("negative_task", GO_YELLOW, "Not the green one yet, please."),
    ("negative_task", GO_YELLOW, "Leave the box where it is."),
    ("negative_task", GO_YELLOW, "Don't close the gripper before you have reached the yellow brick."),
    ("negative_task", GRASP_YELLOW, "Do not push it away."),
    ("negative_task", LIFT_YELLOW, "Don't drag the yellow brick along."),
    ("negative_task", LIFT_YELLOW, "Don't let go of it yet."),
    ("negative_task", CARRY_YELLOW, "Please don't drop it on the way."),
    ("negative_task", CARRY_YELLOW, "Don't put it on the table."),
    ("negative_task", GO_GREEN, "Don't touch the yellow brick any more, it's fine where it is."),
    ("negative_task", GO_GREEN, "Leave the yellow brick alone."),
    ("negative_task", GO_GREEN, "No need to go back to the yellow brick."),
    ("negative_task", RETRACT, "Don't take the bricks out again."),
    ("negative_task", PUSH, "Don't pick it up."),
    ("negative_task", GRASP_YELLOW, "Don't touch anything else."),
    ("negative_task", LET_GO, "Let it go, but don't use more force than necessary."),
    ("negative_task", CARRY_YELLOW, "Carry it over, but don't take a shortcut."),
    ("negative_task", PUSH, "Don't grasp the red brick, just push it."),
    ("negative_task", LEFT_ARM, "Don't use your right arm for that."),
    ("situated_correction", GO_YELLOW, "No, I meant the yellow brick, not the green one."),
    ("situated_correction", GO_YELLOW, "Wait, not the green one. The yellow one."),
    ("situated_correction", GO_YELLOW, "The yellow one instead of the green one, please."),
    ("situated_correction", GRASP_YELLOW, "Grasp the yellow brick, don't push it."),
    ("situated_correction", CARRY_YELLOW, "In the box, not next to it."),
    ("situated_correction", CARRY_YELLOW, "Take it to the box, not back to where it was."),
    ("situated_correction", GO_GREEN, "That's the wrong one, go for the green brick."),
    ("situated_correction", PUSH, "No need to lift it, just push it towards the blue brick."),
    ("situated_correction", MISSED, "You missed it, open the gripper and try again."),
    ("situated_correction", MISSED, "That didn't work. Back off and go for it again."),
    ("situated_correction", LEFT_ARM, "Use the left hand for the cup, not the right one."),
    ("situated_correction", KNOB, "To the left, not to the right."),
    ("specific_constraint", GO_YELLOW, "Take only one brick at a time."),
    ("specific_constraint", GO_YELLOW, "Keep the gripper open until you are at the yellow brick."),
    ("specific_constraint", LIFT_YELLOW, "Lift it before you move it anywhere."),
    ("specific_constraint", GO_YELLOW, "Go to the yellow brick by the shortest way."),
    ("specific_constraint", CARRY_YELLOW, "Bring it to the transparent box without a stop on the way."),
    ("specific_constraint", GRASP_YELLOW, "Take hold of it without bumping into anything."),
    ("specific_constraint", LIFT_YELLOW, "Make sure you don't let go of it."),
    ("specific_constraint", CARRY_YELLOW, "Only let go of it once you are over the box."),
    ("specific_constraint", CARRY_YELLOW, "It has to go into the box without touching the green brick."),
    ("specific_constraint", LET_GO, "Both bricks have to end up in the box."),
    ("specific_constraint", DRAWER, "Open the drawer before you pick up the spoon."),
    ("preference", GO_YELLOW, "I'd like the yellow one first."),
    ("preference", GO_YELLOW, "I would rather you took the yellow brick than the green one."),
    ("preference", GRASP_YELLOW, "I'd rather you grasped it than pushed it."),
    ("preference", CARRY_YELLOW, "I'd prefer it inside the box."),
    ("preference", GO_GREEN, "I'd like you to do the green brick next."),
    ("preference", BOTTLE, "I'd like you to hold the bottle."),
    ("preference", LEFT_ARM, "I'd prefer the left arm for this."),
    ("implicit_request", GO_GREEN, "The green brick isn't in the box yet."),
    ("implicit_request", GO_YELLOW, "Both bricks are still lying around."),
    ("implicit_request", BOTTLE, "I'm getting thirsty."),
    ("implicit_request", RETRACT, "I need some room on the table."),
    ("implicit_request", PUSH, "These two bricks are too far apart."),
    ("implicit_request", DRAWER, "I can't reach what is in the drawer."),
    ("encouragement", GO_GREEN, "Nice, you put the yellow brick in the box."),
    ("encouragement", LIFT_YELLOW, "Great grip, don't stop now!"),
    ("encouragement", MISSED, "No worries, have another go."),
    ("encouragement", RETRACT, "Well done!"),
    ("specific_constraint", UNKNOWN, "Hold it before you lift it."),
    ("preference", FREE, "I'd like you to whisk it now."),
    ("negative_task", RETRACT_ARM, "Don't stay there."),
    ("negative_task", CARRY_YELLOW, "Don't bump into the green brick."),
    ("preference", GRASP_YELLOW, "It would be nice if you took the yellow brick now."),
    ("implicit_request", LEFT_ARM, "I could use the red cup."),
    ("implicit_request", LEFT_ARM, "The red cup should be on the tray."),
    ("negative_task", GO_CUP, "Don't move back."),
    ("situated_correction", RETRACT, "Stop that, don't wait: move back."),
    ("situated_correction", NAMED_ARM, "Use your left hand, not the right one."),
    ("negative_task", BARE_ARM, "Don't move your right arm."),
    ("preference", SIGNALLED, "I'd rather you used your left hand."),
    ("preference", GRASP_YELLOW, "I'd rather have the yellow brick than that."),
    ("specific_constraint", GRASP_YELLOW, "Only grasp the yellow brick by the edge."),
    ("specific_constraint", CAREFUL, "Only lift the egg slowly."),
    ("encouragement", GRASP_YELLOW, "Well done, you went to the brick and put your gripper there."),
]

CONTRADICTING: list[tuple[Scenario, Situation, str]] = [
    ("negative_task", GO_YELLOW, "Don't touch the yellow brick."),
    ("negative_task", GO_YELLOW, "Don't take the yellow brick."),
    ("negative_task", GRASP_YELLOW, "Grasp the yellow brick, but don't lift it."),
    ("negative_task", GO_YELLOW, "Leave the yellow one where it is."),
    ("negative_task", GO_YELLOW, "Don't pick up the green brick."),
    ("negative_task", GO_YELLOW, "Keep away from the bricks."),
    ("negative_task", GRASP_YELLOW, "Don't grasp it."),
    ("negative_task", GRASP_YELLOW, "Please do not pick up the yellow brick."),
    ("negative_task", LIFT_YELLOW, "Don't lift it yet."),
    ("negative_task", LIFT_YELLOW, "Don't move the yellow brick."),
    ("negative_task", CARRY_YELLOW, "Don't put it in the box."),
    ("negative_task", CARRY_YELLOW, "Never put the bricks into the box."),
    ("negative_task", LET_GO, "Don't let go of it."),
    ("negative_task", LET_GO, "Don't release the yellow brick into the box."),
    ("negative_task", GO_GREEN, "Skip the green brick."),
    ("negative_task", GO_GREEN, "Forget about the green one."),
    ("negative_task", GO_GREEN, "The green one can wait."),
    ("negative_task", PUSH, "Don't push the red brick."),
    ("negative_task", LEFT_ARM, "Don't use your left arm."),
    ("negative_task", DRAWER, "Leave the drawer alone."),
    ("situated_correction", GO_YELLOW, "Not the yellow one, the green one."),
    ("situated_correction", GO_YELLOW, "No, take the pink brick instead."),
    ("situated_correction", GO_YELLOW, "I meant the blue one."),
    ("situated_correction", GO_GREEN, "No, go back to the yellow brick."),
    ("situated_correction", GO_GREEN, "Take the yellow brick out of the box."),
    ("situated_correction", CARRY_YELLOW, "Put it on the tray instead."),
    ("situated_correction", CARRY_YELLOW, "No, not in the box."),
    ("situated_correction", CARRY_YELLOW, "Put it back."),
    ("situated_correction", PUSH, "Pick up the red brick instead."),
    ("situated_correction", LEFT_ARM, "Use the right arm for that cup."),
    ("situated_correction", KNOB, "Turn it to the right."),
    ("specific_constraint", GO_YELLOW, "Take the cup, nothing else."),
    ("specific_constraint", GRASP_YELLOW, "Only push the yellow brick."),
    ("specific_constraint", LEFT_ARM, "Only use your right hand for the cup."),
    ("specific_constraint", BOTTLE, "Open the bottle first."),
    ("preference", GO_GREEN, "I'd rather have the yellow one in your hand. Put it back on the table."),
    ("preference", GO_YELLOW, "I'd like the red one first."),
    ("preference", GRASP_YELLOW, "I'd prefer that you pour the water."),
    ("implicit_request", GO_GREEN, "Stop, I need to answer the phone."),
    ("implicit_request", GRASP_YELLOW, "Wait a moment."),
    ("encouragement", GRASP_YELLOW, "Good, now go back."),
    ("encouragement", LIFT_YELLOW, "Nice, but please undo that."),
    ("encouragement", GO_GREEN, "Great, you can stop there."),
    ("negative_task", UNKNOWN, "Don't grasp it."),
    ("negative_task", RETRACT, "Stay where you are, don't go."),
    ("negative_task", GO_YELLOW, "Stay where you are."),
    ("negative_task", RETRACT_ARM, "Don't move."),
    ("negative_task", GO_CUP, "Don't move."),
    ("negative_task", RETRACT_ARM, "Don't move your arm."),
    ("negative_task", GO_CUP, "Don't move your arm."),
    ("negative_task", GO_CUP, "Please do not move the gripper yet."),
    ("negative_task", RETRACT_ARM, "Don't retract your arm."),
    ("negative_task", RETRACT_ARM, "Stop there."),
    ("negative_task", GO_CUP, "Stop there."),
    ("situated_correction", NAMED_ARM, "Use your right hand, not the left one."),
    ("negative_task", NAMED_ARM, "Don't use your left hand."),
    ("situated_correction", BARE_ARM, "Use your right hand, not the left one."),
    ("preference", SIGNALLED, "I'd rather you used your right hand."),
    ("specific_constraint", GO_YELLOW, "Take the yellow brick and the hammer, nothing else."),
    ("specific_constraint", GO_YELLOW, "Only take the yellow brick and a tray."),
    ("preference", GO_YELLOW, "I'd rather have the hammer than that."),
    ("preference", GO_YELLOW, "I'd like the small hammer first."),
    ("situated_correction", GO_YELLOW, "No, I meant the hammer."),
]

EMPTY: list[tuple[Scenario, Situation, str, str]] = [
    ("negative_task", GO_YELLOW, "Take the yellow brick.", "does not say what the robot is not to do"),
    ("negative_task", GO_YELLOW, "Not so fast!", "names nothing"),
    ("situated_correction", GRASP_YELLOW, "No, please.", "names nothing"),
    ("specific_constraint", GRASP_YELLOW, "Be careful.", "names nothing"),
    ("preference", GRASP_YELLOW, "Slowly, please.", "names nothing"),
    ("encouragement", GRASP_YELLOW, " … ", "is blank"),
]

PLAIN = "Take the yellow brick."
OF_ANOTHER_KIND: list[tuple[Scenario, Situation, str, str]] = [
    ("situated_correction", GO_YELLOW, PLAIN, "sets nothing right"),
    ("situated_correction", GO_YELLOW, "Don't touch the green brick yet.", "sets nothing right"),
    ("situated_correction", GO_YELLOW, "Nice, that is the yellow brick.", "sets nothing right"),
    ("specific_constraint", GO_YELLOW, PLAIN, "sets no condition"),
    ("specific_constraint", GO_YELLOW, "The yellow brick, please.", "sets no condition"),
    ("specific_constraint", GRASP_YELLOW, "Grasp the yellow brick gently.", "speaks of speed"),
    (
        "specific_constraint",
        GRASP_YELLOW,
        "Only grasp it with little force.",
        "speaks of speed, force or care",
    ),
    ("specific_constraint", LIFT_YELLOW, "Make sure you lift it slowly.", "speaks of speed, force or care"),
    ("preference", GO_YELLOW, PLAIN, "expresses no preference"),
    ("preference", GO_YELLOW, "Could you take the yellow brick?", "expresses no preference"),
    ("implicit_request", GO_YELLOW, PLAIN, "is a command"),
    ("implicit_request", GO_YELLOW, "Could you take the yellow brick?", "is a command"),
    ("implicit_request", GO_YELLOW, "The yellow brick, please.", "is a command"),
    ("implicit_request", GO_YELLOW, "Don't touch the green brick yet.", "is a command"),
    ("encouragement", GO_YELLOW, PLAIN, "gives an order"),
    ("encouragement", GO_YELLOW, "Nice, now take the yellow brick.", "gives an order"),
    ("encouragement", GO_YELLOW, "Well done. Leave the green brick for later.", "gives an order"),
    (
        "situated_correction",
        GO_CUP,
        "Use your left hand, not the right one.",
        "names the left arm, and nothing tells",
    ),
]


@pytest.mark.parametrize(("scenario", "at", "request_"), FITTING)
def test_what_fits_is_let_pass(scenario: Scenario, at: Situation, request_: str) -> None:
    assert fault_of_request(request_, scenario, at) == ""


@pytest.mark.parametrize(("scenario", "at", "request_"), CONTRADICTING)
def test_what_contradicts_is_objected_to_and_the_next_subtask_is_named(
    scenario: Scenario, at: Situation, request_: str
) -> None:
    fault = fault_of_request(request_, scenario, at)
    assert fault.startswith(f"does not fit what the robot does next, “{at.next.text}”: ")


@pytest.mark.parametrize(("scenario", "at", "request_", "fault"), OF_ANOTHER_KIND)
def test_what_is_of_another_kind_is_objected_to(
    scenario: Scenario, at: Situation, request_: str, fault: str
) -> None:
    assert fault_of_request(request_, scenario, at).startswith(fault)


@pytest.mark.parametrize(("scenario", "at", "request_", "fault"), EMPTY)
def test_what_is_about_nothing_is_objected_to(
    scenario: Scenario, at: Situation, request_: str, fault: str
) -> None:
    assert fault_of_request(request_, scenario, at).startswith(fault)


@pytest.mark.parametrize(
    ("speech", "fault"),
    [
        ("Okay, I'll leave the green brick for later and grasp the yellow one.", ""),
        ("I won't touch the box. I'll just grasp the yellow brick.", ""),
        ("Thanks, now I'll close my gripper on it.", ""),
        ("   ", "is blank"),
        ("I'm sorry, I can't do that.", "refuses"),
        ("I won’t do that.", "refuses"),
        ("As an AI I have no hands.", "refuses"),
        ("Sure, " + "really " * 20, "has 21 words"),
        ("Okay, I'll take the pink brick.", "does not fit"),
        ("Okay, I won't grasp the yellow brick.", "does not fit"),
        ("Okay, I'll stop here.", "does not fit"),
    ],
)
def test_what_the_robot_says(speech: str, fault: str) -> None:
    found = fault_of_speech(speech, GRASP_YELLOW)
    assert found.startswith(fault)
    assert bool(found) == bool(fault)


def test_the_robot_speaks_of_the_arm_that_acts() -> None:
    assert fault_of_speech("Okay, I'll use my left hand.", SIGNALLED) == ""
    assert "asks for the right arm" in fault_of_speech("Okay, I'll use my right hand.", SIGNALLED)
    assert "asks for the right arm" in fault_of_speech("Okay, I'll use my right hand.", NAMED_ARM)
    assert fault_of_speech("Okay, I'll use my left hand.", GO_CUP).startswith("names the left arm")


def said(*pairs: tuple[str, str]) -> Talk:
    made = [{"request": request, "speech": speech} for request, speech in pairs]
    return Talk.model_validate({"interjections": made})


def asked(*moments: tuple[int, Scenario], before: tuple[str, ...] = ()) -> Interject:
    return Interject(
        episode=0,
        task=TASK,
        subtasks=BRICKS,
        moments=tuple(Moment(float(done), done, scenario) for done, scenario in moments),
        said=before,
    )


def test_good_interjections_meet_no_objection() -> None:
    ask = asked((2, "negative_task"), (6, "encouragement"))
    answer = said(
        ("Don't push it away.", "I'll grasp it."),
        ("Nice, keep going.", "Thanks, on to the green brick."),
    )
    assert ask.objection(answer) == ""


def test_all_faults_are_told_at_once() -> None:
    ask = asked((2, "negative_task"), (6, "encouragement"))
    fault = ask.objection(said(("Don't grasp it.", "Okay."), ("Nice, keep going.", "No, I can't.")))
    assert "Request 1, “Don't grasp it.”, does not fit" in fault
    assert "Speech 2, “No, I can't.”, refuses" in fault


def test_nothing_is_said_twice_in_an_episode() -> None:
    ask = asked((2, "encouragement"), (6, "encouragement"))
    twins = said(("Keep going!", "Thanks."), ("keep  going.", "Thanks."))
    assert ask.objection(twins) == "Request 2, “keep  going.”, repeats another one."
    again = asked((6, "encouragement"), before=("Keep going.",))
    assert "repeats another one" in again.objection(said(("Keep going", "Thanks.")))


def test_there_is_one_interjection_for_each_moment() -> None:
    assert asked((2, "encouragement")).objection(said()) == "1 interjections are wanted, but 0 were given."
    schema = deepcopy(dict(schema_of(Talk)))
    asked((2, "encouragement"), (6, "preference")).narrow(schema)
    wanted = schema["properties"]["interjections"]
    assert (wanted["minItems"], wanted["maxItems"]) == (2, 2)
    assert wanted["items"]["required"] == ["request", "speech"]


def test_the_opening_promises_the_task_and_no_other() -> None:
    ask = Interject(episode=0, task=TASK, subtasks=BRICKS, opens=True)
    assert ask.objection(Talk(opening="Sure, I'll put both bricks in the box.")) == ""
    assert ask.objection(Talk(opening="Sure, I'll start with the yellow brick.")) == ""
    assert "asks for the pink brick" in ask.objection(Talk(opening="Sure, I'll pick up the pink brick."))
    assert "refuses" in ask.objection(Talk(opening="Sorry, I don't know how."))
    assert ask.objection(Talk()) == "The opening is missing."


def test_a_task_that_is_named_otherwise_than_its_subtasks_is_no_fault() -> None:
    ask = Interject(
        episode=0, task="Pick up the red cup.", subtasks=("grasp the mug", "lift the mug"), opens=True
    )
    assert ask.objection(Talk(opening="Okay, I'll pick up the red cup.")) == ""


@pytest.mark.parametrize("scenario", get_args(Scenario))
def test_what_can_hold_depends_on_what_is_known(scenario: Scenario) -> None:
    strange = situation("", ("grasp the cup", "gripper closing"), 1)
    alone = situation("", ("wait", "whisk it well"), 1)
    assert can_hold(scenario, GRASP_YELLOW)
    assert can_hold(scenario, strange) == (scenario == "encouragement")
    assert can_hold(scenario, alone) == (scenario not in ("negative_task", "situated_correction"))
