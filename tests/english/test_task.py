"""Task texts as people write them, and what may be known from each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.english.task import TaskAction, is_placeholder, parse_task

# Each action as "verb: object > preposition > destination", "-" for what the text does not say.
UNDERSTOOD = {
    "Put the pink brick in the transparent box.": ["place: the pink brick > in > the transparent box"],
    "Pick up the yellow brick and the green brick and place them in the transparent box.": [
        "pick: the yellow brick",
        "place: the yellow brick > in > the transparent box",
        "pick: the green brick",
        "place: the green brick > in > the transparent box",
    ],
    "Stack the green brick on top of the pink brick.": [
        "stack: the green brick > on top of > the pink brick"
    ],
    "Stack blue block on red block": ["stack: the blue block > on > the red block"],
    "Push the red brick towards the blue brick.": ["push: the red brick > towards > the blue brick"],
    "Push the T-shaped block onto the T-shaped target.": [
        "push: the T-shaped block > onto > the T-shaped target"
    ],
    "Pick up the yellow bottle on the table.": ["pick: the yellow bottle"],
    "pick the ball": ["pick: the ball"],
    "Pick up the cube..": ["pick: the cube"],
    "Lift the cube up": ["pick: the cube"],
    "PICK UP THE RED BLOCK": ["pick: the red block"],
    "Pick Up The Red Cube And Place It In The Bowl": [
        "pick: the red cube",
        "place: the red cube > in > the bowl",
    ],
    "Pick the Coke can": ["pick: the Coke can"],
    "Grasp a lego block and put it in the bin.": ["pick: a lego block", "place: a lego block > in > the bin"],
    "pickup the cube and place it to the bin": ["pick: the cube", "place: the cube > to > the bin"],
    "pick up the cube and place in the box": ["pick: the cube", "place: the cube > in > the box"],
    "Serve the espresso cup onto the saucer.": ["place: the espresso cup > onto > the saucer"],
    "pick_and_place_cube": ["pick: the cube", "place: the cube"],
    "PutCubeInBox": ["place: the cube > in > the box"],
    "PutCubeInBox-v0": ["place: the cube > in > the box"],
    "PickUpTheBanana": ["pick: the banana"],
    "pick place lego": ["pick: the lego", "place: the lego"],
    "Open the drawer, put the cup in it, then close the drawer": [
        "open: the drawer",
        "place: the cup > in > the drawer",
        "close: the drawer",
    ],
    "Open the top cabinet, store the pot inside it then close the cabinet.": [
        "open: the top cabinet",
        "place: the pot > inside > the top cabinet",
        "close: the cabinet",
    ],
    "open and close the door": ["open: the door", "close: the door"],
    "put the yellow and white mug in the microwave and close it": [
        "place: the yellow and white mug > in > the microwave",
        "close: the microwave",
    ],
    "turn on the stove and put the moka pot on it": [
        "turn: the stove",
        "place: the moka pot > on > the stove",
    ],
    "put both the alphabet soup and the tomato sauce in the basket": [
        "place: the alphabet soup > in > the basket",
        "place: the tomato sauce > in > the basket",
    ],
    "Place the apple, the banana and the orange in the bowl": [
        "place: the apple > in > the bowl",
        "place: the banana > in > the bowl",
        "place: the orange > in > the bowl",
    ],
    "put the cube in the box and the ball in the basket": [
        "place: the cube > in > the box",
        "place: the ball > in > the basket",
    ],
    "Put the white sock in the basket, then the black sock in the basket.": [
        "place: the white sock > in > the basket",
        "place: the black sock > in > the basket",
    ],
    "pick the green cube, then the red cube": ["pick: the green cube", "pick: the red cube"],
    "Pick and place the red and blue cubes into the box": [
        "pick: the red and blue cubes",
        "place: the red and blue cubes > into > the box",
    ],
    "stack the red, green and blue blocks": ["stack: the red, green and blue blocks"],
    "Please could you pick up the 3 cubes and place them on the tray?": [
        "pick: the 3 cubes",
        "place: the 3 cubes > on > the tray",
    ],
    "Pick two cubes and drop them in the bowl": ["pick: two cubes", "place: two cubes > in > the bowl"],
    "put all toys in the box": ["place: all toys > in > the box"],
    "pick up the book and place it in the back compartment of the caddy": [
        "pick: the book",
        "place: the book > in > the back compartment of the caddy",
    ],
    "pick up the black bowl between the plate and the ramekin and place it on the plate": [
        "pick: the black bowl",
        "place: the black bowl > on > the plate",
    ],
    "place the blue block to the left of the red block": [
        "place: the blue block > to the left of > the red block"
    ],
    "Place the 3 red cubes into the bowl on the left": [
        "place: the 3 red cubes > into > the bowl on the left"
    ],
    "Put the cup that is on the table in the sink": ["place: the cup > in > the sink"],
    "Place the battery into the slot of the remote controller.": [
        "place: the battery > into > the slot of the remote controller"
    ],
    "Pick up the cup with the blue handle from the shelf": ["pick: the cup with the blue handle"],
    "move the cup from the shelf to the sink": ["move: the cup > to > the sink"],
    "Move the blue block from left to right": ["move: the blue block > to > the right"],
    "Pick up the cube with the right arm and transfer it to the left arm.": [
        "pick: the cube",
        "move: the cube > to > the left arm",
    ],
    "Use the left arm to pick up the cup and then place it on the plate": [
        "pick: the cup",
        "place: the cup > on > the plate",
    ],
    "Hand me the screwdriver": ["move: the screwdriver > to > me"],
    "Insert the peg into the socket.": ["insert: the peg > into > the socket"],
    "Screw the cap onto the bottle": ["turn: the cap > onto > the bottle"],
    "fold the towel in half": ["fold: the towel"],
    "unfold the shirt and fold it in half": ["other: the shirt", "fold: the shirt"],
    "pour water into the glass": ["pour: water > into > the glass"],
    "Pour the water from the bottle into the glass": ["pour: the water > into > the glass"],
    "Press the red button on the machine twice": ["press: the red button"],
    "turn the light off": ["turn: the light"],
    "Carefully wipe the table with the sponge": ["wipe: the table"],
    "open the middle drawer of the cabinet": ["open: the middle drawer of the cabinet"],
    "take the lid off the pot and put it on the table": ["pick: the lid", "place: the lid > on > the table"],
    "Touch the dino": ["other: the dino"],
    "The robot picks up the red cube.": ["pick: the red cube"],
    "Grab the pen; drop it in the cup.": ["pick: the pen", "place: the pen > in > the cup"],
    "Pick up the red cube, move it over the box and release it.": [
        "pick: the red cube",
        "move: the red cube > over > the box",
        "place: the red cube",
    ],
}

NOT_FULLY_UNDERSTOOD = {
    "Pick up the pan, rinse it in the sink and then place it in the drying rack.": [
        "pick: the pan",
        "place: the pan > in > the drying rack",
    ],
    "Pick up the plastic cup with the left arm, then pop its lid open with the right arm.": [
        "pick: the plastic cup"
    ],
    "Push the chairs in front of the desk to place them against it.": ["push: the chairs"],
    "push the 'Travel Mug' button": ["push: the Travel Mug button"],
    "Place it in the box": ["place: - > in > the box"],
    "red cube to bin": [],
    "Garnish the food": [],
    "so100_pick_place_lego": [],
    "Prends le cube rouge": [],
    "Place le cube dans la boîte": [],
    "Nimm den roten Würfel": [],
    "Pon el cubo en la caja": [],
    "拿起红色方块放进盒子": [],
    "赤い箱を取る": [],
}


def told(action: TaskAction) -> str:
    text = f"{action.verb}: {action.object or '-'}"
    return f"{text} > {action.preposition} > {action.destination}" if action.destination else text


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_actions_of_real_looking_tasks(text: str) -> None:
    task = parse_task(text)
    assert [told(action) for action in task.actions] == UNDERSTOOD[text]
    assert task.understood
    assert not is_placeholder(text)


@pytest.mark.parametrize("text", NOT_FULLY_UNDERSTOOD)
def test_only_what_can_be_known_of_other_tasks(text: str) -> None:
    task = parse_task(text)
    assert [told(action) for action in task.actions] == NOT_FULLY_UNDERSTOOD[text]
    assert not task.understood


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "task",
            "Task 1",
            "debug",
            "test",
            "test123",
            "Simple test",
            "n/a",
            "N/A",
            "none",
            "-",
            "?",
        ),
        *(
            "no description",
            "record_test_3",
            "dummy_task",
            "<task>",
            "🤖",
            "task description",
            "untitled",
            "42",
        ),
    ],
)
def test_a_placeholder_says_nothing(text: str) -> None:
    assert is_placeholder(text)
    assert parse_task(text).actions == ()


@pytest.mark.parametrize(
    "text", ["Wave", "拿起红色方块", "clean up", "laundry", "Test the gripper on the cube"]
)
def test_a_text_with_a_meaning_is_no_placeholder(text: str) -> None:
    assert not is_placeholder(text)


def test_where_an_object_is_and_how_it_is_done() -> None:
    def phrases(text: str) -> list[tuple[str | None, str | None]]:
        return [(action.origin, action.manner) for action in parse_task(text).actions]

    assert phrases("Pick up the yellow bottle on the table.") == [("on the table", None)]
    assert phrases("move the cup from the shelf to the sink") == [("from the shelf", None)]
    assert phrases("Put the cup on the table into the sink") == [("on the table", None)]
    assert phrases("take the lid off the pot") == [("off the pot", None)]
    assert phrases("fold the towel in half") == [(None, "in half")]
    assert phrases("Use the left arm to pick up the cup, place it on the plate") == [
        (None, "with the left arm"),
        (None, None),
    ]
    assert phrases("Carefully wipe the table with the sponge") == [(None, "carefully with the sponge")]


def test_objects_are_what_the_robot_must_take_hold_of() -> None:
    task = parse_task("Open the drawer, put the cup in it, put the spoon next to the cup, close the drawer")
    assert task.objects == ("the cup", "the spoon")
    assert task.destination_of("the cup") == "the drawer"
    assert task.destination_of("the spoon") == "the cup"
    assert task.destination_of("the drawer") is None


def test_the_last_placement_counts() -> None:
    task = parse_task("Put the cube in the box, then move the cube to the tray")
    assert task.objects == ("the cube",)
    placement = task.placement_of("the cube")
    assert placement is not None
    assert (placement.preposition, placement.destination) == ("to", "the tray")


def test_a_thing_keeps_the_name_of_its_first_mention() -> None:
    task = parse_task("Pick up a red cube and place the red cube in the box")
    assert task.objects == ("a red cube",)
    assert task.destination_of("a red cube") == "the box"


WORDS = (
    "pick|up|put|place|the|a|it|them|and|then|,|.|in|on|of|to|box|red|cube|with|left|arm|that|is|3|both|inside"
    "|from|open|close|turn|off|use|please|'|(|ü|—|then;|Pick_Up"
)


@given(st.lists(st.sampled_from(WORDS.split("|")), max_size=14).map(" ".join) | st.text(max_size=60))
def test_any_text_is_read_without_a_crash(text: str) -> None:
    task = parse_task(text)
    assert task.text == text
    for action in task.actions:
        assert action.object != ""
        assert (action.preposition is None) == (action.destination is None)
