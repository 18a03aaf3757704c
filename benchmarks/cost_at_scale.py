"""What a dataset of FineART's size takes on a cluster, by `roboscribe estimate`: the table of docs/cluster.md.

    python benchmarks/cost_at_scale.py [--reads 20000] [--writes 2000] [--gpu-price 2.5] [--gpus 64]

Some episodes are made that are like those of the dataset (4 cameras, 4,575 frames on average, 13 subtasks) but for
their videos, which are empty: an estimate decodes nothing. All of them are rehearsed, and the sums are scaled to
185.5 million frames. How fast a GPU is, and what it costs, is assumed and not measured: give your own figures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np

HERE = Path(__file__).resolve().parent
FRAMES, EPISODES, FPS = 185_500_000, 40_543, 30
SAMPLE = 32
THINGS = (3.5, 3.75)
"""Things carried in an episode, by turns; they are cut into 11 and 15 subtasks."""
CAMERAS = tuple(f"observation.images.{name}" for name in ("front", "side", "left_wrist", "right_wrist"))
RUNS: dict[str, Sequence[str]] = {
    "everything, questions about 4 cameras each second": (),
    "everything, questions about one camera each second": ("--vqa.cameras", CAMERAS[0]),
    "everything but questions": ("--vqa.enabled=false",),
    "subtasks and plan": ("--only", "subtasks", "plan"),
}
MODEL = ("--vlm.api-base", "http://127.0.0.1:9/v1", "--vlm.model-id", "Qwen/Qwen3-VL-8B-Instruct")
"""Its name tells how it counts pictures; nobody is asked."""


def build(root: Path) -> int:
    """Write the sample; its number of frames."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    import make_dataset

    spread = np.random.default_rng(0).uniform(0.5, 1.5, SAMPLE)
    frames = np.rint(spread / spread.mean() * FRAMES / EPISODES).astype(int).tolist()
    with patch.object(make_dataset, "write_video", lambda path, *rest: path.touch()):
        make_dataset.make_dataset(
            root,
            episodes=SAMPLE,
            frames=frames,
            fps=FPS,
            cameras=CAMERAS,
            size=(640, 480),
            state=pick_and_place,
            action=pick_and_place,
            tasks=("Put the cups on the shelf and the spoons into the drawer.",),
            episodes_per_file=8,
        )
    return sum(frames)


def pick_and_place(episode: int, times: np.ndarray) -> np.ndarray:
    """Two joints, and a gripper that carries one thing after the other."""
    phase = times / times[-1] * THINGS[episode % len(THINGS)] % 1
    closed = np.clip((phase - 0.25) * 30, 0, 1) * np.clip((0.75 - phase) * 30, 0, 1)
    return np.stack([np.sin(2 * np.pi * phase) ** 2, np.cos(2 * np.pi * phase), 1 - closed], axis=1)


def estimate(root: Path, words: Sequence[str]) -> dict[str, Any]:
    """What `roboscribe estimate` says of the sample."""
    command = [sys.executable, "-m", "roboscribe", "estimate", "--root", str(root), "--log-format", "json"]
    command += ["--sample", str(SAMPLE), "--vlm.cache=false", *MODEL, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout)
    if found["failures"]:
        raise SystemExit(found["failures"][0])
    return found


def row(name: str, found: dict[str, Any], scale: float, gpus: int) -> str:
    """A row of the table."""
    total = found["total"]
    calls, pictures, read, written = (
        total[key] * scale / 1e6 for key in ("calls", "images", "prompt_tokens", "completion_tokens")
    )
    hours = found["gpu_hours"] * scale
    costs = f"{found['gpu_cost'] * scale:,.0f} | {total['cost'] * scale:,.0f}"
    amounts = f"{calls:.2f} M | {pictures:.1f} M | {read:,.0f} M | {written:,.0f} M"
    return f"| {name} | {amounts} | {hours:,.0f} | {hours / gpus:.1f} h | {costs} |"


def main() -> None:
    """Read the arguments, estimate, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reads", type=float, default=20_000, help="tokens a second that a GPU reads")
    parser.add_argument("--writes", type=float, default=2_000, help="tokens a second that a GPU writes")
    parser.add_argument("--gpu-price", type=float, default=2.5, help="of a GPU for an hour")
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument(
        "--price-prompt", type=float, default=0.2, help="of an API, for a million tokens read"
    )
    parser.add_argument("--price-completion", type=float, default=0.8, help="and for a million written")
    chosen = parser.parse_args()
    words = [
        f"--gpu.reads={chosen.reads}",
        f"--gpu.writes={chosen.writes}",
        f"--gpu.price={chosen.gpu_price}",
    ]
    words += [
        f"--vlm.price-prompt={chosen.price_prompt}",
        f"--vlm.price-completion={chosen.price_completion}",
    ]
    with TemporaryDirectory() as temporary:
        root = Path(temporary) / "sample"
        scale = FRAMES / build(root)
        print(
            f"| | calls | pictures | read | written | GPU hours | on {chosen.gpus} GPUs | their cost | an API's |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        found: dict[str, Any] = {}
        for name, more in RUNS.items():
            found = estimate(root, [*words, *more])
            print(row(name, found, scale, chosen.gpus), flush=True)
    print("\n".join(["", *(f"- {sentence}" for sentence in found["assumptions"])]))


if __name__ == "__main__":
    main()
