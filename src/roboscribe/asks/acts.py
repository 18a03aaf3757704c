"""What a robot does in a coming subtask, slot by slot: a situation and a demand go in, whether they agree comes out.

Each slot (deed, thing, place, arm, way) is known or not. What a person wants must be possible: some act has no slot
that is known to differ. What a person rules out must not be certain: no act has all that is ruled out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from roboscribe.asks.situation import Situation
from roboscribe.english import lexicon as lex
from roboscribe.english.deeds import (
    BACK,
    GOING,
    HANDLING,
    LOOSE,
    MOVING,
    PLACING,
    VERB_FORMS,
    WORKING,
    Deeds,
    deeds_of,
    is_open,
)
from roboscribe.english.demands import Demand, Named
from roboscribe.english.sides import ways_in
from roboscribe.english.steps import TRIVIAL
from roboscribe.english.task import parse_task
from roboscribe.english.things import Thing, is_unknown, thing_of

_WIDE: dict[str, Deeds] = {
    "touch": WORKING,
    "skip": WORKING | GOING,
    "move": MOVING,
    "use": frozenset({"hold", "lift"}),
}
"""Deeds that stand for others where they are ruled out."""
_BODY: dict[str, Deeds] = {
    "close": frozenset({"hold"}),
    "open": frozenset({"release"}),
    "move": GOING,
    "use": HANDLING | GOING,
}
"""What is done where a hand is closed, opened, moved or used."""
_OF_BODY = frozenset({*_BODY, "wait"}) | BACK
_NEAR = tuple(
    frozenset(words.split("|"))
    for words in (
        "in|into|inside|inside of|on|onto|on top of|upon",
        "next to|beside|near|close to|by",
        "under|below|underneath|beneath",
        "behind",
        "in front of",
    )
)
"""Prepositions that may tell of one and the same place; others may tell of any."""
BESIDE = frozenset[str]().union(*_NEAR[1:])
"""Prepositions that tell of a place by something that lies there, too."""
_SAME = (
    frozenset({"in", "into", "inside", "inside of"}),
    frozenset({"on", "onto", "on top of", "upon"}),
)
"""Prepositions that certainly do."""


@dataclass(frozen=True, slots=True)
class Act:
    """What the robot does in one subtask.

    Attributes:
        deeds: Kinds of deed; None where its label is not understood.
        also: Kinds of deed that it may hold beside.
        things: What they are done to; None where its label does not tell, empty where it is nothing.
        places: Where that leads, with their prepositions; empty where its label does not tell.
        goal: Where a thing ends by this or a later label; None where none tells.
        arm: The arm that acts; "" where it is not known.
        ways: Ways to move or to turn; empty where its label does not tell.
    """

    deeds: Deeds | None
    things: tuple[Thing, ...] | None = None
    places: tuple[Named, ...] = ()
    goal: Named | None = None
    arm: str = ""
    ways: frozenset[str] = frozenset()
    also: Deeds = frozenset()

    def may_be_about(self, thing: Thing) -> bool:
        """Whether it can be done to a thing, or bring something there."""
        return self.things is None or any(thing.may_be(other) for other in self._reached())

    def may_lead(self, place: Named) -> bool:
        """Whether it can bring something to a place."""
        if not self.places:
            return self.things != () and self.may_do(PLACING)
        return any(
            not _apart(place.preposition, own.preposition)
            if place.thing.is_certainly(own.thing)
            else place.preposition in BESIDE or place.thing.may_be(own.thing)
            for own in self.places
        )

    def may_do(self, deeds: Deeds) -> bool:
        """Whether it can be one of these deeds."""
        return self.deeds is None or not (self.deeds | self.also).isdisjoint(deeds)

    def is_certainly(self, demand: Demand, meant: Collection[Thing], under_way: bool) -> bool:
        """Whether it is what a demand tells of.

        Args:
            demand: The demand.
            meant: Things that it means; where there are none, it is about what is under way.
            under_way: Whether this act comes next.
        """
        about = self._reached() if demand.verb is None or demand.deeds & GOING else self.things or ()
        hit = any(thing.is_certainly(other) for thing in meant for other in about)
        if demand.arms and self.arm not in demand.arms:
            return False
        if demand.ways and demand.ways.isdisjoint(self.ways):
            return False
        if demand.verb is None or (demand.arms and "use" in demand.deeds):
            leads = self.goal is not None and any(_is_same(place, self.goal) for place in demand.places)
            return hit or leads or bool(demand.arms and under_way)
        if self.deeds is None or demand.verb.base in LOOSE or self.deeds.isdisjoint(ruled_out(demand)):
            return False
        if demand.places and not any(_is_same(place, own) for place in demand.places for own in self.places):
            return False
        return hit if meant else under_way

    def _reached(self) -> tuple[Thing, ...]:
        return (*(self.things or ()), *(place.thing for place in self.places))


def coming(at: Situation) -> tuple[Act, ...]:
    """What the robot does from here on, in order."""
    return tuple(map(_act, at.ahead))


def of_task(at: Situation) -> Iterator[Act]:
    """What the task tells to do: at the start all, later no picking or placing, which is done by then or told."""
    for action in parse_task(at.task).actions:
        if not at.done or action.verb not in lex.CARRYING:
            things = (thing_of(action.object),) if action.object else None
            form = VERB_FORMS.get(action.phrase)
            yield Act(form.deeds if form else None, things, _named(action.preposition, action.destination))


def of_body(demand: Demand) -> Deeds:
    """The deeds of a demand about the robot's body; empty where it can be about any."""
    if demand.deeds.isdisjoint(_OF_BODY):
        return frozenset()
    return frozenset[str]().union(*(_BODY.get(deed, {deed}) for deed in demand.deeds))


