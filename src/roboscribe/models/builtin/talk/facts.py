"""What the blanks of forms are filled with: a situation goes in; words for its blanks and its conditions come out."""

from __future__ import annotations

import random
from dataclasses import dataclass

from roboscribe.asks.situation import Situation
from roboscribe.english.steps import TRIVIAL
from roboscribe.english.texts import upper_first
from roboscribe.english.things import thing_of
from roboscribe.english.words import is_plural
from roboscribe.models.builtin.retelling import past_phrase, past_verb, with_object

_HOME = frozenset({"in", "on", "on top of"})
_TAKES = frozenset({"pick", "grasp", "lift"})
_CHOOSING = frozenset({"approach", "pick", "grasp", "push", "pull", "open", "close"})
_GOING_THERE = frozenset({"carry", "put", "lower", "release"})
_RARE = frozenset({"act", "open", "close", "pull", "put", "lower"})
_DONE_NOTHING = frozenset({"wait", "retract", "approach", "reopen", "unknown"})
_IN_OTHER_WORDS = {"retract": "move back", "retreat": "move back", "withdraw": "move back"}
_BY_NUMBER = {
    "it": ("it", "them"),
    "they": ("it", "they"),
    "is": ("is", "are"),
    "isnt": ("isn't", "aren't"),
    "has": ("has", "have"),
    "belongs": ("belongs", "belong"),
    "needs": ("needs", "need"),
    "self": ("itself", "themselves"),
}


@dataclass(frozen=True)
class Facts:
    """What can be said at a boundary.

    Attributes:
        kind: Of the next step, as forms are sorted.
        words: What fills each blank.
        conditions: Conditions that hold.
    """

    kind: str
    words: dict[str, str]
    conditions: frozenset[str]


def facts_of(at: Situation, chance: random.Random) -> Facts:
    """The facts at a boundary; where several things would do, chance picks one."""
    kind = _kind(at)
    words = {"do": _command(at)} if kind != "unknown" else {}
    words["arm"], words["other"] = {"left": ("left", "right"), "right": ("right", "left")}.get(
        at.next.arm, ("", "")
    )
    if at.thing:
        words |= _agreeing(at.thing, "T", "{}")
    if at.next.lead and kind in _TAKES:
        phrase = at.next.lead.phrase
        it = words.get("it", "it")
        words |= {"take": phrase, "take_it": with_object(phrase, it), "took": past_verb(phrase)}
    brings = at.carries and at.next.kind == "approach"
    preposition, place = at.goal or ("", (at.next.thing or "") if brings else "")
    if place:
        words |= _agreeing(place, "D", "{}_D")
    if preposition in _HOME:
        words["P"] = f"{preposition} {place}"
    words |= _others(at, place, chance)
    words |= _just_now(at)
    words |= {upper_first(name): upper_first(words[name]) for name in ("do", "take") if name in words}
    return Facts(kind, {name: text for name, text in words.items() if text}, _conditions(at, kind, words))


def _kind(at: Situation) -> str:
    if at.carries:
        return "carry"
    return {"place": "put"}.get(at.next.kind, at.next.kind)


def _command(at: Situation) -> str:
    """The next step as it is told to somebody."""
    if at.carries and at.next.kind == "approach":
        return f"take {at.held} to {at.next.thing}"
    return _IN_OTHER_WORDS.get(at.next.text.lower(), at.next.text)


def _agreeing(noun: str, name: str, pattern: str) -> dict[str, str]:
    """A noun under its name, and the words that agree with it under theirs."""
    number = is_plural(noun)
    return {name: noun} | {pattern.format(word): forms[number] for word, forms in _BY_NUMBER.items()}


def _others(at: Situation, place: str, chance: random.Random) -> dict[str, str]:
    """Things to set the next one against."""
    words: dict[str, str] = {}
    goal = [noun for noun in at.spared if noun == place and at.goal and at.goal[0] in _HOME]
    others = [noun for noun in at.spared if noun not in goal]
    moved = [noun for noun in others if noun in at.carried]
    if others:
        words |= _agreeing(chance.choice(moved or others), "O", "{}_O")
    if goal:
        words |= _agreeing(goal[0], "C", "{}_C")
    if at.later:
        words["L"] = at.later[0]
    head = thing_of(at.thing or "").head
    rivals = [noun for noun in (*at.spared, *at.later) if thing_of(noun).head == head]
    if rivals:
        words["R"] = chance.choice(rivals)
    return words


def _just_now(at: Situation) -> dict[str, str]:
    """What has just been done or reached."""
    if at.done < 1:
        return {}
    last = Situation(at.task, at.subtasks, at.done - 1)
    if last.carries and last.next.kind == "approach":
        return {"did": f"brought {last.held} to {last.next.thing}"}
    if last.next.kind == "approach" and at.thing == last.thing and not at.carries:
        return {"AT": at.thing or ""}
    if last.next.kind in _DONE_NOTHING:
        return {}
    return {"did": past_phrase(last.next.text)}


def _conditions(at: Situation, kind: str, words: dict[str, str]) -> frozenset[str]:
    following = at.ahead[1] if len(at.ahead) > 1 else None
    again = [coming.next.kind in _TAKES and _same(coming.next.thing, at.thing) for coming in at.ahead]
    tried = _tried(at)
    missed = (
        "reopen" in (kind, at.before.kind) or tried or (kind == "wait" and bool(at.held) and not at.keeps)
    )
    found = {
        "keeps": at.keeps,
        "empty": at.held is None or tried,
        "home": "P" in words,
        "apart": kind not in _GOING_THERE and not (kind == "wait" and at.held),
        "lifts": following is not None and following.next.kind == "lift",
        "takes": following is not None and following.next.kind in _TAKES,
        "moves": following is not None and following.carries,
        "goes": following is not None and following.next.kind == "retract",
        "doing": kind not in TRIVIAL,
        "more": any(step.kind not in TRIVIAL for step in at.remaining),
        "rare": kind in _RARE,
        "choosing": kind in _CHOOSING,
        "retry": tried or (kind == "reopen" and any(again)),
        "alone": not (at.later if at.thing else at.acted_on) and (kind in _TAKES or not any(again)),
        "missed": missed,
        "fine": not missed,
    }
    return frozenset(name for name, holds in found.items() if holds)


def _tried(at: Situation) -> bool:
    """Whether the robot goes once more for what it had taken hold of, or tried to, and not put anywhere."""
    if at.next.kind != "approach" or at.carries:
        return False
    for step in reversed(at.steps[: at.done]):
        if _same(step.thing, at.thing):
            return step.kind in (*_TAKES, "reopen")
    return False


def _same(noun: str | None, other: str | None) -> bool:
    return bool(noun and other) and thing_of(noun or "").may_be(thing_of(other or ""))
