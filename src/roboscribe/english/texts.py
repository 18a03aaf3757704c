"""Texts as people compare them: two texts go in, whether they say the same in the same words comes out."""

from __future__ import annotations

from collections.abc import Iterable


def wording(text: str) -> str:
    """The words of a text without case, spacing and end punctuation: equal for texts that read the same."""
    return " ".join(text.split()).rstrip(".!? ").casefold()


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts without empty ones and those whose wording an earlier one has."""
    kept: dict[str, str] = {}
    for text in texts:
        if key := wording(text):
            kept.setdefault(key, text)
    return list(kept.values())


def upper_first(text: str) -> str:
    """The text with its first letter a capital."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """The text with its first letter small."""
    return text[:1].lower() + text[1:]
