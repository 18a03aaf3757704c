"""The report of a validation: findings come in, plain text or JSON lines go out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, groupby

from roboscribe.config import ranges
from roboscribe.language import canonical_json
from roboscribe.validation.base import Finding

MOST_SHOWN = 5
"""Findings of one rule that are told before the rest is only counted."""
MOST_NAMED = 40
"""Characters that the numbers of episodes may take."""


@dataclass(frozen=True)
class Report:
    """Findings about a dataset or its staged rows.

    Attributes:
        findings: By episode, those about the whole dataset first.
        episodes: Number of episodes that were checked.
    """

    findings: tuple[Finding, ...]
    episodes: int

    @classmethod
    def of(cls, findings: Iterable[Finding], episodes: int) -> Report:
        """The report of these findings, put in order."""
        return cls(tuple(sorted(findings, key=_order)), episodes)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that keep an episode from being written."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings worth a look."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def summary(self) -> str:
        """One line: ``3 errors and 1 warning in 2 of 20 episodes``."""
        checked = f"{self.episodes} episode{'' if self.episodes == 1 else 's'}"
        if not self.findings:
            return f"{checked} checked, nothing found."
        kinds = [(len(self.errors), "error"), (len(self.warnings), "warning")]
        counts = " and ".join(f"{n} {name}{'' if n == 1 else 's'}" for n, name in kinds if n)
        affected = len({finding.episode for finding in self.findings} - {None})
        return (
            f"{counts} in {affected} of {checked}." if affected else f"{counts} about the dataset as a whole."
        )

    def to_text(self, every: bool = False) -> str:
        """Plain text, rule by rule, and the summary as its last line.

        Args:
            every: Tell all findings of a rule, not only some for example.
        """
        return "\n".join((*chain.from_iterable(_told(*rule, every) for rule in self._rules()), self.summary))

    def to_json_lines(self) -> str:
        """One JSON object a line for each finding; empty when there are none."""
        return "".join(canonical_json(asdict(finding)) + "\n" for finding in self.findings)

    def _rules(self) -> list[tuple[str, list[Finding]]]:
        """Each severity and rule with its findings: errors first, what is about the dataset before the rest."""
        found: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
        for finding in self.findings:
            found[finding.severity, finding.rule].append(finding)
        return sorted(
            ((f"{severity} {rule}", findings) for (severity, rule), findings in found.items()),
            key=lambda told: (
                told[1][0].severity != "error", told[1][0].episode is not None, -len(told[1]), told[0],
            ),
        )  # fmt: skip


def _told(name: str, findings: Sequence[Finding], every: bool) -> Iterator[str]:
    """The lines about the findings of one rule."""
    episodes = {finding.episode for finding in findings if finding.episode is not None}
    where = f" in episode{'s' if len(episodes) > 1 else ''} {_named(episodes)}" if episodes else ""
    yield f"{name}, {len(findings)} times{where}" if len(findings) > 1 else name
    shown = findings if every or len(findings) <= MOST_SHOWN else findings[:MOST_SHOWN]
    for fix, alike in groupby(shown, key=lambda finding: finding.fix):
        yield from (f"  {_place(finding)}{finding.message}" for finding in alike)
        yield f"    → {fix}"
    if len(shown) < len(findings):
        yield f"  … and {len(findings) - len(shown)} more; --all tells every one."


def _named(episodes: Collection[int]) -> str:
    """Episode indices, or where these are scattered, the first and how many there are."""
    named = ranges(episodes)
    return named if len(named) <= MOST_NAMED else f"{min(episodes)} and {len(episodes) - 1} others"


def _place(finding: Finding) -> str:
    """Where a finding is, as far as its message does not tell: ``episode 7, 2.50 s: ``."""
    if finding.episode is None:
        return ""
    moment = "" if finding.time is None else f"{finding.time:.2f} s"
    return f"episode {finding.episode}{f', {moment}' if moment not in finding.message else ''}: "


def _order(finding: Finding) -> tuple[int, bool, float, str]:
    """By episode, errors first, then by time."""
    time = -1.0 if finding.time is None else finding.time
    return -1 if finding.episode is None else finding.episode, finding.severity != "error", time, finding.rule
