"""Reading gold labels."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from roboscribe.errors import RoboscribeError
from roboscribe.evaluation.gold import read_gold


def test_segments_are_read_by_episode(tmp_path: Path) -> None:
    path = tmp_path / "gold.json"
    segment = {"start": 0.0, "end": 1.5, "label": "wait", "verb": "wait"}
    path.write_text(json.dumps({"episodes": [{"episode_index": 4, "task": "Wait.", "segments": [segment]}]}))
    (episode,) = read_gold(path).values()
    assert (episode.index, episode.task) == (4, "Wait.")
    assert [(span.start, span.end, span.label) for span in episode.segments] == [(0.0, 1.5, "wait")]
    assert episode.coarse == ()


def test_the_shared_gold_tiles_its_episodes(shared_data: Path) -> None:
    gold = read_gold(shared_data / "so101_sim_bricks_ground_truth.json")
    assert sorted(gold) == list(range(10))
    for episode in gold.values():
        for row in (episode.segments, episode.coarse):
            assert row[0].start == 0.0
            assert all(a.end == b.start for a, b in pairwise(row))


@pytest.mark.parametrize("text", ["{", "[]", '{"episodes": [{}]}', '{"episodes": [{"episode_index": 0}]}'])
def test_a_file_of_another_shape_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gold.json"
    path.write_text(text)
    with pytest.raises(RoboscribeError, match=r"gold\.json"):
        read_gold(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RoboscribeError, match=r"none\.json"):
        read_gold(tmp_path / "none.json")
