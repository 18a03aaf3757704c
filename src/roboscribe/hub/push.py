"""Pushing: a finished dataset goes in, its commit on the Hugging Face Hub comes out.

Files go up a few at a time, and become visible together in one commit at the end: the dataset on the Hub is the
old one or the new one. What the Hub has already is not sent again, so an interrupted push goes on where it was.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roboscribe import __version__
from roboscribe.config import HubSettings
from roboscribe.dataset import open_dataset
from roboscribe.dataset.output import dataset_files
from roboscribe.dataset.remote import hub_errors, hub_videos, read_remote
from roboscribe.errors import RoboscribeError, SettingsError, cause
from roboscribe.events import FilesUploaded, Listener, Note, UploadFinished, UploadStarted, ignore
from roboscribe.hub.card import describe, with_section

CARD = "README.md"
_TOGETHER = 32
"""Files between two reports on how it goes."""
_LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write there."
_AGAIN = "The dataset is on this disk; `roboscribe push` sends what is missing."


@dataclass(frozen=True, slots=True)
class Destination:
    """A branch of a dataset repository.

    Attributes:
        repo_id: Its name, ``owner/name``.
        settings: Branch, message, and whether a new one is private.
    """

    repo_id: str
    settings: HubSettings

    @classmethod
    def of(cls, settings: HubSettings, repo_id: str | None) -> Destination:
        """Where the settings say, or where the dataset comes from.

        Args:
            settings: The settings.
            repo_id: Name on the Hub of the dataset that was worked on; None for a folder.

        Raises:
            SettingsError: Neither says.
        """
        named = settings.repo_id or repo_id
        if named is None:
            raise SettingsError("Push to which dataset?", "Name it with --hub.repo-id owner/name.")
        if named.count("/") != 1 or not all(named.split("/")):
            raise SettingsError(
                f"--hub.repo-id {named!r} is not the name of a Hub dataset.", "Write it as owner/name."
            )
        return cls(named, settings)


def check_push(destination: Destination) -> None:
    """Make sure that somebody is logged in, before a run spends anything.

    Raises:
        RoboscribeError: Nobody is, or the Hub cannot be reached.
    """
    with _told(destination):
        _api().whoami()


def push(root: Path, destination: Destination, listen: Listener = ignore) -> str:
    """Push a dataset with its videos and its card.

    Videos that are not on this disk are fetched first, unless the branch has them: pushing there leaves them alone.

    Args:
        root: Folder of the dataset; what lies in it for staging stays there.
        destination: Where to.
        listen: Called with every event.

    Returns:
        Address of the commit.

    Raises:
        RoboscribeError: The Hub does not take it; what is there is as it was.
    """
    from huggingface_hub import CommitOperationAdd

    dataset = open_dataset(root)
    section = describe(dataset)
    repo, settings = destination.repo_id, destination.settings
    api = _api()
    with _told(destination):
        api.create_repo(repo, repo_type="dataset", private=settings.private, exist_ok=True)
        if settings.revision != "main":
            api.create_branch(repo, repo_type="dataset", branch=settings.revision, exist_ok=True)
        _fetch_what_it_lacks(root, destination, listen)
        card = with_section(_card(api, root, destination), repo.split("/")[1], section)
        files = [(path, file) for path, file in dataset_files(root) if path != CARD]
        listen(UploadStarted(len(files), sum(file.stat().st_size for _, file in files), repo))
        operations = [CommitOperationAdd(path, str(file.resolve())) for path, file in files]
        for at in range(0, len(operations), _TOGETHER):
            some = operations[at : at + _TOGETHER]
            api.preupload_lfs_files(
                repo, additions=some, repo_type="dataset", revision=settings.revision, free_memory=False
            )
            listen(FilesUploaded(len(some), sum(operation.upload_info.size for operation in some)))
        commit = api.create_commit(
            repo,
            [*operations, CommitOperationAdd(CARD, card.encode())],
            commit_message=settings.message,
            repo_type="dataset",
            revision=settings.revision,
        )
        _tag(api, destination, dataset.info.version)
    listen(UploadFinished(commit.commit_url, repo))
    return commit.commit_url


def _api() -> Any:
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars

    # How it goes is told by events.
    disable_progress_bars()
    return HfApi(library_name="roboscribe", library_version=__version__)


def _fetch_what_it_lacks(root: Path, destination: Destination, listen: Listener) -> None:
    """Fetch the videos that are neither on this disk nor on the branch.

    Raises:
        DatasetError: One cannot be had.
    """
    remote = read_remote(root)
    missing = remote.missing(root) if remote is not None else []
    if remote is None or not missing:
        return
    there = hub_videos(destination.repo_id, destination.settings.revision)
    needed = [path for path in missing if there.get(path) != remote.videos[path]]
    if needed:
        size = sum(remote.videos[path] for path in needed)
        listen(
            Note(f"{len(needed)} videos, {size / 1e6:,.1f} MB, are not on this disk; they are fetched first.")
        )
        remote.fetch(root, needed)


def _card(api: Any, root: Path, destination: Destination) -> str | None:
    """The card so far: the dataset's own, or that of the repository."""
    from huggingface_hub.errors import EntryNotFoundError

    if (root / CARD).is_file():
        return (root / CARD).read_text()
    try:
        path = api.hf_hub_download(
            destination.repo_id, CARD, repo_type="dataset", revision=destination.settings.revision
        )
    except EntryNotFoundError:
        return None
    return Path(path).read_text()


def _tag(api: Any, destination: Destination, version: str) -> None:
    """Name the new commit by its format's version, which is how LeRobot finds it."""
    from huggingface_hub.errors import RevisionNotFoundError

    if destination.settings.revision != "main":
        return
    with suppress(RevisionNotFoundError):
        api.delete_tag(destination.repo_id, repo_type="dataset", tag=version)
    api.create_tag(destination.repo_id, repo_type="dataset", tag=version, revision="main")


@contextmanager
def _told(destination: Destination) -> Generator[None]:
    """Tell what the Hub says in a sentence.

    Raises:
        RoboscribeError: In the place of what its library raises.
    """
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    repo = destination.repo_id
    try:
        yield
    except LocalTokenNotFoundError:
        raise RoboscribeError("Nobody is logged in to the Hugging Face Hub.", _LOG_IN) from None
    except HFValidationError as error:
        raise SettingsError(f"--hub.repo-id {repo!r}: {cause(error)}.", "Write it as owner/name.") from None
    except (HfHubHTTPError, *hub_errors()) as error:
        # Older releases of the library put the refusal behind an error of their HTTP library.
        refusal = next((one for one in (error, error.__cause__) if isinstance(one, HfHubHTTPError)), None)
        if refusal is None:
            reason = cause(error.__cause__ if isinstance(error.__cause__, Exception) else error)
            raise RoboscribeError(f"The push to {repo} was broken off: {reason}.", _AGAIN) from None
        status = refusal.response.status_code
        if status in (401, 403):
            raise RoboscribeError(
                f"The Hugging Face Hub does not let you write to {repo} (HTTP {status}).", _LOG_IN
            ) from None
        raise RoboscribeError(f"The Hugging Face Hub refuses {repo}: {cause(refusal)}.", _AGAIN) from None
