"""The page about validation tells of every rule, and of none that there is not."""

import re
from pathlib import Path

from roboscribe.checking import STAGING_RULES
from roboscribe.validation import FILE_RULES, INDEX_RULES, OVERALL_RULES, RULES
from roboscribe.validation.events import MOST_SPOKEN_WORDS
from roboscribe.validation.persistent import MOST_LABEL_WORDS

GUIDE = (Path(__file__).parents[2] / "docs/validation.md").read_text()


def test_every_rule_is_in_the_guide_as_it_is() -> None:
    told = dict(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| [^|]+ \| (.+) \|$", GUIDE, re.MULTILINE))
    others = FILE_RULES | INDEX_RULES | OVERALL_RULES | STAGING_RULES
    assert told == {rule.id: rule.doc for rule in RULES} | others
    for rule in RULES:
        assert f"| `{rule.id}` | {rule.severity} |" in GUIDE


def test_the_guide_tells_how_long_is_short() -> None:
    assert f"Speech is short up to {MOST_SPOKEN_WORDS} words, a subtask up to {MOST_LABEL_WORDS}." in GUIDE
