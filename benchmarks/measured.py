"""What a run needs: a command goes in, its wall time, CPU time and memory come out, and what a server saw meanwhile.

The command runs under a small Python of its own, because Linux counts the peak of whoever starts a process to it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What a command cost.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of processor time, user and system, those of its children included.
        peak_mb: Largest memory of the command and the processes it began, together, in MB of 10^6 bytes; what several
            share counts once.
        code: Its exit code.
        reached: Seconds from its start to the line it was stopped at, where it was.
    """

    wall: float
    cpu: float
    peak_mb: float
    code: int
    reached: float | None = None


def measure(command: Sequence[str], log: Path, environ: Mapping[str, str], until: str = "") -> Cost:
    """Run a command, its output going to ``log``: to its end, or to a line with ``until``, where it is interrupted."""
    under = [sys.executable, "-I", "-S", __file__, str(log), until, *command]
    done = subprocess.run(under, stdout=subprocess.PIPE, env=environ, check=True)
    return Cost(**json.loads(done.stdout))


@dataclass(frozen=True)
class Seen:
    """What a server saw of a run, probing requests included.

    Attributes:
        calls: Chat requests.
        images: Pictures in them.
        nbytes: Bytes of their bodies.
        busy: Seconds that its slots were at work, together.
        first: Seconds from the reset to the arrival of the first request.
        last: Seconds from the reset to the end of the last one.
        utilisation: Share of its slots' time between the two that they were at work.
        cpu: Seconds of processor time of the server itself.
    """

    calls: int
    images: int
    nbytes: int
    busy: float
    first: float
    last: float
    utilisation: float
    cpu: float


class Server:
    """A mock server in a process of its own.

    Attributes:
        url: Its address up to ``/v1``.
    """

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.url = url
        self._process = process
        self._cpu = 0.0

    def reset(self) -> None:
        """Begin to count."""
        self._get("reset")
        self._cpu = self._cpu_so_far()

    def seen(self) -> Seen:
        """What it saw since the reset."""
        stats = self._get("stats")
        return Seen(
            stats["calls"],
            stats["images"],
            stats["bytes"],
            stats["busy_seconds"],
            stats["first_arrival"],
            stats["last_end"],
            stats["utilisation"],
            self._cpu_so_far() - self._cpu,
        )

    def _get(self, page: str) -> Any:
        with urllib.request.urlopen(self.url.removesuffix("v1") + page, timeout=10) as reply:
            return json.load(reply)

    def _cpu_so_far(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(latency: float, slots: int) -> Generator[Server]:
    """A mock server for the time of the context."""
    script = Path(__file__).with_name("mock_server.py")
    command = [sys.executable, str(script), "--latency", str(latency), "--slots", str(slots)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process, process.stdout.readline().strip())
        finally:
            process.terminate()


def with_episodes(description: str, episodes: int, run: Callable[[Path, int], bool]) -> None:
    """The main function of a benchmark on a generated dataset: reads the arguments, runs it and exits.

    Args:
        description: Of the benchmark.
        episodes: How many the dataset has unless told otherwise.
        run: Runs it in a folder with so many episodes; whether what is to hold holds.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=episodes)
    parser.add_argument("--work", type=Path, help="folder for datasets, which are kept; else a temporary one")
    chosen = parser.parse_args()
    with TemporaryDirectory() as temporary:
        work: Path = chosen.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        sys.exit(0 if run(work, chosen.episodes) else 1)


def _watch(process: int, most: list[float]) -> None:
    """Keep the most memory, in MB, that a process and those that it began have taken together."""
    while True:
        family, found = [process], 0
        while family:
            member = Path("/proc", str(family.pop()))
            try:
                family += map(int, (member / f"task/{member.name}/children").read_text().split())
                lines = (member / "smaps_rollup").read_text().splitlines()
            except (OSError, ValueError):
                continue
            found += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        most[0] = max(most[0], found / 1e6)
        time.sleep(0.2)


def _main(log: str, until: str, *command: str) -> None:
    reached = None
    with open(log, "wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout is not None
        together = [0.0]
        threading.Thread(target=_watch, args=(process.pid, together), daemon=True).start()
        for line in process.stdout:
            output.write(line)
            if until and until.encode() in line and reached is None:
                reached = time.monotonic() - started
                process.send_signal(signal.SIGINT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
    code = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    # Of one process the system knows the very peak; several are looked at again and again.
    cost = Cost(wall, cpu, max(usage.ru_maxrss * 1024 / 1e6, together[0]), code, reached)
    json.dump(cost.__dict__, sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
