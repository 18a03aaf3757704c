"""A dataset of 40,543 episodes with four cameras: how long until it is open, looked over, or being worked on?

    python benchmarks/metadata.py [--episodes 40543] [--work FOLDER]

Builds it in both layouts (v3.0 with data files of 184 episodes and an episode table in four files, as LeRobot writes it
while recording; v2.1 with files of their own for each episode), then runs the commands that a user waits for, with
nothing staged and with eight results staged of every episode. Beside them stands how long plain pyarrow and json take
to read the episode table. Exits with 1 where a command takes 400 MB, or 5 s of processor time: other work on the
machine makes the wall time longer, which is told, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from large_tree import CAMERAS, Version, build
from measured import Cost, measure, with_episodes

EPISODES = 40_543
MOST_SECONDS = 5.0
MOST_MB = 400
ANNOTATORS = ("task_aug", "subtasks", "motion", "interjections", "plan", "memory", "vqa", "task")

ROBOSCRIBE = (sys.executable, "-m", "roboscribe")
NOBODY = ("--vlm.api-base", "http://127.0.0.1:9/v1", "--vlm.model-id", "nobody", "--vlm.cache", "false")
"""A server that is not there: an estimate asks nobody."""

PLAIN = {
    "v3.0": "import sys, pyarrow.parquet as pq, pathlib\n"
    "for path in sorted(pathlib.Path(sys.argv[1]).glob('meta/episodes/*/*')): pq.read_table(path)",
    "v2.1": "import sys, json, pathlib\n"
    "[json.loads(line) for line in pathlib.Path(sys.argv[1], 'meta/episodes.jsonl').open()]",
}


@dataclass(frozen=True)
class Command:
    """What is run, and where it counts as done.

    Attributes:
        name: As told.
        words: The command.
        until: Where it is stopped; at its end, when empty.
        held: Whether the limits hold for it.
    """

    name: str
    words: Sequence[str]
    until: str = ""
    held: bool = True


def commands(root: Path, version: Version, work: Path) -> Iterator[Command]:
    """The commands that a user waits for."""
    at = ("--root", str(root))
    yield Command(
        "plain reading of the episode table", (sys.executable, "-c", PLAIN[version], str(root)), held=False
    )
    yield Command("status", (*ROBOSCRIBE, "status", *at))
    yield Command("estimate", (*ROBOSCRIBE, "estimate", *at, *NOBODY))
    out = work / "out"
    rmtree(out, ignore_errors=True)
    begin = (
        *ROBOSCRIBE,
        "annotate",
        *at,
        "--output-dir",
        str(out),
        "--log-format",
        "json",
        "--executor.force-local",
    )
    yield Command("annotate, until the first episode is staged", begin, "EpisodeStaged")


def stage(root: Path, episodes: int) -> None:
    """Stage eight results of every episode, in packs as finished runs leave them."""
    from roboscribe.dataset.journal import STAGING
    from roboscribe.staging.packs import FOLDER, Packed, Packs

    packs = Packs(root / STAGING / FOLDER)
    row = b'{"camera":null,"content":"do a part of the task","role":"assistant","style":"subtask","timestamp":0.0}'
    for index in range(episodes):
        for name in ANNOTATORS:
            packs.add(Packed(index, name, 13, "{}", row * 13))
        if packs.is_full:
            packs.seal(keep=1)
    packs.seal()


def holds(command: Command, log: Path) -> bool:
    """Run a command and tell what it took; whether that is within the limits."""
    cost: Cost = measure(command.words, log, os.environ, command.until)
    stopped = cost.reached is not None
    if cost.code and not stopped:
        raise SystemExit(f"{command.name} ended with {cost.code}; see {log}")
    good = not command.held or (cost.cpu < MOST_SECONDS and cost.peak_mb < MOST_MB)
    wall = cost.reached if cost.reached is not None else cost.wall
    mark = "" if good else "   TOO MUCH"
    print(f"  {command.name:45}{wall:8.1f} s{cost.cpu:12.1f} s{cost.peak_mb:10.0f} MB{mark}", flush=True)
    return good


def run(work: Path, episodes: int) -> bool:
    """Build, run and tell; whether every command keeps within the limits."""
    good = True
    versions: tuple[Version, ...] = ("v3.0", "v2.1")
    for version in versions:
        root = work / f"{version}-{episodes}"
        if not root.exists():
            build(root, version, episodes)
        print(f"{version}, {episodes:,} episodes, {len(CAMERAS)} cameras: wall, processor, peak memory")
        for command in commands(root, version, work):
            good &= holds(command, work / "log.txt")
        if not (root / ".annotate_staging").exists():
            script = f"import metadata, pathlib; metadata.stage(pathlib.Path({str(root)!r}), {episodes})"
            subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent, check=True)
        staged = (root / ".annotate_staging").rglob("*")
        print(
            f" {len(ANNOTATORS)} results staged of every episode, in {sum(path.is_file() for path in staged)} files"
        )
        for command in commands(root, version, work):
            if command.name in ("status", "estimate"):
                good &= holds(command, work / "log.txt")
        rmtree(root / ".annotate_staging")
    return good


if __name__ == "__main__":
    with_episodes(__doc__ or "", EPISODES, run)
