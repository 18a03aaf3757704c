"""What people say to robots is read by clauses: what they ask for, and what they rule out."""

import pytest

from roboscribe.english.demands import read_demands
from roboscribe.english.things import thing_of

KNOWN = [thing_of(noun) for noun in ("the pink brick", "the blue brick", "the transparent box")]


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Take the pink brick.", [("wanted", "take")]),
        ("Don't touch the box, take the pink one.", [("ruled out", "touch"), ("wanted", "take")]),
        ("I'd rather you grasped it than pushed it.", [("wanted", "grasp"), ("ruled out", "push")]),
        ("Keep hold of it until you let go.", [("wanted", "keep hold of"), ("told", "let go")]),
        ("Don't just hold it, lift it.", [("told", "hold"), ("wanted", "lift")]),
        ("Leave the box where it is.", [("ruled out", "skip")]),
        ("Leave the brick in the box.", [("wanted", "leave")]),
        ("The blue one can wait.", [("ruled out", "skip")]),
        ("You don't have it.", [("told", None), ("told", None)]),
        ("The brick isn't in the box.", [("told", None), ("told", None)]),
        ("No need to lift it.", [("ruled out", "lift")]),
        ("I want you to open it.", [("wanted", "open")]),
        ("Without pushing the brick.", [("ruled out", "push")]),
        ("I won't touch it.", [("wanted", None), ("ruled out", "touch")]),
        ("Use your left hand.", [("wanted", "use")]),
    ],
)
def test_what_clauses_ask_for_and_rule_out(text: str, clauses: list[tuple[str, str | None]]) -> None:
    read = read_demands(text, KNOWN)
    assert [(demand.sense, demand.verb and demand.verb.base) for demand in read] == clauses


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Don't move an inch.", [("wanted", "wait")]),
        ("Stop moving.", [("wanted", "wait")]),
        ("Keep your arm still.", [("wanted", "wait")]),
        ("Don't move the box.", [("ruled out", "move")]),
        ("Don't move before you grasp it.", [("ruled out", "move"), ("told", "grasp")]),
        ("Stop pushing the box.", [("ruled out", "push")]),
        ("Leave the box open.", [("ruled out", "close")]),
        ("Don't leave the box open.", [("wanted", "close")]),
        ("Keep the box where it is.", [("ruled out", "skip")]),
        ("Put it back.", [("wanted", "undo")]),
        ("I'd prefer the box closed.", [("wanted", "close")]),
    ],
)
def test_what_is_said_in_another_way_is_put_plainly(text: str, clauses: list[tuple[str, str]]) -> None:
    read = read_demands(text, KNOWN)
    assert [(demand.sense, demand.verb and demand.verb.base) for demand in read] == clauses


def test_nouns_that_nobody_knows_are_read_too() -> None:
    for text, named in (
        ("Take the hammer.", [("", "hammer")]),
        ("Take the blue brick and a hammer.", [("", "brick"), ("", "hammer")]),
        ("Put it on the shelf.", [("on", "shelf")]),
        ("Push the box the other way this time.", [("", "box")]),
        ("Take the box by the edge.", [("", "box")]),
        ("That smells good.", []),
    ):
        (demand,) = read_demands(text, KNOWN)
        assert [(one.preposition, one.thing.head) for one in demand.named] == named


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("No, the blue one, please.", True),
        ("I meant the blue brick.", True),
        ("I'd like the pink brick first.", True),
        ("The blue brick looks fine.", False),
        ("I can see the blue brick.", False),
    ],
)
def test_a_thing_that_is_only_named_is_a_wish(text: str, wish: bool) -> None:
    assert any(demand.wish for demand in read_demands(text, KNOWN)) == wish


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("Please pick it up.", True),
        ("Can you carefully put it in the box?", True),
        ("You put it in the box.", False),
        ("You should put it in the box.", True),
        ("I saw you grasp it.", False),
    ],
)
def test_telling_what_was_done_is_no_command(text: str, command: bool) -> None:
    assert read_demands(text, KNOWN)[0].command == command


def test_what_is_ruled_out_for_now_only() -> None:
    for text in ("Don't take it yet.", "Don't let go before you are there.", "Leave it for later."):
        assert read_demands(text, KNOWN)[0].not_yet
    assert not read_demands("Don't take it.", KNOWN)[0].not_yet
