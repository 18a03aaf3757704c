"""The words of dialogues made by rule: ``exchange.toml`` goes in, its lists by name come out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from pydantic import TypeAdapter

Texts = tuple[str, ...]
Pairs = tuple[tuple[str, str], ...]
"""What a person says of how it is to be done, and the same in the robot's mouth."""


@dataclass(frozen=True)
class Words:
    """The lists of ``exchange.toml``, which tells what each is for."""

    openings: Texts
    short_openings: Texts
    pointing: Texts
    pointing_at: Texts
    negative: Pairs
    negative_still: Pairs
    sparing: Pairs
    sparing_later: Pairs
    corrections: Texts
    afterwards: Texts
    reasons: Texts
    reasons_still: Texts
    constraints: Pairs
    waiting: Pairs
    agreeing: Texts
    hearing: Texts
    confirmations: Texts
    clarifications: Texts
    clarifications_of_thing: Texts
    acknowledgments: Texts
    heeding: Texts
    plain_echo: Texts
    needs: Mapping[str, Texts]
    ways: Mapping[str, Texts]


@lru_cache(maxsize=1)
def read_words() -> Words:
    """The words, read once."""
    text = (files("roboscribe.models.builtin") / "exchange.toml").read_text(encoding="utf-8")
    return TypeAdapter(Words).validate_python(tomllib.loads(text))
