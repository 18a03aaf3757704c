"""What makes a request one of its kind: a text and a situation go in, why it is none of that kind comes out.

Each kind has its marks, which a text must bear; ``KINDS`` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from roboscribe.asks.acts import BESIDE
from roboscribe.asks.situation import Situation
from roboscribe.config import Scenario
from roboscribe.english import lexicon as lex
from roboscribe.english.deeds import VERB_FORMS
from roboscribe.english.demands import Demand, read_demands
from roboscribe.english.steps import TRIVIAL
from roboscribe.english.words import past_tense, singular

_RULING_OUT = re.compile(
    r"\b(?:don't|dont|do not|not|no|never|nothing|none|without|avoid|leave|skip|ignore|forget|except|but not|only"
    r"|keep|stay|stop|rather than|instead of|hands off|needn't|shouldn't|mustn't|neither|nor|wait)\b"
)
_AGAINST = re.compile(
    r"\b(?:not|no|never|nothing|nor|instead|rather than|actually|already|wrong|meant|missed|leave|forget|skip|ignore"
    r"|dont|[a-z]+n't)\b"
)
"""Words by which something is set right: "not the blue one", "that's the wrong one"."""
_PREFERRING = re.compile(
    r"\b(?:(?:i|we)(?:'d| would) (?:really |much |also )?(?:like|love|prefer|rather|be [a-z]+)|rather|prefer|prefers?"
    r"|preference|favou?r|i (?:want|wish)|i like|ideally|best|better|nicer|my choice|(?:would|'d) be [a-z]+ (?:if|to)"
    r"|favou?rite|up to me|(?:can|could|may) i (?:have|get|see))\b"
)
_UNSEEN = re.compile(
    r"\b(?:gentl[ey]|slow(?:ly|er)?|careful(?:ly)?|quick(?:ly|er)?|fast(?:er)?|soft(?:ly)?|quiet(?:ly)?|firm(?:ly)?"
    r"|tight(?:ly)?|rough(?:ly)?|smooth(?:ly)?|delicate(?:ly)?|lightly|loose(?:ly)?|steadily|swiftly|cautious(?:ly)?"
    r"|speed|force|pressure|rush|hurry)\b"
)
"""Words of how, which labels made from pictures do not bear out."""
_EMPTY = frozenset(
    word
    for line in (
        "a an the please now ok okay hey yes no not so go ahead can could would will should you",
        "i i'd i'll i'm we let's do be to and is are was for of me my want like need that's very too really thanks",
        "thank next here there up down again just robot sure in on this that it good great nice",
    )
    for word in line.split()
)
"""Words that say nothing of what is wanted."""
_NEEDING = frozenset({"need", "want", "like", "wish", "hope", "should", "must", "be"})
_CHEERING = frozenset({"other", "stop"})
"""Deeds of verbs by which a robot is cheered on: "keep going", "don't stop now"."""


@dataclass(frozen=True)
class _Request:
    """What a person says, and what is about to happen."""

    text: str
    at: Situation

    @cached_property
    def plain(self) -> str:
        """The text in plain small letters."""
        return self.text.lower().replace("’", "'")

    @cached_property
    def demands(self) -> list[Demand]:
        """Its clauses."""
        return read_demands(self.text, self.at.known)


def fault_of_kind(request: str, scenario: Scenario, at: Situation) -> str:
    """Why a request is none of its kind, to follow its quotation; empty when it is one."""
    made = _Request(request, at)
    return next((fault for bears, fault in KINDS[scenario] if not bears(made)), "")


def names_something(request: str, at: Situation) -> bool:
    """Whether a request is about something: a thing, a place, an arm or a deed."""
    return at.next.kind in TRIVIAL or _is_about_something(_Request(request, at))


def rules_out(request: str) -> bool:
    """Whether a request says what is not to be done."""
    return bool(_RULING_OUT.search(request.lower().replace("’", "'")))


def _is_about_something(made: _Request) -> bool:
    labels = {word for step in made.at.remaining for word in step.text.lower().split()} - lex.SMALL_WORDS
    return any(
        demand.named
        or demand.pronoun
        or demand.body
        or demand.ways
        or demand.deeds - {"other"}
        or not labels.isdisjoint(demand.words)
        for demand in made.demands
    )


def _names_something(made: _Request) -> bool:
    return names_something(made.text, made.at)


def _rules_out(made: _Request) -> bool:
    return rules_out(made.text)


def _sets_right(made: _Request) -> bool:
    """Whether it sets what is wanted against what is not: "the red one, not the blue one"."""
    return bool(_AGAINST.search(made.plain)) and any(
        demand.verb or demand.named or demand.ways or len(demand.words) > 2
        for demand in made.demands
        if demand.sense != "ruled out"
    )


def _says_more(made: _Request) -> bool:
    """Whether it says more than what is to be done to what, as by what lies beside the place."""
    if any(place.preposition in BESIDE for demand in made.demands for place in demand.places):
        return True
    named = {word for thing in made.at.known for word in (thing.head, *thing.attributes)}
    words = set(re.findall(r"[a-z']+", made.plain)) - _EMPTY - set(made.at.next.text.lower().split())
    return any(singular(word) not in named and not _is_deed(word) for word in words)


def _is_deed(word: str) -> bool:
    form = VERB_FORMS.get(word)
    return form is not None and "other" not in form.deeds


def _can_be_known(made: _Request) -> bool:
    """Whether it speaks of speed, force and care only as labels and task do, as nobody sees them."""
    told = re.findall(r"[a-z]+", " ".join((made.at.task, *made.at.subtasks)).lower())
    return {word.removesuffix("ly") for word in _UNSEEN.findall(made.plain)} <= {
        word.removesuffix("ly") for word in told
    }


def _prefers(made: _Request) -> bool:
    return bool(_PREFERRING.search(made.plain))


def _orders_nothing(made: _Request) -> bool:
    """Whether no clause tells the robot what to do or not to do, or asks for a thing; to cheer it on is no order."""
    told = False
    for demand in made.demands:
        deeds = demand.deeds - _CHEERING
        # "You picked it up and put it there" tells what was done: such a verb looks the same in the past.
        past = told and demand.verb is not None and past_tense(demand.words[0]) == demand.words[0]
        # "I could use a hand" is about the person.
        of_robot = "i" not in demand.words or "you" in demand.words
        orders = demand.command and deeds and not past and of_robot
        asks = demand.verb is None and demand.objects and _NEEDING.isdisjoint(demand.words)
        if demand.sense != "told" and (orders or asks):
            return False
        told = demand.verb is not None and not demand.command
    return True


_Mark = tuple[Callable[[_Request], bool], str]
_ABOUT: _Mark = (_names_something, "names nothing; say what it is about")

KINDS: Mapping[Scenario, tuple[_Mark, ...]] = {
    "negative_task": (_ABOUT, (_rules_out, "does not say what the robot is not to do")),
    "situated_correction": (
        _ABOUT,
        (_sets_right, "sets nothing right; say what is meant and what it is not"),
    ),
    "specific_constraint": (
        _ABOUT,
        (_says_more, "sets no condition, such as “only …”, “before …” or “without …”"),
        (_can_be_known, "speaks of speed, force or care, which nobody can see"),
    ),
    "preference": (_ABOUT, (_prefers, "expresses no preference, such as “I'd rather …”")),
    "implicit_request": ((_orders_nothing, "is a command; give a need or a remark instead"),),
    "encouragement": ((_orders_nothing, "gives an order; only praise or comfort"),),
}
"""What a request of each kind must be, and what is wrong where it is not."""
