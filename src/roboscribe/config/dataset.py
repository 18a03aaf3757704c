"""Which dataset and which of its episodes, and how the result is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from roboscribe.errors import SettingsError


@dataclass(frozen=True)
class WriterSettings:
    """How the annotated dataset is written."""

    tools_column: bool = False
    """Also write the dataset-level `tools` column, for consumers that want it beside each frame."""


@dataclass(frozen=True)
class DatasetSettings:
    """Which dataset, and where the result goes."""

    root: Path | None = None
    """Folder of the dataset (the one that holds `meta/info.json`)."""
    repo_id: str | None = None
    """Dataset on the Hugging Face Hub, such as `lerobot/pusht`; taken from the local cache when it is there."""
    revision: str | None = None
    """Branch, tag or commit of the Hub dataset."""
    output_dir: Path | None = None
    """Write a new dataset here; without it the dataset is rewritten in place, safely."""
    episodes: tuple[str, ...] = ()
    """Episodes to work on: `0 1 2`, `0,1,2`, `0-9`, `[0, 1]`. All when left out."""

    def __post_init__(self) -> None:
        if self.root is None and self.repo_id is None:
            raise SettingsError(
                "Which dataset?", "Give its folder with --root, or a Hub dataset with --repo-id."
            )
        if self.root is not None and (self.repo_id is not None or self.revision is not None):
            other = "repo-id" if self.repo_id is not None else "revision"
            raise SettingsError(
                f"--root and --{other} name different datasets.",
                "Give the folder, or the Hub dataset; where to push to is told by --hub.repo-id.",
            )

    @property
    def result_id(self) -> str | None:
        """Name of the result on the Hub where no other is given: that of the dataset; None for a folder."""
        return self.repo_id


MOST_EPISODES = 10_000_000
"""Beyond this, an episode index is a slip of the finger, which must not take the memory with it."""


def parse_episodes(words: Iterable[str]) -> tuple[int, ...] | None:
    """Episode indices, ascending and each once, from what a person types; None when nothing is given.

    Raises:
        SettingsError: A word is neither a number nor a range.
    """
    text = " ".join(words)
    if not text.strip():
        return None
    indices: set[int] = set()
    for word in text.replace(",", " ").replace("[", " ").replace("]", " ").split():
        first, dash, last = word.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise SettingsError(
                f"--episodes: {word!r} is not an episode.", "Write numbers and ranges, such as 0 2 5-9."
            )
        if dash and int(last) < int(first):
            raise SettingsError(f"--episodes: the range {word} runs backwards.")
        if int(last or first) > MOST_EPISODES:
            raise SettingsError(f"--episodes: {word} goes beyond any dataset.")
        indices.update(range(int(first), int(last or first) + 1))
    if not indices:
        raise SettingsError("--episodes names no episode.", "Leave the flag out for all of them.")
    return tuple(sorted(indices))


def ranges(episodes: Collection[int]) -> str:
    """Episode indices as a person writes them: ``0-3 7``; what ``parse_episodes`` reads."""
    spans: list[list[int]] = []
    for episode in sorted(episodes):
        if spans and spans[-1][1] == episode - 1:
            spans[-1][1] = episode
        else:
            spans.append([episode, episode])
    return " ".join(f"{a}-{b}" if b > a else str(a) for a, b in spans)
