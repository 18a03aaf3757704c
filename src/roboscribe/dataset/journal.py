"""New versions of a dataset's files go in; they replace the old ones all in the same instant, or not at all.

LeRobot loads no dataset whose ``info.json`` and data files are not of one kind, and no file system renames two
files at once. So every file that changes first becomes a link through ``.roboscribe/current``, which leads to
the old versions; turning that one link to the new versions is the change; then real files take the place of
the links. A journal names the files: a run killed before it is written leaves the old dataset and some waste,
one killed after it leaves steps that the next run takes. The dataset loads between any two steps.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import cast

from roboscribe.dataset.filesystem import flush, link, lock
from roboscribe.dataset.info import INFO
from roboscribe.errors import DatasetError

FOLDER = ".roboscribe"
STAGING = ".annotate_staging"
OWN_FOLDERS = (FOLDER, STAGING)
"""Folders in a dataset that are ours to write to."""

META = PurePosixPath(INFO).parent.name

LOCK = "lock"
JOURNAL = "journal.json"
CURRENT, OLD, NEW = "current", "old", "new"
PART = "part"
"""Name of whatever is in the making, until it is renamed."""


def recover(root: Path) -> None:
    """Complete, or clear away, what an interrupted write left in the dataset at ``root``.

    Does nothing while another process writes the dataset: that one is in charge.

    Raises:
        DatasetError: A write must be completed, and the file system refuses.
    """
    if not (root / FOLDER).is_dir():
        return
    try:
        with _alone(root) as alone:
            if alone:
                _finish(root)
    except OSError as error:
        if (root / FOLDER / JOURNAL).exists():
            raise DatasetError(
                f"An interrupted write of {root} must be completed, which failed: {error.strerror}.",
                "Make the folder writable, then open it again.",
            ) from error


def check_writable(target: Path, files: Iterable[str] = ()) -> None:
    """Refuse a target that cannot be written to, before any work is spent on it.

    A folder without any write permission is refused also to users whom permissions do not bind.

    Args:
        target: A dataset, or the folder that is to become one.
        files: Files to be replaced, relative to it.

    Raises:
        DatasetError: It is no folder, it is read-only, or a file lies elsewhere, behind a link or a mount.
    """
    existing = next(folder for folder in (target, *target.absolute().parents) if os.path.lexists(folder))
    _check_folder(existing)
    for own in OWN_FOLDERS:
        if os.path.lexists(target / own):
            _check_folder(target / own)
    for folder in sorted({parent for path in files for parent in PurePosixPath(path).parents}):
        if (target / folder).is_dir():
            if folder.parts:
                _check_inside(target, folder)
            _check_folder(target / folder)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder.")
    if not (folder.stat().st_mode & 0o222 and os.access(folder, os.W_OK | os.X_OK)):
        raise DatasetError(
            f"{folder} is read-only.", "Make it writable, or write to another folder with --output-dir."
        )


def _check_inside(root: Path, folder: PurePosixPath) -> None:
    path = root / folder
    if path.is_symlink() or path.stat().st_dev != root.stat().st_dev:
        raise DatasetError(
            f"{path} lies elsewhere, behind a link or a mount, and is not written through.",
            "Write to a new folder with --output-dir.",
        )


@contextmanager
def transaction(root: Path) -> Generator[Transaction]:
    """The only writer of the dataset at ``root``; what it stages is committed when the block ends.

    The folder is made when it is missing. An exception in the block discards what was staged.

    Raises:
        DatasetError: Another process writes the dataset, or the file system refuses; nothing was changed
            unless the message says that the next run completes it.
    """
    made = _make(root)
    try:
        with _alone(root) as alone:
            if alone is False:
                raise DatasetError(
                    f"{root} is being written by another run.", "Wait until it has finished, then run again."
                )
            _finish(root)
            staged = Transaction(root)
            try:
                yield staged
                staged.commit()
            finally:
                if not (root / FOLDER / JOURNAL).exists():
                    _discard(root)
    except OSError as error:
        begun = (root / FOLDER / JOURNAL).exists()
        raise DatasetError(
            f"Writing {root} failed: {error.strerror or error}.",
            "The next run completes it." if begun else "Nothing was changed.",
        ) from error
    finally:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()


class Transaction:
    """Files staged for one commit.

    Args:
        root: The dataset's root.

    Attributes:
        changed: Paths of the files that the commit replaced or added, relative to the root.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.changed: frozenset[str] = frozenset()
        self._paths: set[str] = set()
        self._new = root / FOLDER / NEW

    def stage(self, relative: str) -> Path:
        """Where to write the new version of a file of the dataset, ``relative`` to its root."""
        path = _within(self._new, relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._paths.add(relative)
        return path

    def write(self, relative: str, data: bytes) -> None:
        """Stage ``data`` as the new version of a file."""
        self.stage(relative).write_bytes(data)

    def commit(self) -> None:
        """Put every staged file in its place, all or none; files that would not change are left alone."""
        check_writable(self.root, self._paths)
        for path in sorted(self._paths):
            if (self.root / path).is_file():
                self._settle(path)
        if self._paths:
            paths = sorted({self._topmost(path) for path in self._paths}, key=_last_meta)
            _keep_old(self.root, paths)
            _write_journal(self.root, paths)
            self.changed = frozenset(self._paths)
            _finish(self.root)

    def _settle(self, path: str) -> None:
        """Give a staged file the old one's permissions, or drop it where it is the same."""
        old, new = self.root / path, self._new / path
        if filecmp.cmp(old, new, shallow=False):
            new.unlink()
            self._paths.remove(path)
        else:
            shutil.copymode(old, new)

    def _topmost(self, path: str) -> str:
        """The outermost folder of ``path`` that is missing, which can be put in place as a whole, or itself."""
        folders = list(PurePosixPath(path).parents)[-2::-1]
        return next((str(folder) for folder in folders if not os.path.lexists(self.root / folder)), path)


def _last_meta(path: str) -> tuple[bool, str]:
    """Orders ``info.json``, or the new folder that holds it, last: without it, the rest is no dataset."""
    return path in (META, INFO), path


def _keep_old(root: Path, paths: Sequence[str]) -> None:
    """Make ``current`` lead to the old versions of ``paths``."""
    folder = root / FOLDER
    try:
        (folder / CURRENT).symlink_to(OLD)
    except OSError:
        # Some file systems have no links; there, files change one by one, and the next run completes them.
        return
    for path in paths:
        file, old = root / path, folder / OLD / path
        if os.path.lexists(file):
            old.parent.mkdir(parents=True, exist_ok=True)
            if file.is_symlink():
                old.symlink_to(file.resolve())
            else:
                link(file, old)


def _write_journal(root: Path, paths: Sequence[str]) -> None:
    """The commit: after it, the new versions of ``paths`` take their places, whatever happens."""
    folder = root / FOLDER
    (folder / PART).write_text(json.dumps(paths, indent=1, ensure_ascii=False), encoding="utf-8")
    flush(root)
    os.replace(folder / PART, folder / JOURNAL)
    flush(root)


def _finish(root: Path) -> None:
    """Complete a committed write, and clear away what is left of any; the caller holds the lock."""
    folder = root / FOLDER
    if (folder / JOURNAL).exists():
        paths = _read_journal(folder / JOURNAL)
        if (folder / CURRENT).is_symlink() and os.readlink(folder / CURRENT) == OLD:
            for path in paths:
                file = _within(root, path)
                if os.path.lexists(file):
                    _put_link(file, os.path.relpath(folder / CURRENT / path, file.parent), folder)
            flush(root)
            _put_link(folder / CURRENT, NEW, folder)
            flush(root)
        for path in paths:
            if os.path.lexists(_within(folder / NEW, path)):
                os.replace(folder / NEW / path, _within(root, path))
        flush(root)
        (folder / JOURNAL).unlink()
    _discard(root)


def _read_journal(path: Path) -> list[str]:
    """Paths that a committed write changes.

    Raises:
        DatasetError: The journal is none of ours: those are whole from the moment they have their name.
    """
    try:
        paths: object = json.loads(path.read_bytes())
    except ValueError:
        paths = None
    if not isinstance(paths, list) or not all(isinstance(name, str) for name in cast("list[object]", paths)):
        raise DatasetError(
            f"{path} is damaged, so the write it tells of cannot be completed.",
            f"Download the dataset again, or delete {path.parent} if you did not make it.",
        )
    return cast("list[str]", paths)


def _put_link(path: Path, target: str, folder: Path) -> None:
    """Put a link in the place of whatever file is at ``path``, in one step."""
    (folder / PART).unlink(missing_ok=True)
    (folder / PART).symlink_to(target)
    os.replace(folder / PART, path)


def _within(root: Path, relative: str) -> Path:
    """``relative`` under ``root``; a journal may come with a downloaded dataset, so it is not trusted.

    Raises:
        DatasetError: The path leads out of ``root``.
    """
    path = root / relative
    # Where the root itself lies is the user's to say: "../annotated" leads nowhere.
    if ".." in Path(relative).parts or not path.parent.resolve().is_relative_to(root.resolve()):
        raise DatasetError(f"{relative!r} leads out of {root}.", f"Delete {FOLDER} if you did not make it.")
    return path


def _discard(root: Path) -> None:
    for name in (NEW, OLD, CURRENT, PART):
        path = root / FOLDER / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _make(folder: Path) -> list[Path]:
    """Make ``folder``; the folders that were missing, innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be made: {error.strerror}.") from error
    return missing


@contextmanager
def _alone(root: Path) -> Generator[bool | None]:
    """Holds the dataset's lock: False where another process does, None where there are no locks.

    The kernel frees the lock of a process that dies, so none is ever stale. The file goes with the lock.
    """
    folder = root / FOLDER
    if folder.is_symlink():
        raise DatasetError(f"{folder} is a link to another folder.", "Remove it.")
    handle = _open_lock(folder)
    held = lock(handle)
    while held and not _is_at(handle, folder / LOCK):
        os.close(handle)
        handle = _open_lock(folder)
        held = lock(handle)
    try:
        yield held
    finally:
        if held is not False:
            with suppress(OSError):
                (folder / LOCK).unlink()
                folder.rmdir()
        os.close(handle)


def _open_lock(folder: Path) -> int:
    while True:
        folder.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open file is still the one at ``path``: its last owner may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
