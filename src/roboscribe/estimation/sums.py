"""Sums: what rehearsed episodes would take goes in, what each annotator would take for all episodes comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roboscribe.annotators.selection import Selection
from roboscribe.estimation.rehearse import Rehearsed
from roboscribe.estimation.sample import Floats, Group, total
from roboscribe.models.rehearsal import PROBE, Foreseen, Lesson

ENOUGH = 2
"""Replies to one kind of ask that teach something."""

EPISODES, STAGED, CALLS, CACHED, IMAGES, PROMPT, COMPLETION, SCHEMA = range(8)


@dataclass(frozen=True)
class Sums:
    """Sums over the rehearsed episodes, and over those that are like them.

    Attributes:
        selection: The annotators.
        lessons: How replies of earlier runs compare to what is foreseen, by the name of their ask.
        length: Frames of an episode.
    """

    selection: Selection
    lessons: Mapping[str, Lesson]
    length: Callable[[int], int]

    def over(
        self, groups: Sequence[Group], rehearsed: Mapping[int, Rehearsed], probes: Sequence[Foreseen]
    ) -> dict[str, Floats]:
        """Amounts by annotator in working order, those without asks left out; probes come first."""
        names = [annotator.name for annotator in self.selection.annotators.values() if annotator.asks]
        whole = np.zeros((len(names), SCHEMA + 1))
        for group in groups:
            amounts = np.stack([self._of(rehearsed[index], names) for index in group.drawn])
            whole += total([*map(self.length, group.episodes)], [*map(self.length, group.drawn)], amounts)
        probing = sum((self._amounts(foreseen) for foreseen in probes), np.zeros(SCHEMA + 1))
        # Probes are not counted among the calls of a run, only their tokens and pictures are.
        probing[CALLS] = 0
        found = {PROBE: probing} | dict(zip(names, whole, strict=True))
        return {
            name: amounts for name, amounts in found.items() if amounts[[STAGED, CALLS, CACHED, IMAGES]].any()
        }

    def _of(self, rehearsed: Rehearsed, names: Sequence[str]) -> Floats:
        """Amounts of one episode, shape [annotators, amounts]."""
        owners = {kind.__name__: a.name for a in self.selection.annotators.values() for kind in a.asks}
        amounts = np.zeros((len(names), SCHEMA + 1))
        for foreseen in rehearsed.foreseen:
            amounts[names.index(owners[foreseen.name])] += self._amounts(foreseen)
        for row, name in enumerate(names):
            amounts[row, EPISODES] = name in rehearsed.made
            amounts[row, STAGED] = name in rehearsed.reused
        return amounts

    def _amounts(self, foreseen: Foreseen) -> Floats:
        """Amounts of one request, put right by what its kind has taught."""
        amounts = np.zeros(SCHEMA + 1)
        if foreseen.cached:
            amounts[CACHED] = 1
            return amounts
        prompt, completion, schema = (
            foreseen.prompt_tokens,
            foreseen.completion_tokens,
            foreseen.schema_tokens,
        )
        lesson = self.lessons.get(foreseen.name)
        if lesson is not None and lesson.replies >= ENOUGH:
            prompt *= lesson.prompt / lesson.prompt_foreseen
            completion *= lesson.completion / lesson.completion_foreseen
            # What was read before had the schema in it, if the server has to be told.
            schema = 0
        amounts[CALLS:] = 1, 0, foreseen.images, prompt, completion, schema
        return amounts
