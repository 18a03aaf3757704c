"""Where a finished dataset goes on the Hugging Face Hub."""

from __future__ import annotations

from dataclasses import dataclass

from roboscribe.errors import SettingsError


@dataclass(frozen=True)
class HubSettings:
    """How a dataset is pushed to the Hugging Face Hub; the token comes from HF_TOKEN or `hf auth login`."""

    repo_id: str | None = None
    """Name there, such as `owner/name`; that of --repo-id when left out, for dialogue with `_with_high_level_tasks`."""
    private: bool = False
    """Make a new repository private; one that exists stays as it is."""
    revision: str = "main"
    """Branch; made when missing."""
    message: str = "Annotate with Roboscribe"
    """Message of the commit."""

    def __post_init__(self) -> None:
        if not self.message.strip():
            raise SettingsError("--hub.message is empty.", "Leave it out for the usual one.")
        if not self.revision.strip():
            raise SettingsError("--hub.revision is empty.", "Leave it out for main.")
