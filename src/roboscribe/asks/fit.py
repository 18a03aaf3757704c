"""Whether what is said fits what the robot does next: a text and a situation go in, what is wrong with it comes out.

A text is read by clauses. What a clause asks for must be possible in what is coming, and what it rules out must not
be certain; what cannot be read passes. ``asks.acts`` compares, ``asks.kinds`` tells what each kind of request must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from roboscribe.asks.acts import Act, coming, of_body, of_task
from roboscribe.asks.kinds import fault_of_kind
from roboscribe.asks.situation import Situation
from roboscribe.config import Scenario
from roboscribe.english import lexicon as lex
from roboscribe.english.deeds import GOING, HANDLING, IDLE, LEAVING, PLACING, WAITING
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
_JUDGED = HANDLING | GOING | IDLE | LEAVING | {"move"}
"""Deeds of which it is known what else is one."""


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
    return ""


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
    judged = not demand.deeds.isdisjoint(_JUDGED)
    using = "use" in demand.deeds and demand.arms
    if not demand.wish and not (demand.command and (judged or using)):
        return ""
    things = [thing for thing in demand.objects if thing.head not in lex.LIMBS]
    return next(filter(None, (_unmet(demand, thing, acts, task) for thing in things or (None,))), "")


def _unmet(demand: Demand, thing: Thing | None, acts: Sequence[Act], task: Sequence[Act]) -> str:
    """What of a demand for one of its things leaves no act; each slot leaves those that can be that, too."""
    if demand.deeds == WAITING and demand.arms:
        return f"it has the {acts[0].arm} arm rest" if acts[0].arm in demand.arms else ""
    left = _considered(demand, thing, acts, task)
    if thing is not None:
        left = [act for act in left if act.may_be_about(thing)]
        if not left:
            return "" if demand.deeds == LEAVING else f"it asks for {_called(thing)}"
    for place in demand.places if demand.wish or demand.deeds & (PLACING | IDLE | GOING | LEAVING) else ():
        left = [act for act in left if place.preposition in lex.AWAY or act.may_lead(place)]
        if not left:
            return f"it asks for {place.preposition} {_called(place.thing)}"
    left = [act for act in left if not (act.arm and demand.arms) or act.arm in demand.arms]
    if not left:
        return f"it asks for the {min(demand.arms)} arm"
    left = [act for act in left if not are_opposed(demand.ways, act.ways)]
    if not left:
        return f"it asks for {' and '.join(sorted(demand.ways))}"
    moves = "move" in demand.deeds and not demand.pronoun
    deeds = of_body(demand) if thing is None and (demand.body or moves) else demand.deeds
    judged = demand.deeds <= _JUDGED - LEAVING and (
        demand.deeds <= IDLE or thing is not None or _says_what(demand)
    )
    if deeds and judged and not any(act.may_do(deeds) for act in left):
        return f"“{demand.said}” asks for what the robot does not do"
    return ""


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


def _says_what(demand: Demand) -> bool:
    """Whether a verb has something after it: "lift it", not "nice lift"."""
    return demand.verb is not None and demand.words[-1] not in demand.verb.base.split()


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
