"""What a second processor core is good for: decoding and encoding on threads, and the builtin model in processes.

    python benchmarks/cores.py SOURCE [--episodes 30] [--runs 3]

SOURCE is a LeRobot v3.0 dataset with video, whose episodes are repeated. Each case runs in turn with its rivals, as
often as told, and the fastest run of each is compared, as other work on the machine weighs on all alike: an annotation
against a quick server, with frames prepared on one thread and on one for each core; and the builtin model on episodes
without video, in one process and with half of them in each of two.
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
SIGNALS = 600
"""Episodes without video."""

ANNOTATE = """
import sys
from roboscribe.staging import pace
pace.PREPARED_AT_ONCE = int(sys.argv[1])
from roboscribe.cli.app import main
sys.exit(main(sys.argv[2:]))
"""
STAGE = """
import sys
from pathlib import Path
from roboscribe.config import AnnotateSettings
from roboscribe.pipeline import annotate
annotate(AnnotateSettings(root=Path(sys.argv[1]), output_dir=Path(sys.argv[2]), episodes=(sys.argv[3],)), write=False)
"""


def at_once(commands: Sequence[Sequence[str]]) -> None:
    """Run commands at the same time, to their ends."""
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit(f"they ended with {codes}")


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
                at_once([[sys.executable, "-c", ANNOTATE, str(threads), *flags]])

            return run

        print(f"{episodes} episodes with video, a server of {1000 * LATENCY:.0f} ms")
        cores = os.cpu_count() or 1
        fastest({f"frames on {count} thread(s)": case(count) for count in (1, cores)}, runs)


def builtin(work: Path, runs: int) -> None:
    """The builtin model on signals."""
    root = work / "signals"
    build(root, SIGNALS)

    def case(parts: int) -> Callable[[], None]:
        size = SIGNALS // parts
        ranges = [f"{part * size}-{(part + 1) * size - 1}" for part in range(parts)]

        def run() -> None:
            rmtree(work / "staged", ignore_errors=True)
            at_once([[sys.executable, "-c", STAGE, str(root), str(work / "staged"), part] for part in ranges])

        return run

    print(f"{SIGNALS} episodes without video, builtin model, staging alone")
    fastest({f"{parts} process(es)": case(parts) for parts in (1, 2)}, runs)


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
