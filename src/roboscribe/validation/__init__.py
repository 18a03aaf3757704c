"""Checks rows against the data contract: one pure function per rule, and a report of what was found."""

from roboscribe.validation.base import EpisodeView, Finding, Rule
from roboscribe.validation.files import FILE_RULES, check_dataset
from roboscribe.validation.indexed import INDEX_RULES, check_indexed, indexed
from roboscribe.validation.overall import OVERALL_RULES, Overview, Recorded
from roboscribe.validation.report import Report
from roboscribe.validation.rules import RULES, check_episode

__all__ = [
    "FILE_RULES",
    "INDEX_RULES",
    "OVERALL_RULES",
    "RULES",
    "EpisodeView",
    "Finding",
    "Overview",
    "Recorded",
    "Report",
    "Rule",
    "check_dataset",
    "check_episode",
    "check_indexed",
    "indexed",
]
