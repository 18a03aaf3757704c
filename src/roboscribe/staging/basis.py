"""What data files are made from: a data file and its episodes go in, a digest of all that decides on it comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from roboscribe import __version__
from roboscribe.dataset import Dataset, Shard
from roboscribe.dataset.prepared import stamp, stamps_of_metadata
from roboscribe.language import canonical_json
from roboscribe.staging.store import Staging


@dataclass(frozen=True)
class Basis:
    """What a run makes data files from.

    Files of the dataset count by size and time, as reading them takes as long as making the new ones; staged results
    by their records, which hold digests of their rows.

    Attributes:
        source: Where episodes come from.
        stored: Where the rows already written are.
        staging: Where results are kept.
        made_by: Provenance of each annotator.
        how: What else decides which results are written, as plain data.
    """

    source: Dataset
    stored: Dataset
    staging: Staging
    made_by: Mapping[str, Mapping[str, Any]]
    how: Mapping[str, Any]

    def digest(self, shard: Shard, episodes: Collection[int]) -> str:
        """Digest of all that decides about a data file.

        Args:
            shard: The data file.
            episodes: Those of its episodes that the run is about.
        """
        files = [stamp(dataset.root / shard.relative) for dataset in (self.source, self.stored)]
        staged = {index: self._of_episode(index) for index in sorted(episodes)}
        parts = {"run": self._run, "path": shard.relative, "files": files, "staged": staged}
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]

    def _of_episode(self, index: int) -> list[Any]:
        return [self.staging.digest(index, self.made_by), *self.source.video_sizes(index)]

    @cached_property
    def _run(self) -> str:
        """Digest of what is the same for all data files."""
        parts = {
            "code": __version__,
            "made_by": self.made_by,
            "how": self.how,
            "metadata": [stamps_of_metadata(dataset) for dataset in (self.source, self.stored)],
        }
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
