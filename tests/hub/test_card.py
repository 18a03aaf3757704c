"""The section of a dataset card: what was annotated, by whom, how much of it, and what it looks like."""

from __future__ import annotations

import json
from pathlib import Path

from make_dataset import make_dataset
from written import annotate

from roboscribe.config import DialogueSettings
from roboscribe.dataset import open_dataset
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.hub.card import describe
from roboscribe.models.builtin import BuiltinModel
from roboscribe.reading import open_dataset as open_annotated


def test_skills_and_dialogues_are_told_with_a_preview(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=2, frames=40, fps=10)
    out = tmp_path / "out"
    finished = make_dialogue(
        DialogueSettings(root=root, output_dir=out, skills="auto", seed=3), model=BuiltinModel()
    )
    card = describe(open_dataset(out))
    assert f"| dialogue | {finished.rows} | 0-1 | {BuiltinModel().identity} | 3 |" in card
    assert "| skills | " in card
    assert "`subtask_index` numbers the" in card
    assert (
        f"`task_index_high_level` numbers the {finished.rows} exchanges of `meta/tasks_high_level.parquet`"
        in card
    )
    first = open_annotated(out)[0]
    said = [first.texts(name)[0] for name in ("subtask", "user_prompt", "robot_utterance")]
    assert f"| 0.00 s | {' | '.join(map(str, said))} |" in card


def test_models_and_the_digests_of_their_prompts_are_told(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=2, frames=20)
    annotate(root)
    entry = {
        "annotator": "subtasks", "version": 1, "styles": ["subtask"], "settings": {}, "seed": 7, "rows": 4,
        "episodes": "0-1", "model": "some/model temperature=0.2", "prompts": {"SegmentEpisode": "0123abcd"},
    }  # fmt: skip
    record = {"roboscribe": "0.1.0", "episodes": "0-1", "annotators": [entry], "failed": []}
    (root / "meta/roboscribe.json").write_text(json.dumps(record))
    card = describe(open_dataset(root))
    assert "| subtask | 4 | 0-1 | some/model temperature=0.2 | 7 | SegmentEpisode 0123abcd |" in card
    assert "| 0.00 s | subtask | assistant | reach for the cup 0 |" in card
    assert "numbers the" not in card, "it has no index features"
