"""What is said to a robot at work and what it answers, by rule: forms by kind of request, filled with facts."""

from roboscribe.models.builtin.talk.rules import interject

__all__ = ["interject"]
