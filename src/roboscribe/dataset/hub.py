"""Datasets on the Hugging Face Hub: a repo id goes in, the local folder that holds the dataset comes out."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from roboscribe.config import DatasetSettings
from roboscribe.dataset.info import INFO
from roboscribe.dataset.remote import (
    VIDEO_SUFFIXES,
    Remote,
    hub_errors,
    hub_videos,
    read_remote,
    write_remote,
)
from roboscribe.errors import DatasetError, SettingsError, cause


def cache_folder(repo_id: str, revision: str | None = None) -> Path:
    """Where LeRobot looks for a dataset of this name before it asks the Hub, and where we download to.

    The environment variables HF_LEROBOT_HOME and HF_HOME move it, as they do for LeRobot. A revision that is asked
    for by name has a folder of its own.
    """
    hub_home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface"))
    home = Path(os.environ.get("HF_LEROBOT_HOME", hub_home / "lerobot"))
    folder = home.expanduser() / repo_id
    return folder if revision is None else folder.with_name(f"{folder.name}@{revision.replace('/', '-')}")


def locate(settings: DatasetSettings) -> Path:
    """Folder of the dataset that the settings name, downloaded first when it is not there.

    Everything but the videos is downloaded; these are fetched when they are looked at (``Dataset.remote``).

    Raises:
        SettingsError: The repo id is not one.
        DatasetError: The Hub does not have the dataset, or cannot be reached.
    """
    if settings.root is not None:
        return settings.root
    repo_id = settings.repo_id or ""
    folder = cache_folder(repo_id, settings.revision)
    remote = read_remote(folder)
    if remote.rows if remote is not None else (folder / INFO).is_file():
        return folder
    from huggingface_hub.errors import HFValidationError

    try:
        _download(folder, remote or _of_hub(repo_id, settings.revision))
    except HFValidationError as error:
        raise SettingsError(
            f"--repo-id {repo_id!r} is not the name of a Hub dataset.", "Write it as owner/name."
        ) from error
    except hub_errors() as error:
        raise DatasetError(
            f"--repo-id {repo_id}: not in {folder}, and the Hub could not provide it: {cause(error)}.",
            "Check the name, your connection and, for a private dataset, HF_TOKEN; or give a folder with --root.",
        ) from error
    return folder


def _of_hub(repo_id: str, revision: str | None) -> Remote:
    """What the Hub has of a dataset, of which nothing is in any folder."""
    from huggingface_hub import HfApi

    commit = HfApi().dataset_info(repo_id, revision=revision).sha or ""
    return Remote(repo_id, commit, rows=False, videos=hub_videos(repo_id, commit))


def _download(folder: Path, remote: Remote) -> None:
    """Bring everything but the videos to a folder; broken off, it goes on with the same commit."""
    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]

    write_remote(folder, remote)
    snapshot_download(
        remote.repo_id,
        repo_type="dataset",
        revision=remote.commit,
        local_dir=folder,
        ignore_patterns=[f"*{suffix}" for suffix in VIDEO_SUFFIXES],
    )
    write_remote(folder, replace(remote, rows=True))
