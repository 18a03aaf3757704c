"""Read what was annotated, without torch or LeRobot: episodes and their spans, rows, and a table of all frames.

python examples/01_read_back.py [FOLDER]        what 00_annotate.py made when left out
"""

import sys
from collections import Counter

import roboscribe

dataset = roboscribe.open_dataset(sys.argv[1] if len(sys.argv) > 1 else "annotated_sample")

episode = dataset[dataset.episode_indices[0]]
print(f"Episode {episode.index}: {episode.task}")
for span in episode.subtasks:
    print(f"  {span.start:5.2f} to {span.end:5.2f} s  {span.text}")
print("rows:", dict(Counter(row.style or "speech" for row in episode.rows)))

# One row a frame: an Arrow table, for pandas, polars, DuckDB or anything else that reads Arrow.
table = dataset.to_table(["episode_index", "timestamp", "subtask", "user_prompt", "robot_utterance"])
seconds = Counter()
for subtask in table["subtask"].to_pylist():
    seconds[subtask] += 1 / dataset.source.info.fps
for subtask, length in seconds.most_common(3):
    print(f"{length:5.1f} s in all: {subtask}")
