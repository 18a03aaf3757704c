"""New versions of a dataset's files go in; they replace the old ones all together, or not at all.

Files are staged beside the dataset, in ``.roboscribe/``, and moved into place by steps that a journal holds.
Writing the journal is the commit: a run killed before it leaves the old dataset and some waste, one killed
after it leaves steps that the next run takes. Between any two steps LeRobot can load the dataset: features
are declared before their columns come, and data files change together, by exchanging their folder for a new
one.
"""

from __future__ import annotations

import errno
import filecmp
import hashlib
import json
import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from roboscribe.dataset.filesystem import exchange, flush, lock
from roboscribe.dataset.info import INFO
from roboscribe.errors import DatasetError

FOLDER = ".roboscribe"
META = PurePosixPath(INFO).parent.name

LOCK = "lock"
JOURNAL = "journal.json"
INTERIM = "interim.json"
NEW = "new"
WASTE = (NEW, INTERIM, "journal.part", "probe-a", "probe-b")
"""What lies in the folder besides the journal and the lock: of use only while a journal names it."""

Step = dict[str, str]
"""``{"replace": path, "with": staged}``, or ``{"exchange": folder, "unless": path, "is": digest}``."""


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
    existing = next(folder for folder in (target, *target.absolute().parents) if folder.exists())
    _check_folder(existing)
    for folder in sorted({parent for path in files for parent in PurePosixPath(path).parents}):
        if (target / folder).is_dir():
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
            plan = self._plan_change() if (self.root / INFO).exists() else self._plan_birth()
            flush(self.root)
            _write_journal(self.root, plan)
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

    def _plan_birth(self) -> list[Step]:
        """Steps of a new dataset: whole folders, that of ``info.json`` last, so that a part is no dataset."""
        names = sorted(os.listdir(self._new), key=lambda name: (name == META, name))
        for name in names:
            if os.path.lexists(self.root / name):
                raise FileExistsError(errno.EEXIST, f"{self.root / name} is in the way")
        return [_replace(name, f"{NEW}/{name}") for name in names]

    def _plan_change(self) -> list[Step]:
        """Steps of a dataset's change: declare features, exchange data, then what nothing depends on."""
        apart = {path for path in self._paths if _is_apart(path)}
        steps = self._plan_data(sorted(self._paths - apart))
        steps += [_replace(path, f"{NEW}/{path}") for path in sorted(apart - {INFO})]
        if INFO in apart:
            interim = _interim((self.root / INFO).read_bytes(), (self._new / INFO).read_bytes())
            if steps and interim is not None:
                (self.root / FOLDER / INTERIM).write_bytes(interim)
                steps.insert(0, _replace(INFO, INTERIM))
            steps.append(_replace(INFO, f"{NEW}/{INFO}"))
        return steps

    def _plan_data(self, paths: Sequence[str]) -> list[Step]:
        """One step where the file system can; else file by file, mixed until the last one."""
        if len(paths) > 1:
            folder = os.path.commonpath([PurePosixPath(path).parent for path in paths])
            if folder and self._can_exchange():
                with suppress(OSError):
                    _complete(self.root / folder, self._new / folder)
                    proof = min(paths, key=lambda path: (self._new / path).stat().st_size)
                    return [{"exchange": folder, "unless": proof, "is": _digest(self._new / proof)}]
        return [_replace(path, f"{NEW}/{path}") for path in paths]

    def _can_exchange(self) -> bool:
        first, second = (self.root / FOLDER / name for name in ("probe-a", "probe-b"))
        try:
            first.mkdir()
            second.mkdir()
            exchange(first, second)
        except OSError:
            return False
        return True


def _is_apart(path: str) -> bool:
    """Whether the file is none of the data files, which must change together."""
    parts = PurePosixPath(path).parts
    return len(parts) == 1 or parts[0] == META


def _complete(old: Path, new: Path) -> None:
    """Fill ``new`` with links to what ``old`` holds and it lacks, so that it can take its place."""
    for entry in sorted(os.scandir(old), key=lambda entry: entry.name):
        target = new / entry.name
        if entry.is_dir(follow_symlinks=False):
            target.mkdir(exist_ok=True)
            _complete(Path(entry.path), target)
        elif entry.is_symlink() and not target.exists():
            target.symlink_to(os.readlink(entry.path))
        elif not target.exists():
            os.link(entry.path, target)
    shutil.copystat(old, new)


def _interim(old: bytes, new: bytes) -> bytes | None:
    """``info.json`` while files change: the old one with the features of both; None where it has them."""
    before, after = json.loads(old), json.loads(new)
    features: dict[str, Any] = {**after["features"], **before["features"]}
    if features == before["features"]:
        return None
    return json.dumps({**before, "features": features}, indent=4, ensure_ascii=False).encode()


def _replace(path: str, staged: str) -> Step:
    return {"replace": path, "with": staged}


def _finish(root: Path) -> None:
    """Complete a committed write, and clear away what is left of any; the caller holds the lock."""
    journal = root / FOLDER / JOURNAL
    if journal.exists():
        for step in json.loads(journal.read_bytes()):
            _take(root, step)
        flush(root)
        journal.unlink()
    _discard(root)


def _take(root: Path, step: Step) -> None:
    """Take one step, unless an earlier try has taken it."""
    folder = root / FOLDER
    if "replace" in step:
        staged, target = _within(folder, step["with"]), _within(root, step["replace"])
        if os.path.lexists(staged):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(staged, target)
    elif _digest(_within(root, step["unless"])) != step["is"]:
        exchange(_within(folder / NEW, step["exchange"]), _within(root, step["exchange"]))


def _within(root: Path, relative: str) -> Path:
    """``relative`` under ``root``; a journal may come with a downloaded dataset, so it is not trusted.

    Raises:
        DatasetError: The path leads out of ``root``.
    """
    path = root / relative
    if ".." in path.parts or not path.parent.resolve().is_relative_to(root.resolve()):
        raise DatasetError(f"{relative!r} leads out of {root}.", f"Delete {FOLDER} if you did not make it.")
    return path


def _discard(root: Path) -> None:
    for name in WASTE:
        path = root / FOLDER / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _write_journal(root: Path, steps: Sequence[Step]) -> None:
    part = root / FOLDER / "journal.part"
    part.write_text(json.dumps(steps, indent=1, ensure_ascii=False), encoding="utf-8")
    flush(root)
    os.replace(part, root / FOLDER / JOURNAL)
    flush(root)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
