"""A function goes in; it runs in a process of its own that is killed at a chosen file-system step."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import pyarrow.parquet as pq

EVENTS = frozenset(
    {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.symlink", "os.chmod", "os.utime"}
)
"""Audit events that come before a file system is changed; ``open`` counts, too, where it is for writing."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def run_until(work: Callable[[], Any], step: int | None = None) -> int | None:
    """Run ``work`` in a forked process and kill it just before its ``step``-th change of the file system.

    Returns:
        The number of steps of a run that got to its end, or None where it was killed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(work, step, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.WEXITSTATUS(status) == 0, said
    return int(said)


def _work(work: Callable[[], Any], step: int | None, writer: int) -> NoReturn:
    taken = 0
    counting = True

    def count() -> None:
        nonlocal taken
        if counting:
            taken += 1
            if taken == step:
                os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS or (event == "open" and (arguments[2] or 0) & WRITING):
            count()

    write_table = pq.ParquetWriter.write_table

    def counted_write(self: Any, *arguments: Any, **options: Any) -> None:
        count()
        write_table(self, *arguments, **options)

    code = 1
    try:
        pq.ParquetWriter.write_table = counted_write
        sys.addaudithook(audit)
        work()
        counting = False
        os.write(writer, str(taken).encode())
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reports it
        counting = False
        os.write(writer, traceback.format_exc().encode())
    finally:
        os._exit(code)
