"""What a run tells of itself, in lines for people."""

import pytest

from roboscribe.events import Spent
from roboscribe.plain import money, spending


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (1234.5, "1,234.50"),
        (1.0, "1.00"),
        (0.5, "0.50"),
        (0.0341, "0.034"),
        (0.00042, "0.00042"),
        (0.0, "0.00"),
    ],
)
def test_an_amount_shows_digits_however_small(amount: float, shown: str) -> None:
    assert money(amount) == shown


def test_the_last_line_of_a_run_tells_what_it_cost() -> None:
    spent = Spent(calls=3, prompt_tokens=1200, completion_tokens=90, cost=0.0034)
    assert spending(spent) == "3 calls, 1,200 tokens read, 90 written, cost 0.0034"
