"""Splits the words of a command into clauses: tokens come in, verbs with their phrases go out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from roboscribe.english import lexicon as lex
from roboscribe.english.lexicon import TaskVerb

STOPS = frozenset(",;.:!?&+")
_LINKS = STOPS | {"and", "then", "finally", "afterwards", "next", "also", "before", "lastly", "please"}
_HERE = "@"
"""Marks a preposition that tells where the object is: "the cup that is on the table"."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One verb with its phrases as read; pronouns are not resolved.

    Attributes:
        verb: Its kind.
        phrase: The verb as written, in its base form: ``pick up``.
        objects: Noun phrases acted on; empty when none is named.
        preposition: Between object and destination.
        destination: Where the objects shall end; "" after a preposition that stands alone ("put it in").
        origin: Where the objects are at first, with the preposition.
        manner: How it is done.
    """

    verb: TaskVerb
    phrase: str
    objects: tuple[str, ...] = ()
    preposition: str | None = None
    destination: str | None = None
    origin: str | None = None
    manner: str | None = None


def read_clauses(tokens: Sequence[str]) -> tuple[list[Clause], bool]:
    """The clauses of a text, and whether every one of them could be read to its end."""
    clauses: list[Clause] = []
    understood = True
    at = _skip(tokens, 0, _LINKS)
    while at < len(tokens):
        start = _clause_at(tokens, at)
        if start is None and clauses and _opens_noun(tokens[at]):
            # "pick the green cube, then the red one": the verb of the clause before is meant again.
            start = at, clauses[-1].verb, clauses[-1].phrase, ""
        end = body = start[0] if start else at
        while end < len(tokens) and not _breaks(tokens, end, empty=end == body):
            end += 1
        if start:
            verb, phrase, manner = start[1:]
            clauses += _read(verb, phrase, manner, tokens[body:end])
        else:
            understood = False
        at = max(_skip(tokens, end, _LINKS), at + 1)
    sound = [_without_mix_ups(clause) for clause in clauses]
    return sound, understood and sound == clauses


def _without_mix_ups(clause: Clause) -> Clause:
    """The clause without nouns that swallowed words of another clause: "the rinse it"."""
    place = clause.destination
    return replace(
        clause,
        objects=tuple(noun for noun in clause.objects if _is_sound(noun)),
        destination=place if place is None or _is_sound(place) else None,
    )


def _is_sound(noun: str) -> bool:
    return lex.MISPLACED.isdisjoint(noun.lower().replace(",", "").split()[1:])


def _skip(tokens: Sequence[str], at: int, words: Collection[str]) -> int:
    while at < len(tokens) and tokens[at].lower() in words:
        at += 1
    return at


def _breaks(tokens: Sequence[str], at: int, empty: bool) -> bool:
    """Whether a new clause begins at ``at``: at a link word before a verb, at "then", or at "pick place"."""
    after = _skip(tokens, at, _LINKS)
    start = _clause_at(tokens, after)
    if after > at:
        sure = {token.lower() for token in tokens[at:after]} & {".", ";", "!", "?", "then"}
        return after == len(tokens) or start is not None or bool(sure) or _looks_like_verb(tokens, after)
    return empty and start is not None and start[1] == "place"


def _looks_like_verb(tokens: Sequence[str], at: int) -> bool:
    """Whether the word at ``at`` must be a verb, though not a known one: "rinse it"."""
    following = tokens[at + 1].lower() if at + 1 < len(tokens) else ""
    return tokens[at].lower() not in lex.SMALL_WORDS and following in lex.ARTICLES | {"it", "them"}


def _clause_at(tokens: Sequence[str], at: int) -> tuple[int, TaskVerb, str, str] | None:
    """End of the verb phrase that stands at ``at``, its kind, base form and manner; None without a verb."""
    manners: list[str] = []
    if at < len(tokens) and tokens[at].lower() in ("use", "using", "with"):
        stop = next((i for i in range(at + 2, len(tokens)) if tokens[i] in ("to", ",")), None)
        if stop is None or not _match(tokens, stop + 1, lex.VERBS):
            return None
        manners.append("with " + noun_phrase(tokens[at + 1 : stop]))
        at = stop + 1
    while at < len(tokens) and tokens[at].lower() in lex.ADVERBS and tokens[at].lower().endswith("ly"):
        manners.append(tokens[at].lower())
        at += 1
    size = _match(tokens, at, lex.VERBS)
    if not size:
        return None
    verb, phrase = lex.VERBS[" ".join(tokens[at : at + size]).lower()]
    return at + size, verb, phrase, " ".join(manners)


def _match(tokens: Sequence[str], at: int, known: Collection[str]) -> int:
    """Number of tokens of the longest entry of ``known`` that stands at ``at``; 0 for none."""
    for size in range(min(4, len(tokens) - at), 0, -1):
        if " ".join(tokens[at : at + size]).lower() in known:
            return size
    return 0


def _read(verb: TaskVerb, phrase: str, manner: str, body: Sequence[str]) -> Iterator[Clause]:
    """The clause of one verb; two when another object and destination follow: "… and the ball in the box"."""
    words = list(body)
    manners = [manner] if manner else []
    manners += _take_out(words, lex.MANNERS)
    for at, word in enumerate(words):
        full = f"{phrase.split()[0]} {word}".lower()
        if full in lex.VERBS and (at + 1 == len(words) or _match(words, at + 1, lex.PREPOSITIONS)):
            verb, phrase = lex.VERBS[full]
            del words[at]
            break
    cut = _second_object(words) if verb in lex.PLACING else None
    if cut is not None:
        yield from _read(verb, phrase, manner, words[:cut])
        yield from _read(verb, phrase, manner, words[cut + 1 :])
        return
    (_, head), *parts = _split_at_prepositions(words, verb)
    if len(head) > 1 and head[0].lower() in lex.RECEIVERS:
        parts.insert(0, ("to", [head.pop(0)]))
    # "put it back in the drawer", "put it down on the table": the place says it all.
    manners += [word for word in _adverbs(head) if not (parts and word in lex.PARTICLES)]
    clause = Clause(verb, phrase, tuple(_conjuncts(head)))
    yield _place(clause, parts, manners)


def _take_out(words: list[str], known: Collection[str]) -> Iterator[str]:
    """Remove the entries of ``known`` from ``words`` and give them back."""
    at = 0
    while at < len(words):
        if size := _match(words, at, known):
            yield " ".join(words[at : at + size])
            del words[at : at + size]
        else:
            at += 1


def _second_object(words: Sequence[str]) -> int | None:
    """Index of the "and" in "the cube in the box and the ball in the basket", or None."""
    prepositions = [at for at in range(len(words)) if _match(words, at, lex.PREPOSITIONS)]
    for at in range(1, len(words) - 1):
        before = [words[i] for i in prepositions if i < at]
        if words[at] == "and" and _opens_noun(words[at + 1]) and before and before[-1] != "between":
            return at if any(i > at for i in prepositions) else None
    return None


def _adverbs(words: list[str]) -> list[str]:
    """Remove the adverbs at the end of ``words`` and give them back; "the left" keeps its noun."""
    found: list[str] = []
    while words and words[-1].lower() in lex.ADVERBS and not (len(words) > 1 and _opens_noun(words[-2])):
        found.append(words.pop().lower())
    return found[::-1]


def _split_at_prepositions(words: Sequence[str], verb: TaskVerb) -> list[tuple[str, list[str]]]:
    """Pairs of preposition and the words after it; the first pair has none and holds the object.

    "with" belongs to the noun ("the cup with the handle") where the verb needs no tool.
    """
    no_tool = verb in lex.CARRYING or verb in ("open", "close")
    parts: list[tuple[str, list[str]]] = [("", [])]
    at = 0
    while at < len(words):
        relative = _match(words, at, lex.RELATIVES)
        size = _match(words, at + relative, lex.PREPOSITIONS)
        attribute = words[at] == "with" and no_tool and lex.LIMBS.isdisjoint(words[at:])
        if size and not attribute:
            preposition = " ".join(words[at + relative : at + relative + size]).lower()
            parts.append((_HERE + preposition if relative else preposition, []))
            at += relative + size
        else:
            parts[-1][1].append(words[at])
            at += 1
    return parts


def _place(clause: Clause, parts: Sequence[tuple[str, list[str]]], manners: list[str]) -> Clause:
    """``clause`` with its prepositional phrases sorted into destination, origin and manner."""
    origins: list[str] = []
    places: list[tuple[str, str]] = []
    for preposition, words in parts:
        manners += _adverbs(words) if len(words) > 1 else []
        if preposition in lex.WITH:
            manners.append(" ".join((preposition, *words)))
        elif preposition.startswith(_HERE) or preposition in lex.AWAY:
            origins.append(f"{preposition.removeprefix(_HERE)} {noun_phrase(words)}")
        else:
            places.append((preposition, noun_phrase(words)))
    toward = next((i for i, (preposition, _) in enumerate(places) if preposition in lex.DIRECTIONAL), None)
    if toward is None:
        bound = len(places) if clause.verb not in lex.PLACING else 0
    elif clause.verb in lex.STAYING and places[toward][0] != "onto":
        manners += [f"{preposition} {noun}" for preposition, noun in places]
        bound, places = 0, []
    else:
        bound = toward
    origins += [f"{preposition} {noun}" for preposition, noun in places[:bound]]
    preposition, destination = places[bound] if bound < len(places) else (None, None)
    for further, noun in places[bound + 1 :]:
        destination = f"{destination} {further} {noun}"
    return replace(
        clause,
        verb="move" if clause.verb == "pick" and preposition else clause.verb,
        preposition=preposition,
        destination=destination,
        origin=" ".join(origins).strip() or None,
        manner=" ".join(manners) or None,
    )


def _opens_noun(word: str) -> bool:
    return word.lower() in lex.DETERMINERS or word.isdigit()


def _conjuncts(words: Sequence[str]) -> Iterator[str]:
    """The noun phrases of a list: "the cup, the plate and the fork"; "the red and blue cubes" is one."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word.lower() in ("and", ",", "&"):
            parts.append([])
        else:
            parts[-1].append(word)
    parts = [part for part in parts if part]
    if len(parts) > 1 and parts[0][0].lower() == "both":
        parts[0] = parts[0][1:]
    adjectives = lex.COLOURS | lex.DETERMINERS
    if any(part and all(word.lower() in adjectives for word in part) for part in parts[:-1]):
        yield noun_phrase(words)
    else:
        yield from (noun_phrase(part) for part in parts if part)


def noun_phrase(words: Sequence[str]) -> str:
    """A noun phrase as text, with an article where it has no other determiner."""
    small = [word.lower() if word.lower() in lex.SMALL_WORDS else word for word in words]
    text = re.sub(r" (?=[,.])", "", " ".join(small))
    bare = not words or _opens_noun(words[0]) or text.lower() in lex.BARE_NOUNS
    return text if bare else f"the {text}"
