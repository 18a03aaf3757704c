"""Who writes a file: the name of a file tells machine and process, whether they are still at it comes out."""

from __future__ import annotations

import os
from socket import gethostname

HOST = gethostname().replace(".", "-")
"""This machine, in names of files: process numbers mean nothing elsewhere."""


def mark() -> str:
    """What stands in the names of files that this process is writing."""
    return f"{HOST}.{os.getpid()}"


def is_at_work(host: str, process: str) -> bool:
    """Whether the process that a file's name tells of may still be there; those of other machines always may."""
    if host != HOST or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
