"""What servers refuse is told with what to do about it, where that is known."""

import pytest

from roboscribe.models.trouble import SHOW_LESS, hint_for


@pytest.mark.parametrize(
    "said",
    [
        "HTTP 400: The decoder prompt (length 5211) is longer than the maximum model length of 4096",
        "HTTP 400: This model's maximum context length is 4096 tokens. However, you requested 6000 tokens",
        "HTTP 400: context_length_exceeded",
        "HTTP 400: the request exceeds the available context size, try increasing it",
        "HTTP 413: prompt is too long: 210000 tokens > 200000 maximum",
    ],
)
def test_a_request_that_is_too_long_should_show_less(said: str) -> None:
    assert hint_for(said) == SHOW_LESS


def test_other_refusals_speak_for_themselves() -> None:
    assert hint_for("HTTP 400: top_k is 0, which makes no sense") == ""
