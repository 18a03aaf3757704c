"""Whether what is said fits what the robot does next: a text and a situation go in, what is wrong with it comes out.

A text is read by clauses. What a clause asks for must be possible in what is coming, and what it rules out must not
be certain; what cannot be read passes. ``asks.acts`` compares, ``asks.kinds`` tells what each kind of request must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from roboscribe.asks.acts import Act, coming, of_body, of_task
from roboscribe.asks.kinds import fault_of_kind
from roboscribe.asks.situation import Situation
from roboscribe.config import Scenario
from roboscribe.english import lexicon as lex
from roboscribe.english.deeds import GOING, HANDLING, IDLE, LEAVING, PLACING, WAITING, Deeds
from roboscribe.english.demands import Demand, read_demands
from roboscribe.english.sides import are_opposed, arms_in
from roboscribe.english.things import Thing, is_unknown, thing_of

MOST_SPOKEN_WORDS = 20
"""Words that a robot says in a breath."""

_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|afraid|unable|not able|not allowed)|sorry,? (?:but|i)\b|as an ai|language model"
    r"|i (?:can't|cannot|can not|could not|couldn't|refuse|don't want|do not want|don't know|do not know)"
    r"|i (?:won't|will not) (?:do|be|help)|not possible|impossible|that(?:'s| is) not something)\b",
    re.IGNORECASE,
)
_LETTING_GO = frozenset({"put", "release"})
_LATER = re.compile(
    r"\b(?:later|then|after|afterwards|once|when|too|also|as well|both|all|finally|in the end|end up)\b"
)
"""Words of what need not be done at once."""
_JUDGED = HANDLING | GOING | IDLE | LEAVING | {"move"}
"""Deeds of which it is known what else is one."""
_LEADING = PLACING | IDLE | GOING | LEAVING
"""Deeds that a place after them is where they lead."""


def fault_of_request(request: str, scenario: Scenario, at: Situation) -> str:
    """What is wrong with what a person says, to follow its quotation; empty when it will do."""
    if not any(map(str.isalnum, request)):
        return "is blank"
    return _fault(request, at) or fault_of_kind(request, scenario, at)


def fault_of_speech(speech: str, at: Situation) -> str:
    """What is wrong with what a robot says, to follow its quotation; empty when it will do."""
    words = len(speech.split())
    if not any(map(str.isalnum, speech)):
        return "is blank"
    if words > MOST_SPOKEN_WORDS:
        return f"has {words} words; say it in at most {MOST_SPOKEN_WORDS}"
    if refuses(speech):
        return "refuses; the robot is seen to do what comes next"
    # Its hand is that of whom it speaks to only where a person speaks.
    return _fault(re.sub(r"\bmy\b", "your", speech, flags=re.IGNORECASE), at)


def refuses(speech: str) -> bool:
    """Whether a robot says that it will not, or cannot."""
    return bool(_REFUSAL.search(speech.replace("’", "'")))


def _fault(text: str, at: Situation) -> str:
    """What of a text cannot be, or be known, to follow its quotation."""
    if fault := contradiction(text, at):
        return f"does not fit what the robot does next, “{at.next.text}”: {fault}"
    told = arms_in(" ".join((at.task, *at.subtasks[at.done :])).lower())
    untold = sorted(arms_in(text.lower()) - told) if not at.arm else []
    return f"names the {untold[0]} arm, and nothing tells which arm acts" if untold else ""


def contradiction(text: str, at: Situation) -> str:
    """What in a text cannot be, given what the robot does next; empty where nothing is known to be wrong."""
    demands = read_demands(text, at.known)
    acts = coming(at)
    task = tuple(of_task(at))
    last = thing_of(at.thing) if at.thing and not is_unknown(at.thing) else None
    for demand in demands:
        if demand.sense == "wanted" and not _only_interrupts(demand, demands):
            fault = _impossible(demand, acts, task)
        else:
            fault = _certain(demand, acts, last) if demand.sense == "ruled out" else ""
        if fault:
            return fault
        last = demand.objects[-1] if demand.objects else last
    return _too_soon(demands, acts) if at.done and not _LATER.search(text.lower()) else ""


def _too_soon(demands: Sequence[Demand], acts: Sequence[Act]) -> str:
    """What of all that is wanted has its turn only after something else has been put where it belongs."""
    ends = (at for at, act in enumerate(acts, 1) if act.may_do(_LETTING_GO))
    under_way = acts[: next(ends, len(acts))]
    things = [thing for demand in demands if _is_judged(demand) for thing in demand.objects]
    if not things or any(act.may_be_about(thing) for thing in things for act in under_way):
        return ""
    return f"it asks for {_called(things[0])}, which has its turn only later"


def _is_judged(demand: Demand) -> bool:
    """Whether it is known what a demand asks for."""
    return demand.sense == "wanted" and (
        demand.wish or (demand.command and not demand.deeds.isdisjoint(_JUDGED - LEAVING))
    )


def _only_interrupts(demand: Demand, demands: Sequence[Demand]) -> bool:
    """Whether a clause only has the robot listen: "wait, the other one"."""
    still = WAITING | {"stop"}
    return (
        bool(demand.deeds)
        and demand.deeds <= still
        and not (demand.named or demand.body or demand.more)
        and any(
            one.sense != "told" and (one.named or (one.verb and not one.deeds <= still)) for one in demands
        )
    )


def _impossible(demand: Demand, acts: Sequence[Act], task: Sequence[Act]) -> str:
    """What of all that a demand asks for no act can be; empty where one can be all of it.

    Args:
        demand: What is wanted.
        acts: What the robot does from here on.
        task: What else its task tells to do.
    """
    using = "use" in demand.deeds and demand.arms
    if not demand.wish and not (demand.command and (using or not demand.deeds.isdisjoint(_JUDGED))):
        return ""
    things = [thing for thing in demand.objects if thing.head not in lex.LIMBS]
    return next(filter(None, (_unmet(demand, thing, acts, task) for thing in things or (None,))), "")


def _unmet(demand: Demand, thing: Thing | None, acts: Sequence[Act], task: Sequence[Act]) -> str:
    """The slot of a demand, for one of its things, that leaves no act, when each leaves those that it fits."""
    left = _considered(demand, thing, acts, task)
    for fits, fault in _slots(demand, thing):
        left = [act for act in left if fits(act)]
        if not left:
            return fault
    return ""


def _slots(demand: Demand, thing: Thing | None) -> Iterator[tuple[Callable[[Act], bool], str]]:
    """What a demand tells of an act: whether an act can be so, and what is wrong where none can."""
    if demand.deeds == WAITING and demand.arms:
        yield lambda act: act.arm not in demand.arms, f"it has the {min(demand.arms)} arm rest"
        return
    if thing is not None:
        # What nothing is done to is left where it is.
        fault = "" if demand.deeds == LEAVING else f"it asks for {_called(thing)}"
        yield lambda act: act.may_be_about(thing), fault
    if demand.wish or not demand.deeds.isdisjoint(_LEADING):
        for place in demand.places:
            if place.preposition not in lex.AWAY:
                fault = f"it asks for {place.preposition} {_called(place.thing)}"
                yield lambda act, place=place: act.may_lead(place), fault
    if demand.arms:
        yield lambda act: not act.arm or act.arm in demand.arms, f"it asks for the {min(demand.arms)} arm"
    if demand.ways:
        fault = f"it asks for {' and '.join(sorted(demand.ways))}"
        yield lambda act: not are_opposed(demand.ways, act.ways), fault
    if deeds := _judged_deeds(demand, thing):
        yield lambda act: act.may_do(deeds), f"“{demand.said}” asks for what the robot does not do"


def _judged_deeds(demand: Demand, thing: Thing | None) -> Deeds:
    """The deeds of which a demand asks for one; empty where it may ask for any."""
    # "Lift it" tells what to do, "nice lift" does not.
    tells = demand.verb is not None and demand.words[-1] not in demand.verb.base.split()
    if not demand.deeds <= _JUDGED - LEAVING or not (demand.deeds <= IDLE or thing or tells):
        return frozenset()
    moves = "move" in demand.deeds and not demand.pronoun
    return of_body(demand) if thing is None and (demand.body or moves) else demand.deeds


def _considered(demand: Demand, thing: Thing | None, acts: Sequence[Act], task: Sequence[Act]) -> list[Act]:
    """The acts that a demand can be about: of what is to be done at once the next one, else all."""
    at_once = demand.deeds & IDLE and "then" not in demand.words
    if at_once or (thing is None and (demand.arms or demand.ways)):
        return list(acts[:1])
    if thing is not None and demand.first:
        return list(_first_run(acts))
    if thing is None and demand.wish and demand.places:
        ends = (at for at, act in enumerate(acts, 1) if act.places and GOING.isdisjoint(act.deeds or ()))
        return list(acts[: next(ends, len(acts))])
    return [*acts] if demand.arms or demand.ways else [*acts, *task]


def _first_run(acts: Sequence[Act]) -> Iterator[Act]:
    """The acts before anything else has its turn."""
    first: tuple[Thing, ...] = ()
    for act in acts:
        if first and act.things and not any(thing.may_be(own) for thing in act.things for own in first):
            return
        first = first or act.things or ()
        yield act


def _certain(demand: Demand, acts: Sequence[Act], last: Thing | None) -> str:
    """Whether a demand rules out what the robot certainly does.

    Args:
        demand: What is ruled out.
        acts: What the robot does from here on.
        last: What was spoken of last, which a pronoun means.
    """
    if demand.body and not demand.arms and not of_body(demand):
        return ""
    meant = demand.objects or ((last,) if demand.pronoun and demand.verb and last else ())
    if demand.more and not meant and not demand.places:
        return ""
    # Not to let go of something is said of the way, not of where it leads.
    on_the_way = not demand.places and demand.deeds <= _LETTING_GO
    now = demand.not_yet or demand.verb is None or not meant or on_the_way
    if any(act.is_certainly(demand, meant, act is acts[0]) for act in (acts[:1] if now else acts)):
        return f"“{demand.said}” forbids what the robot does"
    return ""


def _called(thing: Thing) -> str:
    return f"the {' '.join((*sorted(thing.attributes), thing.head))}"
