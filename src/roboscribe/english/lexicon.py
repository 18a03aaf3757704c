"""The closed vocabulary of task texts: nothing comes in, tables of verbs, prepositions and nouns go out."""

from __future__ import annotations

from typing import Literal

from roboscribe.english.words import gerund, third_person

TaskVerb = Literal[
    "pick", "place", "push", "pull", "stack", "open", "close", "pour", "press", "turn", "wipe", "fold",
    "insert", "move", "other",
]  # fmt: skip


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


PHRASES: dict[TaskVerb, str] = {
    "pick": "pick up|pick|grasp|grab|grip|take out|take hold of|take|lift up|lift|fetch|get|retrieve|collect"
    "|catch|remove|pickup|gather|seize",
    "place": "put down|put away|put back|put|place|set down|set|drop off|drop|deposit|release|lay down|lay"
    "|leave|store|return|sort|throw away|throw|toss|load|hang up|hang|pack|serve|dispose of|lower",
    "push": "push|slide|nudge|shove",
    "pull": "pull out|pull|drag|tug",
    "stack": "stack up|stack|pile up|pile",
    "open": "open up|open|pull open|push open|slide open",
    "close": "close|shut|push closed|push shut|pull closed|pull shut|slide closed|slide shut",
    "pour": "pour out|pour|empty|tip|dump",
    "press": "press down|press|tap|click",
    "turn": "turn on|turn off|turn over|turn|switch on|switch off|rotate|twist|flip over|flip|unscrew|screw"
    "|spin",
    "wipe": "wipe down|wipe up|wipe|clean up|clean|sweep up|sweep|scrub|dust",
    "fold": "fold up|fold",
    "insert": "insert|plug in|plug|thread",
    "move": "move|transfer|carry|bring|transport|hand over|hand|give|pass|relocate|shift|deliver",
    "other": "reach for|reach|touch|hit|shake|stir|scoop up|scoop|cut|slice|peel|assemble|unfold|tie|untie"
    "|zip|unzip|arrange|organize|align|build|draw|write|erase|feed|point at|follow|hold|unplug|flatten|spread"
    "|straighten|wave|wash|squeeze|poke|find|approach|unload|tidy up|tidy|roll up|roll|wrap|unwrap|attach"
    "|detach|hook|unhook|separate|swap|balance|fasten|tighten|loosen|fill|make|cook|water",
}  # fmt: skip

CARRYING = frozenset({"pick", "place", "stack", "insert", "move"})
"""Kinds of verb whose object is taken hold of."""
PLACING = (CARRYING - {"pick"}) | {"pour", "push", "pull"}
"""Kinds of verb after which "on the table" is a destination, not where the object is."""
STAYING = frozenset({"turn", "press", "fold", "open", "close"})
"""Kinds of verb after which "to the right" tells how, not where to."""

DIRECTIONAL = frozenset({"into", "onto", "to", "towards", "toward", "on top of", "inside"})
LOCATIVE = _words(
    "in on at near beside behind over above under below underneath beneath between around against upon",
    "through across along",
) | {
    *("next to", "close to", "in front of", "inside of", "to the left of", "to the right of"),
    *("on the left of", "on the right of"),
}
AWAY = frozenset({"from", "off of", "off", "out of"})
WITH = frozenset({"with", "by", "using", "for", "without", "until", "via"})
PREPOSITIONS = DIRECTIONAL | LOCATIVE | AWAY | WITH

RELATIVES = frozenset(
    f"{which}{verb}".strip()
    for which in ("that is ", "that are ", "which is ", "which are ", "")
    for verb in ("", "located", "placed", "lying", "sitting", "standing")
) - {""}
"""Words after which a place tells where the object is, not where it goes."""

