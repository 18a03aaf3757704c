"""What a task text says about things one can see: the text goes in, their nouns and colours come out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from roboscribe.english.lexicon import COLOURS, DETERMINERS
from roboscribe.english.task import parse_task
from roboscribe.english.words import is_plural
from roboscribe.models.builtin.goals import goals_of
from roboscribe.models.builtin.vision.colours import ZONES

_COLOURLESS = frozenset(
    {"white", "black", "grey", "gray", "silver", "transparent", "clear", "brown", "beige", "gold"}
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A thing that the task names.

    Attributes:
        noun: What it is called, without article and colour: ``brick``.
        colour: The word for its colour, one with a hue; empty when the task does not say.
        moved: Whether the task is done only once the thing has been moved.
    """

    noun: str
    colour: str
    moved: bool

    @property
    def name(self) -> str:
        """Colour and noun."""
        return f"{self.colour} {self.noun}".strip()


def mentions_of(text: str) -> tuple[Mention, ...]:
    """The single things that a task names, in order; those of a colour without a hue are left out.

    Words that only set a thing apart, as in "the left cup", are dropped.
    """
    goals = goals_of(parse_task(text))
    found: dict[str, Mention] = {}
    for goal in goals:
        for phrase, moved in (
            (goal.object, goal.verb in ("carry", "push", "pull")),
            (goal.destination, False),
        ):
            mention = _mention(phrase, moved) if phrase else None
            if mention is not None and (moved or mention.name not in found):
                found[mention.name] = mention
    return tuple(found.values())


def _mention(phrase: str, moved: bool) -> Mention | None:
    words = [word for word in re.findall(r"[\w'-]+", phrase.lower()) if word not in DETERMINERS]
    plain = re.fullmatch(r"[\w' -]+", phrase)
    if not plain or not 1 <= len(words) <= 5 or is_plural(phrase) or words[-1] == "object":
        return None
    *before, last = words
    colours = [word for word in before if word in ZONES]
    if len(colours) > 1 or _COLOURLESS.intersection(before) or {"and", "of"}.intersection(words):
        return None
    start = words.index(colours[0]) + 1 if colours else 0
    noun = " ".join([word for word in words[start:-1] if word not in COLOURS] + [last])
    return Mention(noun, colours[0] if colours else "", moved)
