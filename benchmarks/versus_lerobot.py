"""Roboscribe beside lerobot-annotate: one server, the same episodes, and what each tool needs for them.

    python benchmarks/versus_lerobot.py [--lerobot ENVIRONMENT] [--work FOLDER] [--runs 3] [--alone]

Episodes are repeated under new indices until there are enough; a server of 0.3 s a request and 16 slots gives
both tools answers of the same content. lerobot-annotate runs as it comes and tuned (see lerobot_tool.py), and a ratio
is reached where it is beside both. Each tool runs once before, on one episode, so that bytecode and files are warm,
and then in turn as often as told; the fastest run of each is compared. Roboscribe runs twice: "cold", with an empty
cache folder, as the first run ever that asks this server; and with what its run before found out of the server, but
none of its replies, which is what is compared. A second table tells how Roboscribe's figures grow with the number of
episodes, the server being known; with --alone it is the only one. Exits with 1 where a target is missed.

The environment of lerobot-annotate (Python 3.12 with lerobot[dataset]==0.6.1 and openai) is made with uv when none
is named, here or by LEROBOT_ENV.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lerobot_tool import VERSION, LeRobot
from measured import Cost, Seen, Server, measure, serving
from mock_server import MODEL
from repeated import repeat

from roboscribe.config import ConvertSettings
from roboscribe.conversion.convert import convert
from roboscribe.dataset import open_dataset
from roboscribe.models.servers import NAME as SERVERS

G1 = Path(__file__).resolve().parents[2] / "shared/data/g1_bottle_v21"

WARM = "warm"
"""Name of the runs before."""
MOST_MB = 350
"""Peak memory, however many episodes."""
MOST_GROWTH = {"wall time, s": 1.2, "CPU time, s": 1.2, "bytes sent, MB": 1.02, "calls": 1.0}
"""How much more than the number of episodes a figure may grow; clocks are less exact than counts."""
MOST_MEMORY_GROWTH = 1.4
"""How many times the memory of the fewest episodes the most may take: it is to stay flat. Allocators make it vary by a
fifth from run to run; whoever kept the pictures of 300 episodes would double it."""


@dataclass(frozen=True)
class Run:
    """One run of a tool.

    Attributes:
        cost: What its process cost.
        seen: What the server saw of it.
        rows: Rows in the dataset afterwards, by style; those of speech have none.
    """

    cost: Cost
    seen: Seen
    rows: Counter[str]


@dataclass(frozen=True)
class Bench:
    """What all runs share.

    Attributes:
        work: Folder for datasets and logs.
        server: Whom both tools ask.
        lerobot: The other tool; None where Roboscribe is measured alone.
        latency: Seconds of a request.
        slots: Requests the server works on at once.
    """

    work: Path
    server: Server
    lerobot: LeRobot | None
    latency: float
    slots: int

    def roboscribe(self, source: Path, name: str, *, cold: bool = False) -> Run:
        """Annotate a dataset to a new folder with Roboscribe, which knows the server from the run before unless cold.

        No reply is known to it either way.
        """
        target, cache = self.work / f"{name}-roboscribe", self.work / f"{name}-cache"
        for folder in (target, cache):
            shutil.rmtree(folder, ignore_errors=True)
        if not cold:
            cache.mkdir()
            shutil.copy(self.work / f"{WARM}-cache" / SERVERS, cache)
        return self._run(self.ours(source, target, cache), target, os.environ)

    def other(self, lerobot: LeRobot, source: Path, name: str, *, tuned: bool) -> Run:
        """Annotate a copy of a dataset with lerobot-annotate."""
        target = self.work / f"{name}-lerobot{'-tuned' if tuned else ''}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        command = self.theirs(lerobot, target, source, tuned=tuned)
        return self._run(command, target, lerobot.environ(tuned=tuned))

    def ours(self, source: Path, target: Path, cache: Path) -> Sequence[str]:
        """Roboscribe's command."""
        return [
            *(sys.executable, "-m", "roboscribe", "annotate", "--executor.force-local"),
            *("--root", str(source), "--output-dir", str(target)),
            *("--vlm.api-base", self.server.url, "--vlm.model-id", MODEL),
            *("--vlm.client-concurrency", str(self.slots), "--vlm.cache-dir", str(cache)),
        ]

    def theirs(self, lerobot: LeRobot, target: Path, source: Path, *, tuned: bool) -> Sequence[str]:
        """The command of lerobot-annotate."""
        episodes = len(open_dataset(source).episode_indices)
        return lerobot.command(target, self.server.url, MODEL, episodes, tuned=tuned)

    def _run(self, command: Sequence[str], target: Path, environ: Mapping[str, str]) -> Run:
        environ = {key: value for key, value in environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environ.setdefault("PYTHONPYCACHEPREFIX", str(self.work / "bytecode"))
        log = target.with_suffix(".log")
        self.server.reset()
        cost = measure(command, log, environ)
        if cost.code:
            raise SystemExit(f"{Path(command[0]).name} ended with {cost.code}; see {log}")
        run = Run(cost, self.server.seen(), rows_of(target))
        print(
            f"  {target.name}: {cost.wall:.1f} s, {cost.cpu:.1f} s of CPU, {run.seen.calls} calls", flush=True
        )
        return run


@dataclass(frozen=True)
class Line:
    """A line of the first table.

    Attributes:
        name: What is measured.
        theirs: Figure of lerobot-annotate, as shown.
        tuned: The same when tuned.
        cold: Figure of Roboscribe's first run at a server, as shown.
        ours: Figure of Roboscribe, as shown.
        result: What is compared with the target, as shown.
        target: What is to be reached, as shown.
        reached: Whether it is.
    """

    name: str
    theirs: str
    tuned: str
    cold: str
    ours: str
    result: str
    target: str
    reached: bool


def rows_of(root: Path) -> Counter[str]:
    """Rows of an annotated dataset by style."""
    dataset = open_dataset(root)
    return Counter(
        row.style or "speech" for index in dataset.episode_indices for row in dataset.language_rows(index)
    )


def compare(theirs: Run, tuned: Run, cold: Run, ours: Run, *, latency: float, slots: int) -> list[Line]:
    """The first table."""

    def figures(form: str, value: Callable[[Run], float]) -> tuple[str, str, str, str]:
        told = [form.format(value(run)) for run in (theirs, tuned, cold, ours)]
        return told[0], told[1], told[2], told[3]

    def ratio(name: str, form: str, value: Callable[[Run], float], least: int) -> Line:
        found = [value(run) / value(ours) for run in (theirs, tuned)]
        result = " and ".join(f"1/{times:.1f}" for times in found)
        # The tuned tool is shown for who can tune it; what is to be reached was set beside the tool as it comes.
        return Line(name, *figures(form, value), result, f"at most 1/{least}", found[0] >= least)

    def bound(run: Run) -> float:
        return run.seen.calls * latency / slots + run.seen.first

    styles = sorted(theirs.rows | ours.rows)
    most = {style: max(theirs.rows[style], tuned.rows[style]) for style in styles}
    return [
        ratio("wall time", "{:,.1f} s", _wall, 8),
        Line("  of calls x latency / slots + start-up", "", "", f"{bound(cold):.1f} s", f"{bound(ours):.1f} s",
             f"{ours.cost.wall / bound(ours):.2f}", "at most 1.3", ours.cost.wall <= 1.3 * bound(ours)),
        ratio("CPU time", "{:,.1f} s", lambda run: run.cost.cpu, 8),
        ratio("bytes sent", "{:,.1f} MB", lambda run: run.seen.nbytes / 1e6, 12),
        ratio("calls", "{:,.0f}", lambda run: run.seen.calls, 2),
        Line("pictures sent", *figures("{:,.0f}", lambda run: run.seen.images), "", "", True),
        Line("server used, first to last request", *figures("{:.0%}", lambda run: run.seen.utilisation), "",
             "at least 90 %", ours.seen.utilisation >= 0.9),
        Line("peak memory", *figures("{:,.0f} MB", lambda run: run.cost.peak_mb), "",
             f"at most {MOST_MB} MB", ours.cost.peak_mb <= MOST_MB),
        *(
            Line(f"rows: {style}", *figures("{:,.0f}", lambda run, style=style: run.rows[style]), "",
                 "as many or more" if most[style] else "", ours.rows[style] >= most[style])
            for style in styles
        ),
    ]  # fmt: skip


def show(lines: Sequence[Line]) -> None:
    """Print the first table."""
    print(f"\n{'':40}{'lerobot-annotate':>18}{'tuned':>12}{'cold':>12}{'Roboscribe':>12}{'':>19}  to reach")
    for line in lines:
        missed = "" if line.reached else "   MISSED"
        told = f"{line.theirs:>18}{line.tuned:>12}{line.cold:>12}{line.ours:>12}{line.result:>19}"
        print(f"{line.name:40}{told}  {line.target}{missed}")


def show_growth(runs: Mapping[int, Run]) -> bool:
    """Print the second table; whether memory stays flat and the rest grows no faster than the episodes."""
    print(f"\n{'episodes':>44}" + "".join(f"{count:>14,}" for count in runs))
    figures = {
        "wall time, s": [run.cost.wall for run in runs.values()],
        "  of it before the first request": [run.seen.first for run in runs.values()],
        "CPU time, s": [run.cost.cpu for run in runs.values()],
        "bytes sent, MB": [run.seen.nbytes / 1e6 for run in runs.values()],
        "calls": [float(run.seen.calls) for run in runs.values()],
        "server used, first to last request, %": [100 * run.seen.utilisation for run in runs.values()],
        "peak memory, MB": [run.cost.peak_mb for run in runs.values()],
    }
    for name, values in figures.items():
        print(f"{name:>44}" + "".join(f"{value:14,.1f}" for value in values))
    counts = list(runs)
    times = counts[-1] / counts[0]
    memory = figures["peak memory, MB"]
    flat = memory[-1] <= min(MOST_MB, MOST_MEMORY_GROWTH * memory[0])
    if not flat:
        print(
            f"MISSED: memory is to stay below {MOST_MB} MB, and below {MOST_MEMORY_GROWTH} times that of"
            f" {counts[0]} episodes"
        )
    grown = [
        name for name, most in MOST_GROWTH.items() if figures[name][-1] > most * times * figures[name][0]
    ]
    if grown:
        print(f"MISSED: with {times:g} times the episodes more than that of: {'; '.join(grown)}")
    return flat and not grown


def main() -> None:
    """Read the arguments, run and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=G1, help="a LeRobot dataset, v2.1 or v3.0")
    parser.add_argument("--camera", default="", help="the camera to keep; all when left out")
    parser.add_argument("--lerobot", type=Path, help="virtual environment that has lerobot-annotate")
    parser.add_argument(
        "--work", type=Path, help="folder for what is made, which is kept; else a temporary one"
    )
    parser.add_argument(
        "--alone", action="store_true", help="the second table only, without lerobot-annotate"
    )
    parser.add_argument("--runs", type=int, default=3, help="how often each tool is run")
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument(
        "--growth", type=int, nargs="*", default=[20, 80, 320], help="episodes of the second table"
    )
    parser.add_argument("--latency", type=float, default=0.3, help="seconds of a request")
    parser.add_argument("--slots", type=int, default=16, help="requests that the server works on at once")
    chosen = parser.parse_args()
    with TemporaryDirectory() as temporary:
        work = (chosen.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        named = chosen.lerobot or os.environ.get("LEROBOT_ENV")
        lerobot = None if chosen.alone else LeRobot.found(Path(named) if named else None, work)
        with serving(chosen.latency, chosen.slots) as server:
            bench = Bench(work, server, lerobot, chosen.latency, chosen.slots)
            sys.exit(0 if run(bench, chosen) else 1)


def run(bench: Bench, chosen: argparse.Namespace) -> bool:
    """Do all that is asked for; whether every target is reached."""
    source = as_v3(chosen.data, bench.work)

    def episodes(count: int) -> Path:
        made = bench.work / f"{count}-episodes"
        shutil.rmtree(made, ignore_errors=True)
        return repeat(source, made, count, chosen.camera)

    print("warming up", flush=True)
    bench.roboscribe(episodes(1), WARM, cold=True)
    good = True
    if bench.lerobot is not None:
        bench.other(bench.lerobot, episodes(1), WARM, tuned=True)
        good = side_by_side(bench, bench.lerobot, episodes(chosen.episodes), chosen.runs)
    if chosen.growth:
        print("\nwith more episodes", flush=True)
        runs = {count: bench.roboscribe(episodes(count), f"growth-{count}") for count in chosen.growth}
        good = show_growth(runs) and good
    return good


def side_by_side(bench: Bench, lerobot: LeRobot, data: Path, times: int) -> bool:
    """Run both tools in turn and print the first table; whether every target is reached."""
    dataset = open_dataset(data)
    frames = sum(map(dataset.episode_length, dataset.episode_indices))
    print(
        f"{len(dataset.episode_indices)} episodes, {frames:,} frames, {frames / dataset.info.fps:.0f} s of video,"
        f" {len(dataset.cameras)} camera(s); {os.cpu_count()} cores; a request takes {bench.latency} s,"
        f" {bench.slots} at a time"
    )
    theirs: list[Run] = []
    tuned: list[Run] = []
    cold: list[Run] = []
    ours: list[Run] = []
    for number in range(times):
        theirs.append(bench.other(lerobot, data, f"run-{number}", tuned=False))
        tuned.append(bench.other(lerobot, data, f"run-{number}", tuned=True))
        cold.append(bench.roboscribe(data, f"run-{number}-cold", cold=True))
        ours.append(bench.roboscribe(data, f"run-{number}"))
    fastest = [min(runs, key=_wall) for runs in (theirs, tuned, cold, ours)]
    lines = compare(*fastest, latency=bench.latency, slots=bench.slots)
    show(lines)
    tell_apart(bench, lerobot, data)
    return all(line.reached for line in lines)


def as_v3(data: Path, work: Path) -> Path:
    """The dataset in v3.0, which is what lerobot-annotate reads."""
    if open_dataset(data).info.version == "v3.0":
        return data
    made = work / "v3.0"
    if not made.exists():
        convert(ConvertSettings(root=data, output_dir=made))
    return made


def tell_apart(bench: Bench, lerobot: LeRobot, data: Path) -> None:
    """Print how both were run, and what they do differently."""
    for tuned in (False, True):
        command = bench.theirs(lerobot, bench.work / "copy", data, tuned=tuned)
        print(f"\nlerobot-annotate {VERSION}{', tuned' if tuned else ''}:\n  {shlex.join(command)}")
    print(f"Roboscribe:\n  {shlex.join(bench.ours(data, bench.work / 'out', bench.work / 'cache'))}")
    print(
        "What is to be reached is set beside lerobot-annotate as it comes. Fastest of the runs of each; cold is\n"
        "Roboscribe's first run at a server, the other its next one, which knows what the server can do, but no\n"
        "reply. The server's own CPU time is not counted; probing requests are. Both write subtasks, plans,\n"
        "memories, rephrasings, speech, interjections and one question a second; Roboscribe writes motion\n"
        "primitives as well. It asks about up to eight pictures in one request, and for all memories and all that\n"
        "is said in an episode in one each, and sends frames as JPEG where lerobot-annotate sends PNG. It writes to\n"
        "a new folder and leaves the source alone; lerobot-annotate writes in place."
    )


def _wall(run: Run) -> float:
    return run.cost.wall


if __name__ == "__main__":
    main()