ARTICLES = frozenset({"the", "a", "an", "this", "that", "these", "those", "your", "its", "my", "his", "her"})
NUMBERS = _words("one two three four five six seven eight nine ten")
DETERMINERS = ARTICLES | NUMBERS | frozenset({"all", "both", "each", "every", "another", "some", "any"})
PLURAL_PRONOUNS = frozenset({"them", "they", "both", "all", "each", "both of them", "all of them"})
PRONOUNS = PLURAL_PRONOUNS | {"it", "this", "that", "there"}
COLOURS = _words(
    "red green blue yellow orange purple pink black white grey gray brown cyan magenta silver gold",
    "golden violet beige turquoise teal transparent big small large little tiny tall short left right",
    "upper lower top bottom dark light long front back inner outer first second third open closed empty",
    "full round square",
)
HUES = _words(
    "red green blue yellow orange purple pink black white grey gray brown cyan magenta silver gold golden",
    "violet beige turquoise teal transparent",
)
ATTRIBUTES = (
    HUES,
    _words("left right middle"),
    _words("top bottom upper lower"),
    _words("big large small little tiny"),
    _words("first second third fourth last"),
    _words("front back"),
)
"""Classes of attributes; a thing has one of each."""
ALIKE = tuple(
    map(_words, ("big large", "small little tiny", "grey gray", "gold golden", "top upper", "bottom lower"))
)
"""Attributes that say the same."""
SYNONYMS = tuple(map(_words, (
    "block brick cube", "cup mug", "ball sphere", "can tin", "bag sack", "bear teddy", "pan skillet",
    "dish plate", "jug pitcher", "cloth rag", "cushion pillow", "carpet rug", "cabinet cupboard",
    "fridge refrigerator", "couch sofa", "faucet tap", "stove cooker", "counter countertop", "table tabletop",
    "garbage rubbish trash", "shoe sneaker", "eraser rubber",
)))  # fmt: skip
"""Nouns by which one and the same thing is called."""
SURFACES = _words(
    "table tabletop desk counter countertop floor ground shelf surface wall mat board workspace room",
    "position side place spot",
)
"""Nouns that name where things are, not things."""
IN_ITS_PLACE = "in-place"
"""Token for "where it is" and its like."""
NO_THINGS = _words(
    "time way moment second minute care effort force speed pace path view watch same other rest side spot place",
    "room space idea job work look middle center centre edge corner end bit push pull try go turn help point",
    "spirit plan task step air home position start inch left right top bottom front back best",
)
"""Nouns of how, when and whereabouts, not of what."""
AUXILIARIES = _words("is are was were be has have had can could will would should must may might does do did")
CONNECTING = _words(
    "please now instead next first then too yet again ever still as so no not if when while where once until",
    "i you we they it than but or and because since though within provided clear who",
)
"""Words between phrases, which no noun phrase holds."""
UNCOUNTED = _words(
    "water rice coffee tea milk juice sand salt sugar flour cereal beans sauce soup oil wine beer trash",
    "garbage rubbish everything something anything",
)
RECEIVERS = _words("me us him")
BARE_NOUNS = PRONOUNS | UNCOUNTED | RECEIVERS
"""Nouns that take no article."""
MISPLACED = _words("it them they me us then use")
"""Words that are never part of a noun phrase, except as its only word."""
ADVERBS = _words(
    "gently slowly carefully quickly precisely neatly properly completely fully clockwise",
    "counterclockwise anticlockwise upright sideways together apart aside again twice forward forwards",
    "backward backwards back away down up flat straight over halfway upwards downwards left right",
)
MANNERS = frozenset({"in half", "in two", "in a circle", "in circles", "upside down"})
LIMBS = _words("arm arms hand hands gripper grippers finger fingers tongs tweezers chopsticks pliers")
"""Nouns after "with" that tell how something is taken, not what it looks like."""
FOREIGN = _words(
    "le les une der das den dem ein eine el los las del il lo dans sur auf und et mit nel sul na com",
    "het een",
)
FILLER = _words(
    "a an the my your our this is it no not any some new one single simple here just insert task tasks",
    "test tests testing tested debug debugging description desc name text instruction instructions",
    "prompt string label placeholder dummy demo demos example sample record recording recordings",
    "recorded episode episodes data dataset datasets lerobot robot so100 so101 aloha koch teleop",
    "teleoperate teleoperation trial run eval evaluation policy unknown unnamed untitled undefined",
    "default none null nan na n tbd todo xxx xx x asdf abc foo bar foobar blah hello world unspecified",
    "empty missing available provided given specified",
)
PARTICLES = _words("up down on off over away out back in")
"""Second words of verb phrases."""
SMALL_WORDS = (
    DETERMINERS | PRONOUNS | {word for words in PREPOSITIONS for word in words.split()} | {"and", "of"}
)
"""Words that stay lower-case in a title and never begin a name."""


def _verb_forms() -> dict[str, tuple[TaskVerb, str]]:
    forms: dict[str, tuple[TaskVerb, str]] = {}
    for verb, phrases in PHRASES.items():
        for phrase in phrases.split("|"):
            head, _, particle = phrase.partition(" ")
            for form in (head, gerund(head), third_person(head)):
                forms[f"{form} {particle}".strip()] = (verb, "pick up" if phrase == "pickup" else phrase)
    return forms


VERBS = _verb_forms()
"""Kind and base form of every known verb phrase, by the phrase as it may be written."""

BASE_FORMS = frozenset(phrase for phrases in PHRASES.values() for phrase in phrases.split("|"))
"""Every known verb phrase as said in a command."""
