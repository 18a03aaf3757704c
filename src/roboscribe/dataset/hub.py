"""Datasets on the Hugging Face Hub: a repo id goes in, the local folder that holds the dataset comes out."""

from __future__ import annotations

import os
from pathlib import Path

from roboscribe.config import DatasetSettings
from roboscribe.errors import DatasetError, SettingsError


def cache_folder(repo_id: str) -> Path:
    """Where LeRobot looks for a dataset of this name before it asks the Hub, and where we download to.

    The environment variables HF_LEROBOT_HOME and HF_HOME move it, as they do for LeRobot.
    """
    hub_home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface"))
    home = Path(os.environ.get("HF_LEROBOT_HOME", hub_home / "lerobot"))
    return home.expanduser() / repo_id


def locate(settings: DatasetSettings) -> Path:
    """Folder of the dataset that the settings name, downloaded first when it is not there.

    Raises:
        SettingsError: The repo id is not one.
        DatasetError: The Hub does not have the dataset, or cannot be reached.
    """
    if settings.root is not None:
        return settings.root
    repo_id = settings.repo_id or ""
    folder = cache_folder(repo_id)
    if settings.revision is None and (folder / "meta" / "info.json").is_file():
        return folder

    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        snapshot_download(repo_id, repo_type="dataset", revision=settings.revision, local_dir=folder)
    except HFValidationError as error:
        raise SettingsError(
            f"--repo-id {repo_id!r} is not the name of a Hub dataset.", "Write it as owner/name."
        ) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise DatasetError(
            f"--repo-id {repo_id}: not in {folder}, and the Hub could not provide it"
            f" ({type(error).__name__}).",
            "Check the name, your connection and, for a private dataset, HF_TOKEN; or give a folder with --root.",
        ) from error
    return folder
