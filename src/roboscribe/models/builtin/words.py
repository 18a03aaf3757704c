"""English verb forms: a verb in its base form comes in, its past tense or gerund goes out."""

from __future__ import annotations

import re

_PAST = {
    **dict.fromkeys(
        ("beat", "bet", "cut", "hit", "let", "put", "reset", "set", "shut", "split", "spread"), ""
    ),
    **{"be": "was", "begin": "began", "bend": "bent", "bind": "bound", "blow": "blew", "break": "broke"},
    **{"bring": "brought", "build": "built", "buy": "bought", "catch": "caught", "choose": "chose"},
    **{"come": "came", "dig": "dug", "do": "did", "draw": "drew", "drive": "drove", "eat": "ate"},
    **{"fall": "fell", "feed": "fed", "find": "found", "get": "got", "give": "gave", "go": "went"},
    **{"grind": "ground", "hang": "hung", "have": "had", "hold": "held", "keep": "kept", "lay": "laid"},
    **{"leave": "left", "make": "made", "pay": "paid", "read": "read", "rewind": "rewound", "roll": "rolled"},
    **{"send": "sent", "shake": "shook", "slide": "slid", "spin": "spun", "spray": "sprayed"},
    **{"stand": "stood", "stick": "stuck", "sweep": "swept", "swing": "swung", "take": "took"},
    **{"tear": "tore", "throw": "threw", "undo": "undid", "unwind": "unwound", "wear": "wore"},
    **{"wind": "wound", "withdraw": "withdrew", "write": "wrote"},
}
_STRESSED_LAST = frozenset({"transfer", "refer", "unplug", "unzip", "unwrap", "unclip", "reset", "outfit"})
_VOWELS = "aeiou"


def past_tense(verb: str) -> str:
    """Simple past of a base form: ``grab`` → ``grabbed``, ``put`` → ``put``, ``carry`` → ``carried``."""
    if verb in _PAST:
        return _PAST[verb] or verb
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


def _doubled(verb: str) -> str:
    """``verb`` with its last consonant doubled where a suffix with a vowel asks for that."""
    short = len(re.findall(f"[{_VOWELS}y]+", verb)) == 1 or verb in _STRESSED_LAST
    ends_in_one = re.search(rf"(?:^|[^{_VOWELS}]|qu)[{_VOWELS}y][^{_VOWELS}wxy]$", verb)
    return verb + verb[-1] if short and ends_in_one else verb
