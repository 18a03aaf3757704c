"""A request's digest stands for everything that can change the reply, and for nothing else."""

from dataclasses import replace

import pytest
from talking import jpeg

from roboscribe.frames.picture import Jpeg
from roboscribe.models.request import Request, Turn

PICTURE = jpeg(7)
BASE = Request("Look", "system", (PICTURE, "text"), {"type": "object"}, seed=3, max_tokens=100)


@pytest.mark.parametrize(
    "change",
    [
        {"system": "other"},
        {"parts": (PICTURE, "other")},
        {"parts": ("text", PICTURE)},
        {"parts": (jpeg(8), "text")},
        {"parts": (PICTURE, PICTURE, "text")},
        {"parts": (PICTURE, "te", "xt")},
        {"schema": {"type": "string"}},
        {"seed": 4},
        {"max_tokens": 200},
        {"turns": (Turn("reply", "objection"),)},
    ],
)
def test_what_can_change_the_reply_changes_the_digest(change: dict[str, object]) -> None:
    assert replace(BASE, **change).digest != BASE.digest


def test_the_same_question_has_the_same_digest() -> None:
    twin = Jpeg(PICTURE.data, *([32] * 4))
    assert replace(BASE, name="Another", parts=(twin, "text")).digest == BASE.digest
