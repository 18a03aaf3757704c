"""A file or folder goes in; it is linked, or locked, or brought to the disk."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from pathlib import Path

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""What file systems without locks answer; some clusters mount theirs so."""


def flush(folder: Path) -> None:
    """Bring all that was written to the folder's file system to the disk: a power cut is then like a kill."""
    sync = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if sync is None:
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if sync(handle) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(handle)


def lock(handle: int) -> bool | None:
    """Lock an open file until it is closed: False where another process holds it, None where none can."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in NO_LOCKS:
            return None
        raise
    return True


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of a file; not where there is none, or none can be."""
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def link(path: Path, copy: Path) -> None:
    """A hard link to a file, or a copy of it where links cannot be."""
    try:
        os.link(path, copy)
    except OSError:
        shutil.copy2(path, copy)
