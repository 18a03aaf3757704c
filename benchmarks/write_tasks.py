"""A million frames that are staged: written by one process alone, and with data files made by several at a time.

    python benchmarks/write_tasks.py [--episodes 2500] [--per-file 100] [--tasks 2]

Stages a dataset of so many episodes of 400 frames with the builtin model, writes it as the last job of a cluster does,
and once more after tasks have made its data files side by side on this machine. Prints wall time, processor time and
memory of each. Exits with 1 where the two are not the same bytes.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from measured import Cost, measure
from scale import FRAMES


def stage(root: Path, target: Path, episodes: int, per_file: int) -> None:
    """Build the dataset, and stage what the builtin model says of every episode."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from make_dataset import make_dataset

    from roboscribe.config import AnnotateSettings
    from roboscribe.pipeline import annotate

    make_dataset(
        root,
        episodes=episodes,
        frames=FRAMES,
        fps=30,
        cameras=(),
        kind=None,
        episodes_per_file=per_file,
        tasks=("Pick up the red cup.", "Put the blue brick in the tray.", "Open the drawer."),
    )
    annotate(AnnotateSettings(root=root, output_dir=target), write=False)


def make(root: Path, target: Path, tasks: int, task: int) -> None:
    """Make the data files of one task of so many."""
    from roboscribe.config import AnnotateSettings, ExecutorSettings
    from roboscribe.dataset import open_dataset
    from roboscribe.executors.commands import prepare_files
    from roboscribe.executors.jobs import numbers_of
    from roboscribe.executors.run import files_of

    settings = AnnotateSettings(root=root, output_dir=target, executor=ExecutorSettings(write_tasks=tasks))
    files = range(*files_of(settings, open_dataset(root))[task])
    prepare_files(settings, files, numbers_of(target))


def write(root: Path, target: Path) -> None:
    """Do what the last job does."""
    from roboscribe.config import AnnotateSettings
    from roboscribe.executors.commands import write_staged

    write_staged(AnnotateSettings(root=root, output_dir=target))


def same(one: Path, other: Path) -> bool:
    """Whether two datasets have the same files but for what is staged."""
    from roboscribe.dataset.output import dataset_files

    ours, theirs = (dict(dataset_files(root)) for root in (one, other))
    return ours.keys() == theirs.keys() and all(
        path.read_bytes() == theirs[name].read_bytes() for name, path in ours.items()
    )


def run(work: Path, *words: object) -> Cost:
    """Run a part of this in a process of its own.

    Raises:
        SystemExit: It failed.
    """
    log = work / f"{'-'.join(str(word) for word in words if not isinstance(word, Path))}.txt"
    cost = measure([sys.executable, __file__, *map(str, words)], log, os.environ)
    if cost.code:
        raise SystemExit(f"{words} ended with {cost.code}; see {log}")
    return cost


def tell(what: str, wall: float, costs: list[Cost]) -> None:
    """Print what a step took: seconds of the clock and of all its processes, memory of the largest."""
    cpu = sum(cost.cpu for cost in costs)
    print(f"{what:36}{wall:8.1f} s{cpu:8.1f} s{max(cost.peak_mb for cost in costs):8.0f} MB", flush=True)


def compare(work: Path, episodes: int, per_file: int, tasks: int) -> bool:
    """Print what either way takes; whether the datasets are the same."""
    root, alone, shared = work / "data", work / "alone", work / "shared"
    run(work, "stage", root, alone, episodes, per_file)
    copytree(alone, shared)
    files = len(list(root.glob("data/*/*.parquet")))
    print(
        f"{episodes * FRAMES / 1e6:.1f} M frames in {files} data files{'':8}wall, processors, largest process"
    )
    one = run(work, "write", root, alone)
    tell("one job alone", one.wall, [one])
    with ThreadPoolExecutor(tasks) as pool:
        made = list(pool.map(lambda task: run(work, "make", root, shared, tasks, task), range(tasks)))
    longest = max(cost.wall for cost in made)
    tell(f"{tasks} tasks that make data files", longest, made)
    last = run(work, "write", root, shared)
    tell("the last job after them", last.wall, [last])
    tell("both", longest + last.wall, [*made, last])
    return same(alone, shared)


def main() -> None:
    """Read the arguments and run."""
    if len(sys.argv) > 2 and sys.argv[1] in ("stage", "make", "write"):
        root, target, *numbers = sys.argv[2:]
        part = {"stage": stage, "make": make, "write": write}[sys.argv[1]]
        part(Path(root), Path(target), *map(int, numbers))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--episodes", type=int, default=2_500)
    parser.add_argument("--per-file", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=2)
    chosen = parser.parse_args()
    with TemporaryDirectory() as temporary:
        sys.exit(0 if compare(Path(temporary), chosen.episodes, chosen.per_file, chosen.tasks) else 1)


if __name__ == "__main__":
    main()
