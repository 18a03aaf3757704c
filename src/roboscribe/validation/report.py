"""The report of a validation: findings come in, plain text or JSON lines go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby

from roboscribe.language import canonical_json
from roboscribe.validation.base import Finding


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

    def to_text(self) -> str:
        """Plain text, grouped by episode, and the summary as its last line."""
        return "\n".join((*self._lines(), self.summary))

    def to_json_lines(self) -> str:
        """One JSON object a line for each finding; empty when there are none."""
        return "".join(canonical_json(asdict(finding)) + "\n" for finding in self.findings)

    def _lines(self) -> Iterator[str]:
        for episode, group in groupby(self.findings, key=lambda finding: finding.episode):
            yield "dataset" if episode is None else f"episode {episode}"
            for finding in group:
                moment = "" if finding.time is None else f" {finding.time:.2f} s"
                yield f"  {finding.severity}{moment} {finding.rule}: {finding.message}"
                yield f"    → {finding.fix}"


def _order(finding: Finding) -> tuple[int, bool, float, str]:
    """By episode, errors first, then by time."""
    time = -1.0 if finding.time is None else finding.time
    return -1 if finding.episode is None else finding.episode, finding.severity != "error", time, finding.rule
