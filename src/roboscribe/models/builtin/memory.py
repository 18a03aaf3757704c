"""Tells by rule what a robot has done so far: subtask labels go in, first-person memories come out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from roboscribe.asks import Memories, UpdateMemory
from roboscribe.english import lexicon as lex
from roboscribe.english.steps import is_reaching, read_step
from roboscribe.english.task import TaskAction, parse_task
from roboscribe.english.things import definite
from roboscribe.english.words import is_plural
from roboscribe.models.builtin.retelling import Outcome, missed, past_phrase, past_verb, retell

_LET_GO = "let go of"
_AT_REST = {"into": "in", "onto": "on"}


def remember(ask: UpdateMemory) -> Memories:
    """What has been done by each boundary: at most two sentences.

    Outcomes stay; colours and sizes go where the noun alone is unambiguous in the episode. A failed try is
    told until the next one succeeds. ``ask.previous`` adds nothing, as the ask has the subtasks before the
    first boundary too.
    """
    story = _Story(_short_names(ask.task, ask.subtasks))
    told = [story.tell()]
    for label in ask.subtasks:
        story.live(label)
        told.append(story.tell())
    return Memories(memories=[told[min(done, len(ask.subtasks))] for done in ask.boundaries])


def _short_names(task: str, labels: Iterable[str]) -> dict[str, str]:
    """Every noun phrase without its adjectives, where no other thing would be called the same."""
    nouns = {
        definite(noun)
        for text in (task, *(read_step(label).text for label in labels))
        for action in parse_task(text).actions
        for noun in (action.object, action.destination)
        if noun
    }
    short = {noun: _without_adjectives(noun) for noun in nouns}
    names = list(short.values())
    return {noun: name if names.count(name) == 1 else noun for noun, name in short.items()}


def _without_adjectives(noun: str) -> str:
    article, *words = noun.split()
    while len(words) > 1 and words[0].strip(",") in lex.COLOURS:
        del words[0]
    return " ".join((article, *words))


@dataclass(slots=True)
class _Story:
    """What has happened so far.

    Attributes:
        names: Short names of noun phrases.
        outcomes: What was done, in order.
        under_way: What the last subtasks did without an outcome yet, in the past tense; "" for nothing.
        failed: The thing that the last try failed at, or None.
        dropped: Whether that try had got hold of the thing.
        tries: Failed tries at each thing since it was last put somewhere.
        hands: Arms that hold each thing, where the labels name them.
        fresh: Whether the last subtask brought the last outcome.
    """

    names: dict[str, str]
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    under_way: str = ""
    failed: str | None = None
    dropped: bool = False
    tries: dict[str, int] = field(default_factory=dict[str, int])
    hands: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    fresh: bool = False

    def live(self, label: str) -> None:
        """Take note of one more subtask."""
        step = read_step(label)
        self.fresh = False
        if step.kind == "wait":
            return
        self.under_way = ""
        if step.kind == "retract":
            self.under_way = "" if self.outcomes or self.failed else "moved back"
        elif step.kind == "reopen":
            self._miss(step.thing, step.text)
        else:
            task = parse_task(step.text)
            if task.understood or (task.actions and all(map(is_reaching, task.actions))):
                for action in task.actions:
                    self._act(action, step.arm)
            elif (outcome := Outcome(past_phrase(step.text))) not in self.outcomes[-1:]:
                self.outcomes.append(outcome)

    def tell(self) -> str:
        """The memory at this point."""
        failure = ""
        if self.failed:
            name = self._name(self.failed)
            failure = f"I lost {name} once." if self.dropped else missed(name, self.tries[self.failed])
        return retell(self.outcomes, self.under_way, failure, self.names, self.fresh)

    def _act(self, action: TaskAction, arm: str) -> None:
        thing = definite(action.object) if action.object else ""
        place = definite(action.destination) if action.destination else ""
        if is_reaching(action):
            self._reach(place or thing)
        elif action.verb == "pick" and action.phrase not in ("remove", "take out"):
            self.hands.setdefault(thing, set()).add(arm)
            self._pick(thing, "grasped" if action.phrase in ("grasp", "grip") else "picked up")
        elif action.phrase == "lower":
            self._pick(thing, "picked up")
            where = f" {action.preposition} {self._name(place)}" if place else ""
            self.under_way = f"lowered {_pronoun(thing)}{where}"
        elif action.verb == "move" and not place:
            self.under_way = f"moved {_pronoun(thing) if self._holds(thing) else thing}"
        elif action.phrase != "release" or place or not self._hands_over(thing, arm):
            self._finish(thing, place, action)

    def _reach(self, target: str) -> None:
        held = next((outcome.thing for outcome in reversed(self.outcomes) if outcome.held), None)
        if self._holds(target):
            self._fail(target, dropped=True)
        elif held:
            self.under_way = f"moved {_pronoun(held)} to {self._name(target)}"
        elif target != self.failed:
            self.under_way = f"moved to {self._name(target)}"

    def _pick(self, thing: str, did: str) -> None:
        if self._holds(thing) and did == "grasped":
            return
        self._let_go(thing)
        self.outcomes.append(Outcome(did, thing, held=True, tries=self.tries.get(thing, 0)))
        self.failed = None

    def _hands_over(self, thing: str, arm: str) -> bool:
        """Whether another arm still holds what ``arm`` lets go of."""
        self.hands.get(thing, set()).discard(arm)
        return bool(self.hands.get(thing))

    def _finish(self, thing: str, place: str, action: TaskAction) -> None:
        """Note that ``thing`` has been put somewhere, or something done to it where it is."""
        placing = action.verb in lex.CARRYING
        if placing or self._holds(thing, "grasped"):
            self._let_go(thing)
            self.hands.pop(thing, None)
        self.tries.pop(thing, None)
        self.failed = None
        told = any(outcome.thing == thing for outcome in self.outcomes)
        if action.phrase == "release" and not place:
            if not told:
                self.outcomes.append(Outcome(_LET_GO, thing))
            return
        if placing:
            self.outcomes = [
                o for o in self.outcomes if o.thing != thing or not (o.place or o.did == _LET_GO)
            ]
        by_arm = re.search(r"\b(?:arm|hand|gripper)s?\b", action.manner or "")
        self.outcomes.append(
            Outcome(
                did="put" if action.phrase == "release" else past_verb(action.phrase),
                thing=thing,
                preposition=_AT_REST.get(action.preposition or "", action.preposition)
                if placing
                else action.preposition,
                place=place or None,
                how=None if placing or by_arm else action.manner,
            )
        )
        self.fresh = True

    def _miss(self, thing: str | None, label: str) -> None:
        held = next((outcome.thing for outcome in reversed(self.outcomes) if outcome.held), None)
        if held is None:
            self.under_way = past_phrase(label)
        else:
            self._let_go(held)
            self._fail(definite(thing) if thing else held, dropped=False)

    def _fail(self, thing: str, dropped: bool) -> None:
        self._let_go(thing)
        self.hands.pop(thing, None)
        self.tries[thing] = self.tries.get(thing, 0) + 1
        self.failed, self.dropped = thing, dropped

    def _holds(self, thing: str, *did: str) -> bool:
        """Whether a thing is in the hand, and got there by one of the verbs ``did`` if any are given."""
        return any(o.held and o.thing == thing and (not did or o.did in did) for o in self.outcomes)

    def _let_go(self, thing: str) -> None:
        self.outcomes = [o for o in self.outcomes if not (o.held and o.thing == thing)]

    def _name(self, noun: str) -> str:
        return self.names.get(noun, noun)


def _pronoun(thing: str) -> str:
    return "them" if is_plural(thing) else "it"
