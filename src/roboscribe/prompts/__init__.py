"""Prompts: an ask goes in, the words a model reads come out; one Jinja2 template per ask."""

from roboscribe.prompts.render import Prompts

__all__ = ["Prompts"]
