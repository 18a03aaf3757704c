"""A Ray cluster of this machine while a block runs: its environment comes out."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def ray_cluster(cpus: int = 2) -> Generator[dict[str, str]]:
    """Environment variables under which programs reach the cluster.

    Args:
        cpus: CPUs it gives to tasks.
    """
    port = _free_port()
    # Names of sockets are short, and so must be that of their folder.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        head = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("ray")),
                *("start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}"),
                *(f"--num-cpus={cpus}", f"--temp-dir={folder}"),
                *("--include-dashboard=false", "--disable-usage-stats"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield {"RAY_ADDRESS": _once_up(head, port)}
        finally:
            # Ends the daemons that it started, too, and no others.
            head.terminate()
            try:
                head.wait(30)
            except subprocess.TimeoutExpired:
                head.kill()


def _once_up(head: subprocess.Popen[bytes], port: int) -> str:
    until = time.monotonic() + 90
    while time.monotonic() < until and head.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return f"127.0.0.1:{port}"
        time.sleep(0.2)
    raise TimeoutError("the Ray cluster did not come up")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