def ruled_out(demand: Demand) -> Deeds:
    """The deeds that are not to be done where a demand rules out its own."""
    deeds = of_body(demand) if demand.body else demand.deeds
    return frozenset[str]().union(*(_WIDE.get(deed, {deed}) for deed in deeds))


def _act(at: Situation) -> Act:
    step = at.next
    deeds = deeds_of(step) | ({"carry"} if at.carries else frozenset[str]())
    also = set[str]()
    if not deeds.isdisjoint(HANDLING):
        also |= GOING
    if "put" in deeds:
        also |= {"carry"}
    if step.kind == "carry" and step.place:
        also |= {"put"}
    if step.kind in ("place", "carry") and at.held is None:
        also |= {"hold", "lift"}
    if step.kind in ("wait", "reopen"):
        also |= {"stop"}
    return Act(
        deeds=None if is_open(step) else deeds,
        also=frozenset(also),
        things=_things(at),
        places=_places(at),
        goal=next(iter(_named(*at.goal)), None) if at.goal else None,
        arm=at.arm,
        ways=ways_in(step.text.lower()),
    )


def _things(at: Situation) -> tuple[Thing, ...] | None:
    if at.next.kind in TRIVIAL:
        return ()
    nouns = dict.fromkeys(noun for noun in (at.thing, *(a.object for a in at.next.actions)) if noun)
    if not nouns or any(map(is_unknown, nouns)):
        return None
    return tuple(map(thing_of, nouns))


def _places(at: Situation) -> tuple[Named, ...]:
    """Where a step leads; what is let go of without a word of where ends where it was put before."""
    if at.next.kind == "approach":
        return _named("to", at.next.thing)
    led = at.next
    if led.kind == "release" and led.thing and not led.place:
        thing = thing_of(led.thing)
        before = (step for step in reversed(at.steps[: at.done]) if step.thing and step.place)
        led = next((step for step in before if thing_of(step.thing or "").may_be(thing)), led)
    return _named(led.preposition, led.place)


def _named(preposition: str | None, noun: str | None) -> tuple[Named, ...]:
    return (Named(thing_of(noun), preposition or ""),) if noun else ()


def _apart(preposition: str, other: str) -> bool:
    """Whether these prepositions tell of different places."""
    some, others = (next((near for near in _NEAR if word in near), None) for word in (preposition, other))
    return some is not None and others is not None and some is not others


def _is_same(place: Named, own: Named) -> bool:
    same = place.preposition == own.preposition or any(
        {place.preposition, own.preposition} <= alike for alike in _SAME
    )
    return same and place.thing.is_certainly(own.thing)
