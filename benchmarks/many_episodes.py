"""Many episodes without video, annotated by the builtin model: does memory stay flat, and every episode as fast?

    python benchmarks/many_episodes.py [--episodes 10000] [--work FOLDER]

Prints the peak of memory and the mean processor time of each thousand episodes, or third of them where they are fewer;
exits with 1 where memory reaches 500 MB, or the last take more than 1.3 times as much as the first. Other work on
the machine, and on its disk, makes wall times longer.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path

from measured import measure, with_episodes

HERE = Path(__file__).resolve().parent
MOST_MB = 500
MOST_SLOWDOWN = 1.3
GROUP = 1000
"""Episodes whose mean time is told."""


def build(root: Path, episodes: int) -> None:
    """Write the dataset: 8 to 15 s each at 10 frames a second, 500 episodes to a file."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from make_dataset import make_dataset

    make_dataset(
        root,
        episodes=episodes,
        frames=[80 + 7 * (index % 11) for index in range(episodes)],
        cameras=(),
        kind=None,
        episodes_per_file=500,
        tasks=("Pick up the red cup.", "Put the blue brick in the tray.", "Open the drawer."),
    )


def annotate(root: Path, target: Path) -> None:
    """Annotate in one process, and print as JSON the processor time at each event."""
    from roboscribe.config import AnnotateSettings
    from roboscribe.events import Event
    from roboscribe.pipeline import annotate

    def listen(event: Event) -> None:
        print(json.dumps([type(event).__name__, time.process_time()]))

    annotate(AnnotateSettings(root=root, output_dir=target), listen)


def staged_at(log: Path) -> tuple[float, list[float], float]:
    """When staging began, when each episode was staged, and when the run ended; seconds of processor time."""
    times: dict[str, list[float]] = {}
    for name, processor in map(json.loads, log.read_text().splitlines()):
        times.setdefault(name, []).append(processor)
    if "EpisodeFailed" in times:
        raise SystemExit(f"{len(times['EpisodeFailed'])} episodes failed; see {log}")
    return times["StagingStarted"][0], times["EpisodeStaged"], times["RunFinished"][0]


def run(work: Path, episodes: int) -> bool:
    """Build, annotate twice and tell; whether what is to hold holds."""
    root = work / f"episodes-{episodes}"
    if not root.exists():
        build(root, episodes)
    shutil.rmtree(work / "out", ignore_errors=True)
    script = f"import sys; sys.path.insert(0, {str(HERE)!r}); from many_episodes import *; annotate"
    command = [sys.executable, "-c", f"{script}(Path({str(root)!r}), Path({str(work / 'out')!r}))"]
    # As the command has it.
    environ = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"}
    good = True
    for number, name in enumerate(("first run", "again, nothing to do")):
        log = work / f"log-{number}.txt"
        cost = measure(command, log, environ)
        if cost.code:
            raise SystemExit(f"it ended with {cost.code}; see {log}")
        began, staged, ended = staged_at(log)
        group = min(GROUP, episodes // 3)
        marks = [began, *staged[group - 1 :: group]]
        means = [1000 * (end - start) / group for start, end in pairwise(marks)]
        slower = means[-1] / means[0]
        good = good and cost.peak_mb < MOST_MB and slower <= MOST_SLOWDOWN
        print(f"{name}: {episodes} episodes in {cost.wall:.1f} s, {cost.cpu:.1f} s of CPU")
        print(f"  peak memory              {cost.peak_mb:8.0f} MB   below {MOST_MB}")
        print(f"  each, in ms, by {group}: {' '.join(f'{mean:.2f}' for mean in means)}")
        print(f"  the last beside the first{slower:8.2f}      at most {MOST_SLOWDOWN}")
        print(f"  validated and written in {ended - staged[-1]:8.1f} s", flush=True)
    return good


if __name__ == "__main__":
    with_episodes(__doc__ or "", 10_000, run)
