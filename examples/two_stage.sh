#!/usr/bin/env bash
# The data of a two-stage policy, from nothing but demonstrations: skills, what people say for each, and a check.
#
#   examples/two_stage.sh [DATASET] [FOLDER]        the bundled sample and ./two_stage when left out
#   VLM="--vlm.api-base http://localhost:8000/v1 --vlm.model-id MODEL" examples/two_stage.sh …
#
# Without VLM the builtin model does it all, from the robot's own signals and the task text.
set -euo pipefail
roboscribe=${ROBOSCRIBE:-roboscribe} python=${PYTHON:-python3}
dataset=${1:-$("$python" -c 'import roboscribe, pathlib; print(pathlib.Path(roboscribe.__file__).parent / "sample")')}
folder=${2:-two_stage}
read -ra vlm <<<"${VLM:-}"

# 1. What the robot does: atomic skills of one to three seconds, as `subtask_index` and meta/skills.json.
"$roboscribe" subtasks --root "$dataset" --output-dir "$folder/skills" "${vlm[@]}"

# 2. What a person could have said for it to do each of them, and what it answers: `task_index_high_level`.
"$roboscribe" dialogue --root "$folder/skills" --output-dir "$folder/dialogue" --sample-interval 1.0 "${vlm[@]}"

# 3. The same in language columns, which LeRobot's recipes read, and the check of every rule.
"$roboscribe" convert --root "$folder/dialogue" --to language --output-dir "$folder/language"
"$roboscribe" validate --root "$folder/language"

# 4. What is in force every two seconds of the first episode.
"$python" - "$folder/dialogue" <<'END'
import sys

import roboscribe

dataset = roboscribe.open_dataset(sys.argv[1])
episode = dataset[dataset.episode_indices[0]]
skills, people, robots = map(episode.texts, ("subtask", "user_prompt", "robot_utterance"))
step = round(2 / (episode.timestamps[1] - episode.timestamps[0]))
print(f"\nEpisode {episode.index}: {episode.task}")
for frame in range(0, episode.frames, step):
    print(f"{episode.timestamps[frame]:5.1f} s  {skills[frame]}\n         person: {people[frame]}\n         robot:  {robots[frame]}")
END
