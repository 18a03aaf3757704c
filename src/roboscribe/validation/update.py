"""New rows for an episode go in, what would be wrong with the episode once they are written comes out."""

from __future__ import annotations

from collections.abc import Sequence

from roboscribe.dataset.merge import EpisodeUpdate
from roboscribe.episode import Episode
from roboscribe.language import Row
from roboscribe.validation.base import EpisodeView, Finding
from roboscribe.validation.rules import check_episode

UNWRITABLE = frozenset({"row.timestamp"})
"""Rules whose breaches cannot be stored, whatever else is let pass."""


def new_findings(
    episode: Episode, stored: Sequence[Row], update: EpisodeUpdate, tools: frozenset[str] = frozenset()
) -> list[Finding]:
    """What an episode would have with its new rows, and does not have already.

    Rows of other styles that survive are looked at, too: a plan that is kept must still list the subtasks
    that are new. What was wrong with them before is no reason to refuse.

    Args:
        episode: The episode.
        stored: Rows it has.
        update: Rows to take the place of those of their styles; some are expected of every style.
        tools: Names of the tools that the dataset describes.
    """
    kept = [row for row in stored if not row.is_of(update.styles)]
    before = EpisodeView.of(episode, stored, tools=tools)
    known = {finding.message for finding in check_episode(before)} if kept else ()
    view = EpisodeView.of(episode, [*kept, *update.rows], update.styles, tools)
    return [finding for finding in check_episode(view) if finding.message not in known]
