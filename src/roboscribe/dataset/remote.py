"""What of a dataset is still on the Hugging Face Hub: a folder goes in, the videos that can be fetched come out.

A dataset of the Hub is downloaded without its videos. A file beside it says where it came from and which videos it has
there, so that each is fetched when somebody looks at it, and never before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from roboscribe.errors import DatasetError, cause

REMOTE = ".cache/roboscribe/hub.json"
"""Where it is said, relative to the dataset's root; like all of ``.cache`` it belongs to the folder."""

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi")

_AT_ONCE = 8


@dataclass(frozen=True)
class Remote:
    """A dataset of the Hub that lies in a folder, perhaps in part.

    Attributes:
        repo_id: Its name, ``owner/name``.
        commit: The commit that was downloaded.
        rows: Whether everything but the videos is in the folder.
        videos: Bytes of each of its videos, by path relative to the root.
    """

    repo_id: str
    commit: str
    rows: bool
    videos: Mapping[str, int]

    def to_bytes(self) -> bytes:
        """The file that says so."""
        return json.dumps(asdict(self)).encode()

    def missing(self, root: Path) -> list[str]:
        """Videos that are not in the folder."""
        return [path for path in self.videos if not (root / path).is_file()]

    def fetch(self, root: Path, paths: Iterable[str], on_file: Callable[[str], None] | None = None) -> None:
        """Bring files to the folder.

        Args:
            root: The folder.
            paths: Relative to it.
            on_file: Told of each that is there, from another thread.

        Raises:
            DatasetError: The Hub could not provide one; the others are kept, and so is what is there of it.
        """
        from huggingface_hub import hf_hub_download  # pyright: ignore[reportUnknownVariableType]
        from huggingface_hub.utils import disable_progress_bars

        # Several at once would write over each other, and over our own display.
        disable_progress_bars()

        def one(path: str) -> None:
            try:
                hf_hub_download(self.repo_id, path, repo_type="dataset", revision=self.commit, local_dir=root)
            except hub_errors() as error:
                raise DatasetError(
                    f"{path} of {self.repo_id} could not be fetched from the Hugging Face Hub: {cause(error)}.",
                    "Check your connection and, for a private dataset, HF_TOKEN, and run the command again.",
                ) from error
            if on_file is not None:
                on_file(path)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(one, paths):
                pass


_fetching: dict[Path, Lock] = {}
"""Held while a video is fetched, by its path."""


@dataclass(frozen=True, slots=True)
class RemoteVideo:
    """A video that is fetched when it is needed.

    Attributes:
        remote: The dataset it belongs to.
        root: The folder it comes to.
        relative: Its path relative to that.
    """

    remote: Remote
    root: Path
    relative: str

    @property
    def size(self) -> int:
        """Bytes."""
        return self.remote.videos[self.relative]

    def fetch(self) -> None:
        """Bring it to the folder, unless it is there.

        Raises:
            DatasetError: The Hub could not provide it.
        """
        # Episodes share files. The Hub's library removes a file that came meanwhile before it fetches it once more,
        # from under whoever reads it.
        path = self.root / self.relative
        with _fetching.setdefault(path, Lock()):
            if not path.is_file():
                self.remote.fetch(self.root, [self.relative])


def hub_errors() -> tuple[type[Exception], ...]:
    """What the Hub's client library raises when something cannot be had: its own errors, and those below."""
    # The base of what its HTTP library raises, which is another one from version to version.
    from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]

    return (HTTPError, OSError, RuntimeError)


def hub_videos(repo_id: str, revision: str) -> dict[str, int]:
    """Bytes of each video that a dataset has on the Hub, by path.

    Args:
        repo_id: Its name, ``owner/name``.
        revision: Branch, tag or commit.

    Raises the errors of ``hub_errors``.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    files = HfApi().list_repo_tree(repo_id, repo_type="dataset", revision=revision, recursive=True)
    return {
        file.path: file.size
        for file in files
        if isinstance(file, RepoFile) and file.path.lower().endswith(VIDEO_SUFFIXES)
    }


def read_remote(root: Path) -> Remote | None:
    """Where the dataset in a folder came from; None where it is not known to be from the Hub.

    Raises:
        DatasetError: The file that says so is damaged.
    """
    path = root / REMOTE
    try:
        return Remote(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{path} does not say what of the dataset is on the Hub: {cause(error)}.",
            "Remove it if the folder has all videos; otherwise remove the folder, to download the dataset again.",
        ) from error


def write_remote(root: Path, remote: Remote) -> None:
    """Say where the dataset in a folder came from."""
    path = root / REMOTE
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(remote.to_bytes())
    part.replace(path)
