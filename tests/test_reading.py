"""The public reading interface: episodes, spans and tables that say what is going on at every frame."""

from __future__ import annotations

import subprocess
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from make_dataset import make_dataset
from written import annotate

import roboscribe
from roboscribe.cli.app import main
from roboscribe.errors import DatasetError, RoboscribeError


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of every kind; see ``make_rows``: two subtasks, speech at the start and with a request half way."""
    root = make_dataset(
        tmp_path_factory.mktemp("reading") / "data", episodes=3, frames=[12, 10, 14], episodes_per_file=2
    )
    annotate(root)
    return root


def test_episodes_come_one_after_the_other(annotated: Path) -> None:
    dataset = roboscribe.open_dataset(annotated)
    assert len(dataset) == 3
    assert [episode.index for episode in dataset] == [0, 1, 2]
    assert [episode.frames for episode in dataset] == [12, 10, 14]
    episode = dataset[1]
    assert episode.task == "Pick up the red cup."
    assert [(span.text, span.first, span.stop) for span in episode.subtasks] == [
        ("reach for the cup 1", 0, 5),
        ("grasp the cup 1", 5, 10),
    ]
    assert episode.subtasks[0].end == episode.subtasks[1].start == float(episode.timestamps[5])
    assert episode.subtasks[1].end == pytest.approx(1.0)
    assert {row.style for row in episode.rows} >= {"subtask", "plan", "vqa", None}
    with pytest.raises(AttributeError):
        episode.index = 3  # type: ignore[misc]


def test_texts_are_those_in_force(annotated: Path) -> None:
    episode = roboscribe.open_dataset(annotated)[0]
    assert episode.texts("subtask") == ["reach for the cup 0"] * 6 + ["grasp the cup 0"] * 6
    assert episode.texts("plan") == ["1. reach for the cup\n2. grasp the cup"] * 6 + ["1. grasp the cup"] * 6
    assert episode.texts("memory") == [None] * 6 + ["I reached the cup."] * 6
    assert episode.texts("user_prompt") == ["Pick up the red cup."] * 6 + ["Be careful."] * 6
    assert episode.texts("robot_utterance") == ["On it!"] * 6 + ["I will."] * 6


def test_the_recording_is_at_hand(annotated: Path) -> None:
    recording = roboscribe.open_dataset(annotated).recording(2)
    assert recording.action is not None
    assert recording.action.values.shape == (14, 3)


def test_a_table_has_a_row_for_each_frame(annotated: Path) -> None:
    dataset = roboscribe.open_dataset(annotated)
    table = dataset.to_table()
    assert len(table) == 36
    assert table["index"].to_pylist() == list(range(36))
    assert table.column_names[-6:] == ["task", "subtask", "plan", "memory", "user_prompt", "robot_utterance"]
    assert "observation.images.top" not in table.column_names
    assert "language_persistent" not in table.column_names
    assert table.schema.field("plan").type == pa.string()
    told = [text for episode in dataset for text in episode.texts("memory")]
    assert table["memory"].to_pylist() == told
    action = np.stack(table["action"].to_pylist())
    assert np.array_equal(action[:12], dataset.recording(0).action.values)


def test_a_table_of_some_columns_and_episodes(annotated: Path) -> None:
    dataset = roboscribe.open_dataset(annotated)
    table = dataset.to_table(["subtask", "frame_index"], [2])
    assert table.column_names == ["subtask", "frame_index"]
    assert table["frame_index"].to_pylist() == list(range(14))
    assert dataset.to_table(["task"], [0, 1])["task"].to_pylist() == ["Pick up the red cup."] * 22
    with pytest.raises(DatasetError, match=r"no column 'weather'.*subtask"):
        dataset.to_table(["weather"])
    with pytest.raises(DatasetError, match="no such episode"):
        dataset.to_table(episodes=[7])


def test_index_features_are_read_alike(annotated: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    assert (
        main(["convert", "--root", str(annotated), "--to", "index-features", "--output-dir", str(index)]) == 0
    )
    ours, theirs = roboscribe.open_dataset(annotated), roboscribe.open_dataset(index)
    assert theirs.texts == ("subtask", "user_prompt", "robot_utterance")
    for name in theirs.texts:
        assert [episode.texts(name) for episode in ours] == [episode.texts(name) for episode in theirs]
    assert theirs[0].rows == ()
    assert theirs[0].texts("plan") == [None] * 12
    table = theirs.to_table()
    assert table["robot_utterance"].to_pylist()[:12] == ["On it!"] * 6 + ["I will."] * 6


def test_a_dataset_without_annotations(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "plain", version="v2.1", episodes=2, frames=4, kind="image")
    dataset = roboscribe.open_dataset(root)
    assert dataset.texts == ()
    assert dataset[1].subtasks == ()
    assert dataset.to_table().column_names[-1] == "task"
    pictures = dataset.to_table(["observation.images.top"])["observation.images.top"]
    assert pictures[0].as_py()["bytes"][:4] == b"\x89PNG"


def test_the_shared_dataset(so101: Path) -> None:
    assert main(["annotate", "--root", str(so101)]) == 0
    table = roboscribe.open_dataset(so101).to_table()
    assert len(table) == 2966
    assert None not in table["subtask"].to_pylist()
    assert None not in table["plan"].to_pylist()


@pytest.mark.skipif(util.find_spec("pandas") is not None, reason="pandas is installed")
def test_pandas_is_asked_for_when_it_is_needed(annotated: Path) -> None:
    with pytest.raises(RoboscribeError, match=r"pandas, which is not installed.*pip install pandas"):
        roboscribe.open_dataset(annotated).to_pandas()


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, roboscribe; heavy = {'numpy', 'pyarrow', 'av'} & set(sys.modules)\n"
        "assert not heavy, heavy; assert callable(roboscribe.open_dataset); assert 'pyarrow' in sys.modules\n"
        "assert 'av' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'open'"):
        _ = roboscribe.open
