"""Forms of what the robot says: when it begins, and when it is spoken to; see ``talk.forms``."""

from __future__ import annotations

from collections.abc import Mapping

from roboscribe.config import Scenario

ANSWERS: Mapping[Scenario, tuple[str, ...]] = {
    "negative_task": (
        "Understood, I'll {do}.",
        "Okay, I won't. I'll {do}.",
        "All right, I'll just {do}.",
        "Don't worry, I'll {do}.",
        "Okay, I'll leave {S} alone and {do}.",
        "Understood, I won't touch {S}. I'll {do}.",
    ),
    "situated_correction": (
        "Right, I'll {do}.",
        "Understood, I'll {do}.",
        "Thanks for telling me, I'll {do}.",
        "Got it, I'll {do}.",
        "Okay, I'll {do} then.",
        "I see, I'll {do}.",
    ),
    "specific_constraint": (
        "Understood, I'll {do}.",
        "I'll keep that in mind and {do}.",
        "Of course, I'll {do}.",
        "Will do: I'll {do}.",
        "No problem, I'll {do}.",
        "All right, I'll see to that and {do}.",
    ),
    "preference": (
        "Happy to, I'll {do}.",
        "As you like, I'll {do}.",
        "Sure, I'll {do}.",
        "Good idea, I'll {do}.",
        "With pleasure, I'll {do}.",
        "Okay, I'll {do} for you.",
    ),
    "implicit_request": (
        "On it, I'll {do}.",
        "I see, then I'll {do}.",
        "Then I'll {do}.",
        "Right away, I'll {do}.",
        "Sure, I'll {do} now.",
        "Okay, I'll {do} now.",
    ),
    "encouragement": (
        "Thanks! Now I'll {do}.",
        "Thank you, next I'll {do}.",
        "Glad to hear it. Now I'll {do}.",
        "Thanks, I'll go on and {do}.",
        "That's kind, I'll {do} next.",
        "Thank you! I'll keep going and {do}.",
    ),
}


BRIEF = ("Okay, I'll do that.", "Sure, I'll do that now.", "Understood, I'll see to it.", "Will do.")
"""Answers where what the robot does next takes too many words."""

OPENINGS = (
    "Sure, I'll {task}.",
    "Okay, I'll {task}.",
    "Got it, I'll {task}.",
    "On it, I'll {task}.",
    "All right, I'll {task} now.",
    "Understood, I'll {task}.",
    "Of course, I'll {task}.",
    "Happy to, I'll {task}.",
)

THANKS = ("Thanks, I'll go on.", "Thank you, I'll keep going.", "Glad to hear it, I'll carry on.")
"""Answers to praise where it is not known what the robot does next."""


PLAIN_OPENINGS = (
    "Sure, I'll get started.",
    "Okay, I'm on it.",
    "All right, I'll begin.",
    "Understood, here I go.",
    "Got it, let me start.",
    "Of course, I'll start right away.",
)
"""First words where there is no task, or one of too many words."""
