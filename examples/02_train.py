"""Batches for a policy that follows language: LeRobot's tensors and the texts in force at each frame.

pip install "roboscribe[lerobot]"  (Python 3.12 or later)
python examples/02_train.py FOLDER
"""

import sys

from torch.utils.data import DataLoader

import roboscribe

if __name__ == "__main__":  # workers import this file
    frames = roboscribe.load(sys.argv[1], delta_timestamps={"action": [0.0, 0.1, 0.2]})
    batch = next(iter(DataLoader(frames, batch_size=32, shuffle=True, num_workers=2)))
    print("action", tuple(batch["action"].shape), "of", len(frames), "frames")
    for name in ("task", "subtask", "plan", "memory", "user_prompt", "robot_utterance"):
        print(f"{name}: {batch[name][0]!r}")
