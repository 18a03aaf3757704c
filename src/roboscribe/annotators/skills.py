"""Skills: an episode goes in, rows that name atomic skills of a few seconds from each boundary on come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roboscribe.annotators.base import Scene
from roboscribe.annotators.lengths import Lengths, atomic
from roboscribe.annotators.spans import Span
from roboscribe.annotators.subtasks import Subtasks
from roboscribe.annotators.view import View
from roboscribe.config import SubtasksSettings


class Skills(Subtasks):
    """Subtasks of a wanted length, made and kept beside those of any length.

    Its rows are for index features, and are not written as language.
    """

    name = "skills"
    version = 2
    styles = frozenset[str | None]()

    def __init__(self, settings: SubtasksSettings, view: View | None, lengths: Lengths) -> None:
        super().__init__(settings, view)
        self._lengths = lengths

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        lengths = {"min_skill_seconds": self._lengths.least, "max_skill_seconds": self._lengths.most}
        return {**super().settings, **lengths}

    @property
    def _wanted(self) -> Lengths:
        return self._lengths

    def _shaped(self, spans: list[Span], scene: Scene) -> list[Span]:
        return atomic(spans, scene.episode, scene.signals, self._lengths)
