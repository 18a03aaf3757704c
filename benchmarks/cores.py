"""What a second processor core is good for: decoding and encoding on threads, and the builtin model in processes.

    python benchmarks/cores.py SOURCE [--episodes 30] [--runs 3]

SOURCE is a LeRobot v3.0 dataset with video, whose episodes are repeated. Each case runs in turn with its rivals, as
often as told, and the fastest run of each is compared, as other work on the machine weighs on all alike: an annotation
against a quick server, with frames prepared on one thread and on one for each core; and the builtin model on episodes
without video, in one process and shared by one for each core.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from measured import serving
from mock_server import MODEL
from repeated import repeat
from scale import build

LATENCY = 0.02
SLOTS = 64
SIGNALS = 3000
"""Episodes without video."""

ANNOTATE = """
import sys
from roboscribe.staging import cores
cores.cores = lambda: int(sys.argv[1])
from roboscribe.cli.app import main
sys.exit(main(sys.argv[2:]))
"""


def finish(command: Sequence[str]) -> None:
    """Run a command to its end."""
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def fastest(cases: dict[str, Callable[[], None]], runs: int) -> None:
    """Run cases in turn and tell the fastest run of each."""
    walls: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(runs):
        for name, case in cases.items():
            started = time.monotonic()
            case()
            walls[name].append(time.monotonic() - started)
    first = min(next(iter(walls.values())))
    for name, found in walls.items():
        print(
            f"  {name:30}{min(found):8.1f} s   {first / min(found):.2f} times as fast as the first",
            flush=True,
        )


def with_server(source: Path, work: Path, episodes: int, runs: int) -> None:
    """Frames of video for a model on a server."""
    root = repeat(source, work / "video", episodes)
    with serving(LATENCY, SLOTS) as server:

        def case(threads: int) -> Callable[[], None]:
            flags = [
                "annotate",
                "--root",
                str(root),
                "--output-dir",
                str(work / "out"),
                "--executor.force-local",
            ]
            flags += ["--vlm.api-base", server.url, "--vlm.model-id", MODEL, "--vlm.cache", "false"]
            flags += ["--vlm.client-concurrency", str(SLOTS)]

            def run() -> None:
                rmtree(work / "out", ignore_errors=True)
                finish([sys.executable, "-c", ANNOTATE, str(threads), *flags])

            return run

        print(f"{episodes} episodes with video, a server of {1000 * LATENCY:.0f} ms")
        cores = os.cpu_count() or 1
        fastest({f"frames on {count} thread(s)": case(count) for count in (1, cores)}, runs)


def builtin(work: Path, runs: int) -> None:
    """The builtin model on signals."""
    root = work / "signals"
    build(root, SIGNALS)

    def case(workers: int) -> Callable[[], None]:
        flags = ["annotate", "--root", str(root), "--output-dir", str(work / "out"), "--executor.force-local"]
        flags += ["--executor.workers", str(workers)]

        def run() -> None:
            rmtree(work / "out", ignore_errors=True)
            finish([sys.executable, "-m", "roboscribe", *flags])

        return run

    print(f"{SIGNALS} episodes without video, builtin model, annotated and written")
    fastest({f"{count} process(es)": case(count) for count in (1, os.cpu_count() or 1)}, runs)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--episodes", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    with TemporaryDirectory() as temporary:
        builtin(Path(temporary), chosen.runs)
        with_server(chosen.source, Path(temporary), chosen.episodes, chosen.runs)


if __name__ == "__main__":
    main()
