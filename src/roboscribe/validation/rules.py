"""The registry of rules: an episode view goes in, all findings about it come out."""

from __future__ import annotations

from roboscribe.validation import events, memory, motion, names, persistent, rows, trace, vqa
from roboscribe.validation.base import EpisodeView, Finding, Rule

RULES: tuple[Rule, ...] = (
    *rows.RULES,
    *persistent.RULES,
    *memory.RULES,
    *motion.RULES,
    *events.RULES,
    *vqa.RULES,
    *trace.RULES,
    *names.RULES,
)
"""Every rule about the rows of one episode."""


def check_episode(view: EpisodeView) -> list[Finding]:
    """All findings about one episode, in the order of the rules; empty when it keeps to the contract."""
    return [finding for rule in RULES for finding in rule.findings(view)]
