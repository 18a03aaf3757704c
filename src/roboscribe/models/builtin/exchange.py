"""Makes dialogues by rule: an occasion goes in, what a person says for the current skill and the answer come out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import TypeVar, get_args

from roboscribe.asks import Exchange, Exchanges, ImagineDialogue, ImagineDialogues, Occasion
from roboscribe.asks.base import derive_seed
from roboscribe.asks.dialogue import TYPES, ResponseType, ScenarioType
from roboscribe.english.gist import gist
from roboscribe.english.lexicon import SURFACES
from roboscribe.english.steps import TRIVIAL, Kind
from roboscribe.english.texts import upper_first
from roboscribe.english.things import distinct_things, is_unknown, thing_of
from roboscribe.english.words import is_plural
from roboscribe.errors import AnswerError
from roboscribe.models.builtin.bids import by_robot, doing, pronoun, ways
from roboscribe.models.builtin.exchange_words import Pairs, Words, read_words
from roboscribe.models.builtin.retelling import past_phrase

T = TypeVar("T")

_MOST_DRAFTS = 60
_NEEDS: dict[Kind, str] = {
    "approach": "reach",
    "pick": "take",
    "grasp": "take",
    "lift": "lift",
    "carry": "bring",
    "push": "bring",
    "pull": "bring",
    "lower": "put",
    "place": "put",
    "release": "put",
    "wait": "wait",
    "retract": "retract",
    "reopen": "reopen",
}
_AT_REST = {"into": "in", "inside": "in", "onto": "on", "to": "at", "towards": "near", "toward": "near"}


def imagine(ask: ImagineDialogue) -> Exchange:
    """What a person says and what the robot answers, by the names of the skills and the wanted types.

    Raises:
        AnswerError: The current skill does not read as anything that can be asked for.
    """
    return _exchange(ask.occasion, ask.seed)


def imagine_all(ask: ImagineDialogues) -> Exchanges:
    """The same for each occasion.

    Raises:
        AnswerError: The skill of one does not read as anything that can be asked for.
    """
    return Exchanges(
        exchanges=[
            _exchange(occasion, derive_seed(ask.seed, at, "occasion"))
            for at, occasion in enumerate(ask.occasions)
        ]
    )


def _exchange(occasion: Occasion, seed: int) -> Exchange:
    """The first draft that fits and is no twin of what is to be avoided; one that only fits where there is none."""
    avoided = set(map(gist, occasion.avoid))
    drafts = islice(_drafts(occasion, seed), _MOST_DRAFTS)
    fitting = (draft for draft in drafts if not occasion.fault(draft))
    first = next(fitting, None)
    if first is None:
        raise AnswerError(f"The builtin model does not know how one asks for “{occasion.skill}”.")
    return next(
        (draft for draft in chain((first,), fitting) if gist(draft.user_prompt) not in avoided), first
    )


def _drafts(occasion: Occasion, seed: int) -> Iterator[Exchange]:
    """Exchanges, first the one whose turn it is, so that neighbours differ, then any."""
    chance = random.Random(seed)
    if not occasion.avoid:
        rounds = occasion.number // len(TYPES)
        responses, scenarios = get_args(ResponseType), get_args(ScenarioType)
        turn = rounds * len(responses) + responses.index(occasion.response)
        yield _Draft(occasion, turn, rounds * len(scenarios) + scenarios.index(occasion.scenario)).exchange
    while True:
        yield _Draft(occasion, chance.randrange(10**6), chance.randrange(10**6)).exchange


@dataclass(frozen=True)
class _Draft:
    """One way to word an occasion.

    Attributes:
        occasion: What is to be worded.
        turn: Which of the wordings of the prompt to take, from each list the one whose turn it is.
        reply: The same for the utterance.
    """

    occasion: Occasion
    turn: int
    reply: int

    @property
    def exchange(self) -> Exchange:
        """Prompt and utterance."""
        prompt, echo = self._prompt()
        return Exchange(user_prompt=prompt, robot_utterance=self._utterance(echo))

    def _pick(self, options: Sequence[T], shift: int = 0) -> T:
        return options[(self.turn + shift) % len(options)]

    def _pick_reply(self, options: Sequence[T]) -> T:
        return options[self.reply % len(options)]

    @cached_property
    def _words(self) -> Words:
        return read_words()

    @cached_property
    def _thing(self) -> str | None:
        """What the skill is about, with "the"; None where it is about nothing, or its name does not tell."""
        at = self.occasion.situation
        return None if at.next.kind in TRIVIAL else at.thing

    @cached_property
    def _bids(self) -> list[str]:
        return ways(self.occasion.situation)

    @cached_property
    def _resolved(self) -> bool:
        """Whether "it" can be said of the thing: the skill before was about it."""
        at = self.occasion.situation
        if self._thing is None or is_unknown(self._thing) or not at.done:
            return False
        before = at.steps[at.done - 1].thing
        return before is not None and thing_of(before) == thing_of(self._thing)

    def _bid(self, shift: int) -> str:
        """A command; it says "it" where that is plain and no particular thing is to be told from others."""
        if self._resolved and self.occasion.scenario != "specific_object":
            return self._pick(ways(self.occasion.situation, pronoun(self._thing or "")), shift)
        return self._pick(ways(self.occasion.situation, self._called or None), shift)

    @cached_property
    def _called(self) -> str:
        """What the person calls the thing; "" where there is none."""
        thing = self._thing or ""
        article, _, noun = thing.partition(" ")
        if article != "the" or is_unknown(thing):
            return thing
        pointed = "those" if is_plural(thing) else "that"
        # What is in the hand is not over there.
        where = "" if self.occasion.situation.held else " there"
        return self._pick((thing, f"{pointed} {noun}", thing, thing + where))

    def _facts(self, bid: str) -> dict[str, str]:
        at = self.occasion.situation
        thing = self._called
        several = is_plural(thing)
        preposition, place = self._place()
        facts = {
            "bid": bid,
            "bidding": doing(bid),
            "thing": thing,
            "it": pronoun(thing),
            "place": place,
            "at": preposition,
            "other": self._pick(self._others) if self._others else "",
            "past": past_phrase(self.occasion.history[-1]) if at.done else "",
            "is": "are" if several else "is",
            "p_is": "are" if is_plural(place) else "is",
            "isnt": "aren't" if several else "isn't",
            "has": "have" if several else "has",
            "s": "" if several else "s",
            "es": "" if several else "es",
        }
        return facts | {name.capitalize(): upper_first(text) for name, text in facts.items()}

    def _place(self) -> tuple[str, str]:
        """Where the thing shall be by the end of the skill, with the preposition for what rests there; or nothing."""
        at = self.occasion.situation
        if at.next.kind == "approach":
            return ("at", at.next.thing or "") if at.carries else ("", "")
        preposition = at.next.preposition or "at"
        return (_AT_REST.get(preposition, preposition), at.next.place) if at.next.place else ("", "")

    @cached_property
    def _spared(self) -> list[str]:
        """Things that the robot neither handles nor goes to from here on."""
        return [noun for noun in self.occasion.situation.spared if not _is_one_of(noun, self._ahead)]

    @cached_property
    def _ahead(self) -> list[str]:
        """Things that the current skill and those after it name, and those of the task where more may follow."""
        at = self.occasion.situation
        nouns = [noun for step in at.remaining for noun in (step.thing, step.place) if noun]
        if len(at.remaining) == 1 and at.next.kind != "retract":
            handled = [step.thing for step in at.steps[: at.done] if step.thing]
            nouns += (noun for noun in at.spared if not _is_one_of(noun, handled))
        return distinct_things(nouns)

    @cached_property
    def _others(self) -> Sequence[str]:
        """Things that are left alone for good, or where there are none, those whose turn comes later."""
        at = self.occasion.situation
        own = [noun for noun in (at.thing, at.next.thing, at.next.place) if noun]
        later = (noun for noun in self._ahead if thing_of(noun).head not in SURFACES)
        return self._spared or [noun for noun in later if not (is_unknown(noun) or _is_one_of(noun, own))]

    def _sparing(self) -> Pairs:
        """What can be said of another thing; nothing where there is none."""
        if not self._others:
            return ()
        return self._words.sparing if self._spared else self._words.sparing_later

    def _prompt(self) -> tuple[str, str]:
        """What the person says, and the condition in it as the robot would say it; "" without one."""
        shift = 8 * list(get_args(ScenarioType)).index(self.occasion.scenario)
        match self.occasion.scenario:
            case "specific_object":
                after = (
                    self._words.pointing_at + self._words.pointing if self._thing else self._words.pointing
                )
                return self._said(
                    (self._pick(self._words.openings, shift), *self._sometimes(after)), shift
                ), ""
            case "negative_task":
                still = self.occasion.situation.next.kind == "wait"
                general = self._words.negative_still if still else self._words.negative
                after, echo = self._pick((*self._sparing(), *general))
                prompt = self._said((self._opening(shift), after), shift)
                return prompt, echo.format(**self._facts(""))
            case "situated_correction":
                at = self.occasion.situation
                history = (
                    self._words.afterwards if at.done and at.before.kind not in ("wait", "unknown") else ()
                )
                return self._said((self._pick((*self._words.corrections, *history)),), shift), ""
            case "implicit_request":
                still = self.occasion.situation.next.kind == "wait"
                reasons = self._words.reasons_still if still else self._words.reasons
                return self._said((self._pick(self._needs()), *self._sometimes(reasons)), shift), ""
            case "constraint_based":
                still = self.occasion.situation.next.kind == "wait"
                how, echo = self._pick(self._words.waiting if still else self._words.constraints)
                return self._said((self._opening(shift),), shift, how), echo

    def _opening(self, shift: int) -> str:
        """A request that a condition follows: a short one, two times in three."""
        return self._pick(self._words.short_openings if self.turn % 3 else self._words.openings, shift)

    def _sometimes(self, options: Sequence[str]) -> Sequence[str]:
        """A further sentence, three times in four."""
        return (self._pick(options),) if self.turn % 4 else ()

    def _said(self, sentences: Sequence[str], shift: int, how: str = "") -> str:
        facts = self._facts(f"{self._bid(shift)} {how}".strip())
        return " ".join(sentence.format(**facts) for sentence in sentences)

    def _needs(self) -> Sequence[str]:
        at = self.occasion.situation
        name = _NEEDS.get(at.next.kind, "any")
        if self._place()[1] and (name in ("bring", "put") or at.carries):
            name = "put_at" if name == "put" else "bring_to"
        needs_thing = at.next.kind not in TRIVIAL
        return self._words.needs["any" if needs_thing and self._thing is None else name]

    def _utterance(self, echo: str) -> str:
        bid = by_robot(self._pick_reply(self._bids))
        facts = self._facts(bid) | {
            "yes": self._pick_reply(self._words.agreeing),
            "ok": self._pick_reply(self._words.hearing),
            "echo": echo or self._pick_reply(self._words.plain_echo),
        }
        match self.occasion.response:
            case "confirmation":
                form = self._pick_reply(self._words.confirmations)
            case "clarification":
                of_thing = self._words.clarifications_of_thing if self._thing else ()
                form = self._pick_reply((*self._words.clarifications, *of_thing))
            case "acknowledgment":
                form = self._pick_reply(self._words.acknowledgments)
            case "constraint_acknowledgment":
                form = self._pick_reply(self._words.heeding)
        return form.format(**facts)


def _is_one_of(noun: str, others: Iterable[str]) -> bool:
    """Whether a noun phrase may name one of some things."""
    return any(thing_of(noun).may_be(thing_of(other)) for other in others)
