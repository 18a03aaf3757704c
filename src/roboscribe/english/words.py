"""English verb forms: a verb in its base form comes in, its past tense or gerund goes out."""

from __future__ import annotations

import re

_IRREGULAR = (
    "be was, beat beat, begin began, bend bent, bet bet, bind bound, blow blew, break broke, "
    "bring brought, build built, buy bought, catch caught, choose chose, come came, cut cut, dig dug, "
    "do did, draw drew, drive drove, eat ate, fall fell, feed fed, find found, get got, give gave, "
    "go went, grind ground, hang hung, have had, hit hit, hold held, keep kept, lay laid, leave left, "
    "let let, make made, pay paid, put put, read read, reset reset, rewind rewound, send sent, "
    "set set, shake shook, shut shut, slide slid, spin spun, split split, spread spread, stand stood, "
    "stick stuck, sweep swept, swing swung, take took, tear tore, throw threw, undo undid, "
    "unwind unwound, wear wore, wind wound, withdraw withdrew, write wrote"
)
_PAST = {pair.split()[0]: pair.split()[1] for pair in _IRREGULAR.split(", ")}
_STRESSED_LAST = frozenset({"transfer", "refer", "unplug", "unzip", "unwrap", "unclip", "reset", "outfit"})
_OTHER_PARTICIPLE = frozenset(
    {
        "be",
        "begin",
        "blow",
        "break",
        "choose",
        "come",
        "do",
        "draw",
        "drive",
        "eat",
        "fall",
        "get",
        "give",
        "go",
    }
    | {"shake", "take", "tear", "throw", "undo", "wear", "withdraw", "write"}
)
_SEVERAL = frozenset(
    {"both", "all", "these", "those", "two", "three", "four", "five", "six", "seven", "eight"}
)
_ONE = frozenset({"lens", "gas", "canvas", "chess", "atlas", "series", "news"})
_VOWELS = "aeiou"


def past_tense(verb: str) -> str:
    """Simple past of a base form: ``grab`` → ``grabbed``, ``put`` → ``put``, ``carry`` → ``carried``."""
    if verb in _PAST:
        return _PAST[verb]
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2:-1] not in _VOWELS:
        return verb[:-1] + "ied"
    return _doubled(verb) + "ed"


def gerund(verb: str) -> str:
    """The -ing form of a base form: ``place`` → ``placing``, ``put`` → ``putting``, ``tie`` → ``tying``."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        return verb[:-1] + "ing"
    return _doubled(verb) + "ing"


def third_person(verb: str) -> str:
    """The form after "the robot": ``push`` → ``pushes``, ``carry`` → ``carries``."""
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2:-1] not in _VOWELS:
        return verb[:-1] + "ies"
    return verb + "s"


def has_regular_participle(verb: str) -> bool:
    """Whether "it was …" takes the simple past: ``close``, ``put``; not ``take`` (taken)."""
    return verb not in _OTHER_PARTICIPLE


def singular(noun: str) -> str:
    """A noun without its plural: ``bricks`` → ``brick``, ``boxes`` → ``box``, ``glass`` → ``glass``."""
    if len(noun) < 4 or noun in _ONE or not noun.endswith("s") or noun.endswith(("ss", "us", "is")):
        return noun
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    return noun[:-2] if noun.endswith(("xes", "ches", "shes", "sses")) else noun[:-1]


def plural(noun: str) -> str:
    """A noun, with what stands before it, in the plural: ``red brick`` → ``red bricks``, ``box`` → ``boxes``."""
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


def is_plural(noun: str) -> bool:
    """Whether "them", not "it", stands for a noun phrase: ``the cups``, ``3 cubes``, ``both pots``."""
    words = re.split(r" (?:of|with|from|on|in) ", noun.lower())[0].split()
    if not words:
        return False
    if words[0].isdigit():
        return words[0] != "1"
    if words[0] in _SEVERAL:
        return True
    return words[-1].endswith("s") and not words[-1].endswith(("ss", "us", "is")) and words[-1] not in _ONE


def _doubled(verb: str) -> str:
    """``verb`` with its last consonant doubled where a suffix with a vowel asks for that."""
    short = len(re.findall(f"[{_VOWELS}y]+", verb)) == 1 or verb in _STRESSED_LAST
    ends_in_one = re.search(rf"(?:^|[^{_VOWELS}]|qu)[{_VOWELS}y][^{_VOWELS}wxy]$", verb)
    return verb + verb[-1] if short and ends_in_one else verb
