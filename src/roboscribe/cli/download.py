"""`roboscribe download`: bring a dataset of the Hugging Face Hub to this disk, or what is missing of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.config import DatasetSettings, parse_episodes
from roboscribe.errors import DatasetError


@dataclass(frozen=True)
class Arguments:
    """Bring a dataset of the Hugging Face Hub to this disk with its videos.

    Other commands fetch the videos they look at by themselves. LeRobot needs all of them; so does a dataset that is to
    be taken elsewhere. What is there is not fetched again, so the same command goes on after any interruption.
    """

    root: Path | None = None
    """Folder of a dataset that was downloaded, or made of one that was."""
    repo_id: str | None = None
    """Dataset on the Hub, such as `lerobot/pusht`; goes to $HF_LEROBOT_HOME, where LeRobot looks for it."""
    revision: str | None = None
    """Branch, tag or commit of the Hub dataset."""
    cameras: tuple[str, ...] = ()
    """Camera keys; all when left out."""
    episodes: tuple[str, ...] = ()
    """Only the videos of these episodes: `0 1 2`, `0,1,2`, `0-9`. All when left out."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe download")
    wanted = parse_episodes(arguments.episodes)
    from rich.progress import Progress

    from roboscribe.dataset import check_episodes, open_dataset
    from roboscribe.dataset.hub import locate

    settings = DatasetSettings(arguments.root, arguments.repo_id, arguments.revision)
    dataset = open_dataset(locate(settings))
    root, remote = dataset.root, dataset.remote
    if remote is None:
        raise DatasetError(f"{root} is not known to come from the Hub.", "Name the dataset with --repo-id.")
    missing = remote.missing(root)
    if arguments.cameras or wanted is not None:
        keys = {dataset.camera(key).key for key in arguments.cameras}
        clips = dataset.clips(check_episodes(dataset, wanted))
        chosen = {clip.path for key, held in clips.items() if not keys or key in keys for clip in held}
        missing = [path for path in missing if root / path in chosen]
    with Progress() as bars:
        task = bars.add_task("videos", total=sum(remote.videos[path] for path in missing))
        remote.fetch(root, missing, lambda path: bars.advance(task, remote.videos[path]))
    print(f"{root}: {len(missing)} videos fetched, {len(remote.missing(root))} of {len(remote.videos)} left.")
    return EXIT_OK
