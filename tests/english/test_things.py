"""Noun phrases name things: which words can mean the same, and where a text names them."""

import pytest

from roboscribe.english.things import Thing, distinct_things, is_unknown, mentions, thing_of
from roboscribe.english.words import singular


@pytest.mark.parametrize(
    ("noun", "thing"),
    [
        ("the pink brick", Thing("brick", frozenset({"pink"}))),
        ("the 3 small spoons on the tray", Thing("spoon", frozenset({"small"}))),
        ("a glass of water", Thing("glass")),
        ("both boxes", Thing("box")),
    ],
)
def test_what_a_noun_phrase_names(noun: str, thing: Thing) -> None:
    assert thing_of(noun) == thing


@pytest.mark.parametrize(
    ("noun", "other", "certainly", "perhaps"),
    [
        ("the brick", "the pink brick", True, True),
        ("the bricks", "the pink brick", True, True),
        ("the pink one", "the pink brick", True, True),
        ("the pink brick", "the brick", False, True),
        ("the left brick", "the pink brick", False, True),
        ("the blue brick", "the pink brick", False, False),
        ("the big brick", "the large brick", False, True),
        ("the cup", "the pink brick", False, False),
    ],
)
def test_what_can_mean_the_same(noun: str, other: str, certainly: bool, perhaps: bool) -> None:
    assert thing_of(noun).is_certainly(thing_of(other)) == certainly
    assert thing_of(noun).may_be(thing_of(other)) == perhaps


def test_each_thing_is_listed_once_under_its_fullest_name() -> None:
    nouns = ["the brick", "the pink brick", "the object", "the box", "the blue brick", "the left arm", "it"]
    assert distinct_things(nouns) == ["the pink brick", "the box", "the blue brick"]
    assert is_unknown("the object")
    assert not is_unknown("the box")


def test_where_a_text_names_things() -> None:
    known = [thing_of("the pink brick"), thing_of("the transparent box")]
    words = ["put", "the", "pink", "one", ",", "not", "the", "blue", ",", "in", "that", "box"]
    assert [mention.thing for mention in mentions(words, known)] == [
        Thing("one", frozenset({"pink"})),
        Thing("one", frozenset({"blue"})),
        Thing("box"),
    ]
    assert list(mentions(["that's", "right", ",", "well", "done"], known)) == []


@pytest.mark.parametrize(
    ("noun", "one"),
    [("bricks", "brick"), ("boxes", "box"), ("glass", "glass"), ("lens", "lens"), ("berries", "berry")],
)
def test_one_of_several(noun: str, one: str) -> None:
    assert singular(noun) == one
