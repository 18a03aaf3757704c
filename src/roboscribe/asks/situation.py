"""What a robot is about to do at a subtask boundary: labels go in; the thing, the place and what is spared come out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from roboscribe.english import lexicon as lex
from roboscribe.english.steps import TRIVIAL, Step, arm_in, read_step
from roboscribe.english.task import parse_task
from roboscribe.english.things import Thing, definite, distinct_things, is_unknown, thing_of
from roboscribe.english.words import singular

_TAKES = frozenset({"pick", "grasp", "lift"})
_LEAVES = frozenset({"place", "release"})
_PUTS = _LEAVES | {"lower"}
_MOVES = frozenset({"carry", "push", "pull"})
_HANDS = frozenset(map(singular, lex.LIMBS))
_AT_REST = {"to": "at", "into": "in", "inside": "in", "inside of": "in", "onto": "on", "upon": "on"}


@dataclass(frozen=True)
class Situation:
    """A subtask boundary, with all that labels and task tell of what comes.

    Attributes:
        task: The task text; empty when unknown.
        subtasks: Labels of the episode's subtasks in order.
        done: How many of them are done (1 ≤ done < len(subtasks)).
        arms: The arm that acts in each subtask, as the robot's signals tell: ``left``, ``right`` or ""; empty when
            they are not known.
    """

    task: str
    subtasks: tuple[str, ...]
    done: int
    arms: tuple[str, ...] = ()

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The subtasks as read."""
        return tuple(map(read_step, self.subtasks))

    @property
    def before(self) -> Step:
        """The subtask that ends."""
        return self.steps[self.done - 1]

    @property
    def next(self) -> Step:
        """The subtask that begins."""
        return self.steps[self.done]

    @property
    def remaining(self) -> tuple[Step, ...]:
        """The subtask that begins and all after it."""
        return self.steps[self.done :]

    @cached_property
    def arm(self) -> str:
        """The arm that acts next, by its label or else by the robot's signals; "" when neither tells."""
        told = self.next.arm or arm_in(self.subtasks[self.done])
        return told or (self.arms[self.done] if self.arms else "")

    @cached_property
    def held(self) -> str | None:
        """What the hand that acts next holds by now, or None."""
        hands: dict[str, str] = {}
        for step in self.steps[: self.done]:
            # To go for what was held is to have lost it.
            lost = step.kind == "approach" and _same(step.thing, hands.get(step.arm))
            if step.kind in _TAKES and step.thing:
                hands[step.arm] = step.thing
            elif step.kind in _LEAVES or step.kind == "reopen" or lost:
                hands.pop(step.arm, None)
        return hands.get(self.next.arm)

    @property
    def carries(self) -> bool:
        """Whether the next step brings what is held somewhere, though its label may name only the place."""
        if self.next.kind == "approach":
            return self.held is not None and not _same(self.next.thing, self.held)
        return self.next.kind == "carry"

    @property
    def thing(self) -> str | None:
        """What the next step is about, with "the"; None when its label does not tell."""
        if self.carries and (self.next.kind == "approach" or self.next.thing is None):
            return self.held
        return self.next.thing or (self.held if self.next.kind == "lift" else None)

    @cached_property
    def goal(self) -> tuple[str, str] | None:
        """Preposition and place where the thing ends, as far as a later label tells; None when none does."""
        if self.thing is None:
            return None
        for kinds in (_PUTS, _MOVES):
            for step in self.remaining:
                of_it = step.thing is None or _same(step.thing, self.thing)
                if of_it and step.place and step.kind in kinds and thing_of(step.place).head not in _HANDS:
                    preposition = step.preposition or "to"
                    return _AT_REST.get(preposition, preposition), step.place
        return None

    @cached_property
    def keeps(self) -> bool:
        """Whether the thing stays in the hand, once it is there, until it is put where it belongs."""
        rest = self.remaining
        if self.next.kind in _TAKES:
            rest = rest[1:]
        elif not self.held:
            return False
        for at, step in enumerate(rest):
            if step.arm != self.next.arm:
                continue
            if step.kind in _LEAVES:
                return at > 0 or self.next.kind in _TAKES
            gone = step.kind in ("reopen", "retract") or (step.kind == "grasp" and at > 0)
            if gone or (step.kind == "approach" and _same(step.thing, self.thing)):
                return False
        return False

    @cached_property
    def ahead(self) -> tuple[Situation, ...]:
        """This situation and those at all later boundaries."""
        later = (
            situation(self.task, self.subtasks, at, self.arms) for at in range(self.done + 1, len(self.steps))
        )
        return (self, *later)

    @cached_property
    def acted_on(self) -> tuple[str, ...]:
        """Things that the remaining steps do something to, in order."""
        return tuple(distinct_things(at.thing for at in self.ahead if at.thing and at.next.kind != "reopen"))

    @cached_property
    def later(self) -> tuple[str, ...]:
        """Things whose turn comes only after this one's."""
        if self.thing is None:
            return ()
        return tuple(noun for noun in self.acted_on if not _same(noun, self.thing))

    @cached_property
    def spared(self) -> tuple[str, ...]:
        """Things of the task and the subtasks that the robot does nothing to from here on.

        What something is pushed towards is not among them, as it may be touched.
        """
        pushed = [step.place for step in self.remaining if step.kind in ("push", "pull") and step.place]
        return tuple(
            noun
            for noun in distinct_things(self._named())
            if thing_of(noun).head not in lex.SURFACES
            and not any(_same(noun, other) for other in (*self.acted_on, *pushed))
        )

    @cached_property
    def carried(self) -> tuple[str, ...]:
        """Things that the episode's steps take hold of or move."""
        moved = [step for step in self.steps if step.kind not in (*TRIVIAL, "approach", "reopen")]
        return tuple(distinct_things(step.thing for step in moved if step.thing))

    @cached_property
    def known(self) -> frozenset[Thing]:
        """Everything that task and subtasks name."""
        return frozenset(thing_of(noun) for noun in self._named(places=True) if not is_unknown(noun))

    def _named(self, places: bool = False) -> list[str]:
        nouns: list[str | None] = []
        for step in self.steps:
            nouns += (step.thing, step.place)
        for action in parse_task(self.task).actions:
            nouns += (action.object, action.destination)
            if places and action.origin:
                nouns.append(action.origin.partition(" ")[2])
        return [definite(noun) for noun in nouns if noun]


@lru_cache(maxsize=1024)
def situation(task: str, subtasks: tuple[str, ...], done: int, arms: tuple[str, ...] = ()) -> Situation:
    """The situation at a boundary; it is read once, however often it is asked for."""
    return Situation(task, subtasks, done, arms)


def _same(noun: str | None, other: str | None) -> bool:
    return bool(noun and other) and thing_of(noun or "").may_be(thing_of(other or ""))
