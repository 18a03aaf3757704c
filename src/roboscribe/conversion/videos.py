"""The videos of a camera go in; larger files that hold several each, and the place of every episode, come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

from roboscribe.conversion.kept import Facts, Kept, Origin, origin
from roboscribe.conversion.layout import MEBIBYTE, VIDEO, path, place
from roboscribe.conversion.remux import Video, join, probe
from roboscribe.dataset import Dataset
from roboscribe.dataset.filesystem import link
from roboscribe.dataset.layout import VideoFiles
from roboscribe.dataset.metadata import read_episodes
from roboscribe.episode import Camera
from roboscribe.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Clip:
    """An episode's part of a video file, in exact seconds from the start of the file."""

    episode: int
    start: Fraction
    stop: Fraction


@dataclass(frozen=True, slots=True)
class Source:
    """A video file of the dataset to be converted.

    Attributes:
        root: The dataset's root.
        relative: Path relative to it.
        clips: What it holds of the wanted episodes.
    """

    root: Path
    relative: str
    clips: tuple[Clip, ...]

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.root / self.relative

    @property
    def origin(self) -> Origin:
        """What tells the file from a changed one."""
        return origin(self.root, self.relative)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an episode's frames are: chunk, file in it, and the seconds of the file that they fill."""

    chunk: int
    file: int
    start: float
    stop: float


def video_keys(features: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Keys of the features whose frames are in videos, depth included."""
    return [key for key, feature in features.items() if feature["dtype"] == "video"]


def find_videos(dataset: Dataset, episodes: Sequence[int]) -> dict[str, list[Source]]:
    """The video files of every camera that hold the episodes, in the order of the first episode of each.

    A camera that is declared and has no file at all has no entry. Files that are still on the Hub are fetched.

    Raises:
        DatasetError: A camera has videos of some of the episodes only, or one cannot be fetched.
    """
    table = read_episodes(dataset.root, dataset.info.version)
    row_of = {int(index): row for row, index in enumerate(table.indices)}
    found: dict[str, list[Source]] = {}
    for key in video_keys(dataset.info.features):
        files = VideoFiles(dataset.root, dataset.info, table, [Camera(key, 0, 0, "video")], dataset.remote)
        clips: dict[str, list[Clip]] = {}
        lacking: list[int] = []
        for index in episodes:
            clip = files.clip(key, row_of[index])
            if clip is None or clip.size < 0:
                lacking.append(index)
                continue
            start = Fraction(clip.start)
            stop = start + dataset.episode_length(index) / Fraction(str(dataset.info.fps))
            relative = clip.path.relative_to(dataset.root).as_posix()
            clips.setdefault(relative, []).append(Clip(index, start, stop))
        if clips and lacking:
            raise DatasetError(
                f"Camera {key} has no video of episode {lacking[0]}, and a v3.0 dataset needs all of them.",
                "Fetch it, leave the episode out with --episodes, or remove the camera from meta/info.json.",
            )
        if clips:
            found[key] = [Source(dataset.root, relative, tuple(held)) for relative, held in clips.items()]
    if dataset.remote is not None:
        files = (source for sources in found.values() for source in sources)
        dataset.remote.fetch(dataset.root, [file.relative for file in files if not file.path.is_file()])
    return found


def convert_videos(
    key: str, sources: Sequence[Source], kept: Kept, megabytes: float, on_video: Callable[[Source], None]
) -> dict[int, Placement]:
    """Put the videos of a camera into files of at most ``megabytes``, and tell where each episode is.

    A video that is alone in its file, as it is too large or of another kind than its neighbours, is a hard link
    to the source where links can be.

    Raises:
        DatasetError: A video is damaged.
        OSError: The file system refuses.
    """
    places: dict[int, Placement] = {}
    rest = deque(sources)
    ahead: dict[str, Video] = {}
    number = 0
    while rest:
        relative = path(VIDEO, number, key)
        count = kept.find(relative, (source.origin for source in rest))
        if not count:
            videos = _group(rest, megabytes * MEBIBYTE, ahead)
            count = len(videos)
            origins = [source.origin for source, _ in zip(rest, videos, strict=False)]
            kept.make(relative, origins, lambda part, videos=videos: _write(videos, part))
        for start in map(Fraction, kept.facts(relative)["starts"]):
            source = rest.popleft()
            for clip in source.clips:
                times = float(start + clip.start), float(start + clip.stop)
                places[clip.episode] = Placement(*place(number), *times)
            on_video(source)
        number += 1
    return places


def _group(sources: Sequence[Source] | deque[Source], limit: float, ahead: dict[str, Video]) -> list[Video]:
    """The first videos that go into one file together.

    Args:
        sources: What is left, in order.
        limit: Bytes that the file may have, if it holds more than one video.
        ahead: A video that was looked at and did not fit in the file before, by path.
    """
    videos: list[Video] = []
    size = 0
    for source, video in _probed(sources, ahead):
        size += video.size
        joins = video.step > 0 and _covers(video, source)
        if videos and not (joins and video.follows(videos[0]) and size <= limit):
            ahead[source.relative] = video
            break
        videos.append(video)
        if not joins:
            break
    return videos


def _probed(
    sources: Sequence[Source] | deque[Source], ahead: dict[str, Video]
) -> Iterator[tuple[Source, Video]]:
    for source in sources:
        yield source, ahead.pop(source.relative, None) or probe(source.path)


def _covers(video: Video, source: Source) -> bool:
    """Whether the video holds its episodes to their last frames; else those after it would be taken for them."""
    frame = video.step * video.time_base
    return all(clip.stop <= video.seconds + frame / 2 for clip in source.clips)


def _write(videos: Sequence[Video], path: Path) -> Facts:
    """Write the file, and tell at which second of it each video starts."""
    if len(videos) == 1 and videos[0].is_mp4:
        link(videos[0].path.resolve(), path)
        return {"starts": ["0"]}
    join(videos, path)
    seconds = accumulate(video.seconds for video in videos[:-1])
    return {"starts": ["0", *map(str, seconds)]}
