"""Segmentation scores, side by side in one run: a dataset and its gold come in, a table goes out.

    python benchmarks/segmentation.py DATASET GOLD.json

Three ways to segment, all from the same signals and task texts: blind cuts of one second, a short rule of
gripper runs and arm-speed minima, and the builtin model. Scores are pooled over episodes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from roboscribe.asks import SegmentEpisode
from roboscribe.dataset import open_dataset
from roboscribe.episode import Episode
from roboscribe.evaluation.gold import read_gold
from roboscribe.evaluation.metrics import Span, boundary_score, pooled, segment_score
from roboscribe.models.builtin.segment import segment
from roboscribe.signals import analyse

TOLERANCE = 0.25
"""Seconds."""


def blind(episode: Episode) -> list[Span]:
    """A cut every second, each said to be a move, the commonest verb."""
    starts = np.arange(0.0, max(episode.end - 0.5, 0.5), 1.0)
    ends = [*starts[1:], episode.end]
    return [Span(float(a), float(b), "move") for a, b in zip(starts, ends, strict=True)]


def short_rule(episode: Episode) -> list[Span]:
    """Cuts where the last channel (the gripper) starts or stops moving, and at deep minima of arm speed."""
    channels = episode.action or episode.state
    if channels is None:
        return blind(episode)
    values = channels.values.astype(float)
    speed = np.convolve(np.abs(np.diff(values[:, :-1], axis=0)).sum(axis=1), np.ones(5) / 5, mode="same")
    grip = np.convolve(np.diff(values[:, -1]), np.ones(3) / 3, mode="same")
    moving = np.abs(grip) > 0.1 * np.abs(grip).max()
    slow = speed < 0.1 * speed.max()
    cuts: list[tuple[int, str]] = [(0, "wait" if slow[: len(slow) // 20 + 1].all() else "move")]
    held = False
    for frame in range(3, len(speed) - 3):
        starts = moving[frame] and not moving[frame - 1]
        if starts and slow[frame]:
            held = grip[frame] < 0
            cuts.append((frame, "grasp" if held else "release"))
        elif slow[frame - 1] and not slow[frame]:
            follows = {"grasp": "lift", "release": "retract"}
            cuts.append((frame, follows.get(cuts[-1][1], "move")))
        elif held and cuts[-1][1] == "lift" and speed[frame] < 0.5 * speed[cuts[-1][0] : frame].max() <= (
            speed[frame : frame + 15].max()
        ) and speed[frame] == speed[frame - 3 : frame + 4].min():  # fmt: skip
            cuts.append((frame, "move"))
    kept = [cut for cut, before in zip(cuts, [(-99, ""), *cuts], strict=False) if cut[0] - before[0] > 5]
    times = [episode.time_of(frame) for frame, _ in kept]
    return [Span(a, b, verb) for a, b, (_, verb) in zip(times, [*times[1:], episode.end], kept, strict=True)]


def builtin(episode: Episode) -> list[Span]:
    """What the builtin model says."""
    ask = SegmentEpisode(
        episode=episode.index, task=episode.task, duration=episode.end, signals=analyse(episode)
    )
    return [Span(item.start, item.end, item.label) for item in segment(ask).segments]


WAYS: dict[str, Callable[[Episode], list[Span]]] = {
    "blind one-second cuts": blind,
    "short rule": short_rule,
    "builtin": builtin,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", type=Path, help="folder of a LeRobot dataset")
    parser.add_argument("gold", type=Path, help="its ground truth as JSON")
    arguments = parser.parse_args()
    dataset, gold = open_dataset(arguments.dataset), read_gold(arguments.gold)
    episodes = [dataset.episode(index) for index in sorted(gold) if index in dataset]
    print(f"{len(episodes)} episodes, {sum(len(gold[e.index].segments) for e in episodes)} gold segments")
    print(f"{'':24}{'boundary F1':>14}{'segment F1':>14}{'segment F1':>14}")
    print(f"{'':24}{f'±{TOLERANCE} s':>14}{'IoU 0.75':>14}{'IoU 0.5, verb':>14}")
    for name, way in WAYS.items():
        found = [(way(episode), gold[episode.index].segments) for episode in episodes]
        row = (
            pooled(boundary_score(ours, theirs, TOLERANCE) for ours, theirs in found),
            pooled(segment_score(ours, theirs, 0.75) for ours, theirs in found),
            pooled(segment_score(ours, theirs, 0.5, with_verb=True) for ours, theirs in found),
        )
        print(f"{name:24}" + "".join(f"{score.f1:14.3f}" for score in row))


if __name__ == "__main__":
    main()
