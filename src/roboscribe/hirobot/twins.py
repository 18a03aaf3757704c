"""Near-duplicates: prompts in order go in, those that say again what an earlier one said come out."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

from roboscribe.english.gist import gist

K = TypeVar("K", bound=Hashable)

MOST_AVOIDED = 5
"""Earlier prompts of one gist that are named when it is asked again."""


class Heard:
    """What has been said so far, by its gist."""

    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}

    def before(self, text: str) -> tuple[str, ...]:
        """Earlier texts that say the same, at most ``MOST_AVOIDED`` of them; the text is one of them from now on."""
        # A digest takes a tenth of the memory of the words.
        texts = self._texts.setdefault(hash(gist(text)), [])
        earlier = tuple(texts)
        if len(texts) < MOST_AVOIDED:
            texts.append(text)
        return earlier


def twins(prompts: Iterable[tuple[K, str]]) -> dict[K, tuple[str, ...]]:
    """The near-duplicates among prompts in order, each with the earlier ones of the same gist."""
    said = Heard()
    found = ((key, said.before(text)) for key, text in prompts)
    return {key: earlier for key, earlier in found if earlier}
