"""A process that outlives neither its parent nor its purpose: a command goes in, its whole process group ends.

Run as a script of its own with nothing but the standard library: ``python supervisor.py COMMAND …``. The parent
holds the other end of standard input, which closes when the parent ends in whatever way, SIGKILL included;
then, or when the command ends by itself, everything the command has started is stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 10.0
"""What a command gets between SIGTERM and SIGKILL."""


def main(command: list[str]) -> int:
    """Run a command until it ends or standard input does; its exit code."""
    try:
        # A group of its own, so that a Ctrl-C in the terminal reaches the parent only, who decides.
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    parent_gone = threading.Event()
    threading.Thread(target=_watch, args=(child, parent_gone), daemon=True).start()
    code = child.wait()
    _signal(child, signal.SIGKILL)
    return 0 if parent_gone.is_set() else code


def _watch(child: subprocess.Popen[bytes], parent_gone: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    parent_gone.set()
    _signal(child, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_SECONDS)
    _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    # The group is the child's own; it may outlive the child itself.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _carry_on(number: int, frame: object) -> None:
    """The end of standard input, and nothing else, says when to stop."""


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A function, not SIG_IGN: the command would inherit that, and not stop when told to.
        signal.signal(ignored, _carry_on)
    sys.exit(main(sys.argv[1:]))
