"""Two million frames without video, annotated by the builtin model and written: how much memory, and how long?

    python benchmarks/scale.py [--episodes 1250 5000] [--work FOLDER]

Builds datasets of so many episodes of 400 frames, 1,000 to a data file, annotates each, and reads and writes the data
files that came out with plain pyarrow. Prints times side by side and what 185.5 M frames would take at the same pace.
Exits with 1 where memory reaches 600 MB, the largest dataset takes 40 MB more memory than the smallest, or
writing takes more than twice the processor time of plain pyarrow; other work on the machine makes wall times longer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from measured import measure

HERE = Path(__file__).resolve().parent
EPISODES = (1_250, 5_000)
PER_FILE = 1_000
FRAMES = 400
FINEART_FRAMES = 185_500_000
MOST_MB = 600
MOST_GROWTH_MB = 40
MOST_RATIO = 2.0


@dataclass(frozen=True)
class Took:
    """Seconds that something took: of the clock, and of the processor."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Point:
    """What one dataset took.

    Attributes:
        episodes: Its number of episodes.
        staging: Reading, annotating and validating them.
        writing: Writing the data files.
        plain: Reading and writing the same data files with pyarrow alone.
        peak_mb: Largest resident memory of the run, in MB of 10^6 bytes.
        staged_files: Number of files that staging left.
    """

    episodes: int
    staging: Took
    writing: Took
    plain: Took
    peak_mb: float
    staged_files: int

    @property
    def ratio(self) -> float:
        """Processor time of the writer by that of plain pyarrow."""
        return self.writing.cpu / self.plain.cpu


def build(root: Path, episodes: int) -> None:
    """Write the dataset: 350 to 450 frames an episode, 400 on average."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from make_dataset import make_dataset

    make_dataset(
        root,
        episodes=episodes,
        frames=[FRAMES - 50 + 10 * (index % 11) for index in range(episodes)],
        fps=30,
        cameras=(),
        kind=None,
        episodes_per_file=PER_FILE,
        tasks=("Pick up the red cup.", "Put the blue brick in the tray.", "Open the drawer."),
    )


def annotate(root: Path, target: Path) -> None:
    """Annotate and write, and print as JSON when each part began and ended."""
    from roboscribe.config import AnnotateSettings
    from roboscribe.events import Event
    from roboscribe.pipeline import annotate

    def listen(event: Event) -> None:
        name = type(event).__name__
        if name in ("StagingStarted", "WritingStarted", "RunFinished"):
            print(json.dumps([name, time.monotonic(), time.process_time()]))

    finished = annotate(AnnotateSettings(root=root, output_dir=target), listen)
    if finished.failed:
        raise SystemExit(f"{finished.failed} episodes failed")


def copy(root: Path) -> None:
    """Read and write every data file with plain pyarrow, row group by row group, and print as JSON what it took."""
    import pyarrow.parquet as pq

    scratch = root.with_name("plain.parquet")
    wall, cpu = time.monotonic(), time.process_time()
    for path in sorted(root.glob("data/*/*.parquet")):
        with pq.ParquetFile(path) as file, pq.ParquetWriter(scratch, file.schema_arrow) as writer:
            for group in range(file.metadata.num_row_groups):
                writer.write_table(file.read_row_group(group))
    print(json.dumps([time.monotonic() - wall, time.process_time() - cpu]))
    scratch.unlink()


def point(work: Path, episodes: int) -> Point:
    """Build, annotate and copy a dataset."""
    root, out, log = work / f"scale-{episodes}", work / "scale-out", work / "log.txt"
    if not root.exists():
        _itself("--build", str(root), str(episodes))
    rmtree(out, ignore_errors=True)
    # As the command has it.
    environ = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"}
    cost = measure([sys.executable, __file__, "--annotate", str(root), str(out)], log, environ)
    if cost.code:
        raise SystemExit(f"annotating ended with {cost.code}; see {log}")
    times = {name: Took(wall, cpu) for name, wall, cpu in map(json.loads, log.read_text().splitlines())}
    plain = Took(*json.loads(_itself("--copy", str(out))))
    begun, written, ended = (times[name] for name in ("StagingStarted", "WritingStarted", "RunFinished"))
    staged = sum(path.is_file() for path in (out / ".annotate_staging").rglob("*"))
    rmtree(out)
    return Point(episodes, _between(begun, written), _between(written, ended), plain, cost.peak_mb, staged)


def _itself(*words: str) -> str:
    return subprocess.run(
        [sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def _between(first: Took, last: Took) -> Took:
    return Took(last.wall - first.wall, last.cpu - first.cpu)


def tell(points: list[Point]) -> bool:
    """Print the table; whether what is to hold holds."""
    print(
        "frames     staging: wall, cpu     writing: wall, cpu   pyarrow: wall, cpu   ratio   peak    staged files"
    )
    for p in points:
        took = "".join(f"{one.wall:11.1f} s{one.cpu:7.1f} s" for one in (p.staging, p.writing, p.plain))
        print(
            f"{p.episodes * FRAMES / 1e6:4.1f} M {took}   {p.ratio:.2f}  {p.peak_mb:4.0f} MB  {p.staged_files:6}"
        )
    first, last = points[0], points[-1]
    times = FINEART_FRAMES / (last.episodes * FRAMES)
    staging, writing, plain = (one.cpu * times / 3600 for one in (last.staging, last.writing, last.plain))
    print(
        f"185.5 M frames at this pace, in hours of one processor: {staging:.1f} staging, {writing:.1f} writing,"
        f" {plain:.1f} plain pyarrow"
    )
    growth = last.peak_mb - first.peak_mb
    print(f"memory of the largest above that of the smallest: {growth:.0f} MB, at most {MOST_GROWTH_MB}")
    return all(p.peak_mb < MOST_MB and p.ratio <= MOST_RATIO for p in points) and growth <= MOST_GROWTH_MB


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--episodes", type=int, nargs="+", default=EPISODES)
    parser.add_argument(
        "--work", type=Path, help="folder for the datasets, which are kept; else a temporary one"
    )
    for hidden, count in (("--build", 2), ("--annotate", 2), ("--copy", 1)):
        parser.add_argument(hidden, nargs=count, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.build:
        build(Path(chosen.build[0]), int(chosen.build[1]))
    elif chosen.annotate:
        annotate(*map(Path, chosen.annotate))
    elif chosen.copy:
        copy(Path(chosen.copy[0]))
    else:
        with TemporaryDirectory() as temporary:
            work = chosen.work or Path(temporary)
            work.mkdir(parents=True, exist_ok=True)
            sys.exit(0 if tell([point(work, episodes) for episodes in sorted(chosen.episodes)]) else 1)


if __name__ == "__main__":
    main()
