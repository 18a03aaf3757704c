"""Ways to tell a robot what to do next: a situation goes in, commands that all mean its current skill come out."""

from __future__ import annotations

from roboscribe.asks.situation import Situation
from roboscribe.english.steps import TRIVIAL
from roboscribe.english.words import gerund, is_plural
from roboscribe.models.builtin.exchange_words import read_words


def ways(at: Situation, called: str | None = None) -> list[str]:
    """Commands in their base form, without capital and full stop, that all mean the current skill.

    Args:
        at: What the robot is about to do.
        called: What the thing is called, such as its pronoun; as in the labels when None.
    """
    step = at.next
    arm = f" with your {step.arm} arm" if step.arm else ""
    carried = step.kind == "approach" and at.carries
    forms = read_words().ways.get("carried" if carried else step.kind, ())
    place = (step.thing if carried else step.place) or ""
    if not forms or (step.kind not in TRIVIAL and at.thing is None):
        return [(step.text if step.kind != "unknown" else f"do this: {step.text}") + arm]
    thing = called or at.thing or ""
    if thing in ("it", "them"):
        # "pick up it" is no English.
        forms = [form for form in forms if "pick up" not in form and "open up" not in form]
    where = f" {step.preposition or 'to'} {place}" if place else ""
    facts = {"thing": thing, "place": place, "where": where, "to": where}
    facts |= {"over": where or " over", "down": where or " down"}
    return [form.format(**facts) + arm for form in forms if where or "{to}" not in form]


def pronoun(noun: str) -> str:
    """What stands for a noun phrase: "them" or "it"."""
    return "them" if is_plural(noun) else "it"


def by_robot(command: str) -> str:
    """A command in the robot's own mouth: "your arm" is "my arm"."""
    return command.replace("your ", "my ").replace("you are", "I am")


def doing(command: str) -> str:
    """A command as what is being done: "reaching for the cup", "opening my gripper and letting the cup go"."""
    first, *rest = command.split(" and ")
    heads = [_gerund(first)]
    heads += [_gerund(part) if part.split()[0] in _SECOND else part for part in rest]
    return " and ".join(heads)


_SECOND = frozenset({"let", "back", "move", "draw"})
"""Verbs that stand after "and" in commands."""


def _gerund(phrase: str) -> str:
    head, _, rest = phrase.partition(" ")
    return f"{gerund(head)} {rest}".strip()
