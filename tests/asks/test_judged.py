"""The checker agrees with what was judged by hand, but for a few cases that are known by their words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from roboscribe.asks.fit import fault_of_request
from roboscribe.asks.situation import situation

JUDGED = tomllib.loads(Path(__file__).with_name("judged.toml").read_text())
WRONGLY_REFUSED = {
    "Hang on, I need a second.",
    "Pull it, don't push it.",
    "Put the bread on top of the apples.",
    "Don't press the stop button.",
    "The right hand, not the left hand.",
}
WRONGLY_PASSED = {
    "The cup, the knife and the spoon have to go in the dishwasher.",
    "Don't lift the green book.",
    "Don't leave the nursery.",
    "I'd prefer it in the corner next to the rook.",
}


def wrongly_judged(verdict: str) -> Iterator[str]:
    for scene in JUDGED.values():
        for done, kind, text, judged in scene["said"]:
            at = situation(scene["task"], tuple(scene["subtasks"]), done, tuple(scene.get("arms", ())))
            if judged == verdict and bool(fault_of_request(text, kind, at)) != (verdict == "does not fit"):
                yield text


def test_what_fits_passes() -> None:
    assert set(wrongly_judged("fits")) == WRONGLY_REFUSED


def test_what_does_not_fit_is_refused() -> None:
    assert set(wrongly_judged("does not fit")) == WRONGLY_PASSED


def test_the_table_is_whole() -> None:
    said = [case for scene in JUDGED.values() for case in scene["said"]]
    assert len(said) == 436
    assert {case[3] for case in said} == {"fits", "does not fit"}
