"""A dataset, the episodes wanted of it and sizes go in; what is to be made of what comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from roboscribe import __version__
from roboscribe.conversion.data import Part, TableForm, parts
from roboscribe.conversion.layout import MEBIBYTE
from roboscribe.conversion.meta import new_features
from roboscribe.conversion.stats import EPISODES_STATS
from roboscribe.conversion.tasks import Tasks, collect_tasks
from roboscribe.conversion.videos import Source, find_videos, video_keys
from roboscribe.dataset import Dataset
from roboscribe.dataset.info import INFO, Feature
from roboscribe.errors import DatasetError
from roboscribe.language import canonical_json


@dataclass(frozen=True)
class Sizes:
    """How large files may be, in mebibytes; one that cannot be divided may be larger."""

    data: float = 100
    video: float = 200


@dataclass(frozen=True)
class Plan:
    """A v3.0 dataset to be made.

    Attributes:
        source: The dataset it is made of.
        parts: Its episodes.
        videos: Files with their frames, by camera key.
        tasks: Its tasks.
        form: Of its rows.
        features: Its declarations.
        sizes: Of its files.
    """

    source: Dataset
    parts: Sequence[Part]
    videos: Mapping[str, Sequence[Source]]
    tasks: Tasks
    form: TableForm
    features: Mapping[str, Feature]
    sizes: Sizes

    @property
    def steps(self) -> int:
        """Episodes and videos to be converted."""
        return len(self.parts) + sum(len(videos) for videos in self.videos.values())

    @property
    def renumbered(self) -> bool:
        """Whether episodes have other numbers in the new dataset, or are left out."""
        return [part.source for part in self.parts] != list(range(len(self.source.episode_indices)))

    @property
    def purpose(self) -> str:
        """Digest of all that the content of a file depends on besides the files it is made of."""
        stats = self.source.root / EPISODES_STATS
        facts = [
            __version__,
            self.source.info.raw,
            self.form.schema.to_string(),
            self.tasks.texts,
            sorted(self.tasks.of_old.items()),
            [(part.source, part.length, part.tasks) for part in self.parts],
            stats.stat().st_mtime_ns if stats.exists() else 0,
            self.sizes.data,
            self.sizes.video,
        ]
        return hashlib.sha256(canonical_json(facts).encode()).hexdigest()

    def notes(self) -> Iterator[str]:
        """What a user should know before it is made."""
        yield from self.source.notes
        if self.form.left_out:
            yield f"Left out, as {INFO} does not declare them: {', '.join(self.form.left_out)}."
        lost = [key for key in video_keys(self.source.info.features) if key not in self.videos]
        if lost:
            yield f"Left out, as they have no videos: {', '.join(lost)}."
        moved = next((part for part in self.parts if part.index != part.source), None)
        if moved:
            yield f"Episodes are numbered from 0 on; episode {moved.source}, for one, is now episode {moved.index}."

    def bytes_needed(self, linked: bool) -> int:
        """Bytes that its files will take, about.

        Args:
            linked: Whether a video that is too large to share a file takes none.
        """
        shards = {self.source.shard_of(part.source).path for part in self.parts}
        sizes = [path.stat().st_size for path in shards]
        limit = self.sizes.video * MEBIBYTE if linked else float("inf")
        for videos in self.videos.values():
            sizes += [size for video in videos if (size := video.path.stat().st_size) <= limit]
        return sum(sizes)


def make_plan(source: Dataset, episodes: Sequence[int], sizes: Sizes) -> Plan:
    """The plan of a v3.0 dataset of some episodes.

    Raises:
        DatasetError: A camera has videos of some of the episodes only, or metadata cannot be read.
        EpisodeError: The tasks of an episode cannot be read, or its data file is missing.
    """
    wanted = parts(source, episodes)
    videos = find_videos(source, episodes)
    tasks = collect_tasks(source.root, source.info.version, (part.tasks for part in wanted))
    form = TableForm(source, source.shard_of(episodes[0]), tasks)
    return Plan(
        source, wanted, videos, tasks, form, new_features(source.info, form.schema.names, videos), sizes
    )


def check_same(plan: Plan, there: Dataset) -> None:
    """Refuse a folder that holds another dataset than the one planned.

    Raises:
        DatasetError: It does.
    """
    lengths = [there.episode_length(index) for index in there.episode_indices]
    same = there.info.version == "v3.0" and lengths == [part.length for part in plan.parts]
    if not (same and there.info.features.keys() == plan.features.keys()):
        raise DatasetError(
            f"--output-dir {there.root} holds another dataset than {plan.source.root} as v3.0.",
            "Name a new folder.",
        )


def folder_of(target: Path) -> Path:
    """The folder itself, or the one above it that exists."""
    return next(folder for folder in (target, *target.absolute().parents) if folder.exists())
