"""Verb forms and number of English words."""

import pytest

from roboscribe.english.words import gerund, is_plural, past_tense, third_person


@pytest.mark.parametrize(
    ("verb", "past", "ing", "third"),
    [
        ("grab", "grabbed", "grabbing", "grabs"),
        ("put", "put", "putting", "puts"),
        ("place", "placed", "placing", "places"),
        ("carry", "carried", "carrying", "carries"),
        ("open", "opened", "opening", "opens"),
        ("push", "pushed", "pushing", "pushes"),
        ("take", "took", "taking", "takes"),
        ("tie", "tied", "tying", "ties"),
        ("transfer", "transferred", "transferring", "transfers"),
        ("unplug", "unplugged", "unplugging", "unplugs"),
        ("fix", "fixed", "fixing", "fixes"),
        ("pour", "poured", "pouring", "pours"),
        ("play", "played", "playing", "plays"),
        ("hang", "hung", "hanging", "hangs"),
        ("wave", "waved", "waving", "waves"),
        ("deliver", "delivered", "delivering", "delivers"),
        ("go", "went", "going", "goes"),
    ],
)
def test_verb_forms(verb: str, past: str, ing: str, third: str) -> None:
    assert (past_tense(verb), gerund(verb), third_person(verb)) == (past, ing, third)


@pytest.mark.parametrize(
    "noun", ["the cups", "3 cubes", "both moka pots", "two pieces of tape", "the boxes on the shelf"]
)
def test_plurals(noun: str) -> None:
    assert is_plural(noun)


@pytest.mark.parametrize(
    "noun", ["the cup", "the glass", "1 cube", "the cup of beans", "the bus", "the yellow and white mug"]
)
def test_singulars(noun: str) -> None:
    assert not is_plural(noun)
