"""``roboscribe.load``: LeRobot's items carry the texts in force, as ``open_dataset`` tells them, and collate."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from make_dataset import make_dataset
from written import annotate

import roboscribe
from roboscribe.config import ConvertSettings, DialogueSettings
from roboscribe.conversion.convert import convert
from roboscribe.errors import DatasetError
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.language import COLUMNS
from roboscribe.models.builtin import BuiltinModel
from roboscribe.reading import TEXTS

Load = Callable[[Path], Any]

FORMS = ["language", "index", "both"]


@pytest.fixture(scope="module")
def forms(load: Load, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three episodes in two files, by what they are annotated with."""
    folder = tmp_path_factory.mktemp("forms")
    root = make_dataset(
        folder / "language",
        episodes=3,
        frames=[12, 10, 14],
        episodes_per_file=2,
        tasks=["Pick up the cup.", ("Pick up the cup.", "Put it down.")],
    )
    annotate(root, tools_column=True)
    convert(ConvertSettings(root=root, output_dir=folder / "index", to="index-features"))
    make_dialogue(DialogueSettings(root=root, output_dir=folder / "both"), model=BuiltinModel())
    return {form: folder / form for form in FORMS}


def texts_of(item: Any) -> dict[str, Any]:
    return {name: item[name] for name in TEXTS}


@pytest.mark.parametrize("form", FORMS)
def test_items_say_what_open_dataset_says(forms: dict[str, Path], form: str) -> None:
    ours = roboscribe.load(forms[form])
    table = roboscribe.open_dataset(forms[form]).to_table().to_pylist()
    assert len(ours) == len(table) == 36
    for item, row in zip((ours[frame] for frame in range(len(ours))), table, strict=True):
        assert item["index"] == row["index"]
        assert texts_of(item) == {name: row.get(name) or "" for name in TEXTS}
    assert ours[5]["subtask"] == "reach for the cup 0"
    assert bool(ours[20]["plan"]) == (form != "index"), "index features cannot say plans"
    assert ours[-1]["subtask"] == ours[35]["subtask"] == ours[34:][1]["subtask"]


@pytest.mark.parametrize("form", FORMS)
def test_batches_of_a_shuffled_epoch(forms: dict[str, Path], form: str) -> None:
    import torch

    ours = roboscribe.load(forms[form])
    assert isinstance(ours, torch.utils.data.Dataset)
    loader = torch.utils.data.DataLoader(ours, batch_size=32, shuffle=True, num_workers=2)
    batches = list(loader)
    assert [len(batch["user_prompt"]) for batch in batches] == [32, 4]
    expected = {int(item["index"]): texts_of(item) for item in (ours[frame] for frame in range(36))}
    for batch in batches:
        for place, index in enumerate(batch["index"].tolist()):
            assert {name: batch[name][place] for name in TEXTS} == expected[index]
        if form != "language":
            assert batch["task_index_high_level"].dtype == torch.int64


def test_workers_that_are_spawned_get_it_whole(forms: dict[str, Path]) -> None:
    ours = roboscribe.load(forms["both"])
    assert texts_of(pickle.loads(pickle.dumps(ours))[20]) == texts_of(ours[20])


def test_options_are_lerobots(forms: dict[str, Path]) -> None:
    camera = "observation.images.top"
    ours = roboscribe.load(
        forms["both"],
        episodes=[2, 0],
        delta_timestamps={"action": [0.0, 0.1]},
        image_transforms=lambda image: image[:, :2, :2],
    )
    assert len(ours) == 26
    item = ours[12]
    assert (int(item["episode_index"]), item["subtask"]) == (2, "reach for the cup 2")
    assert item["action"].shape == (2, 3)
    assert item[camera].shape == (3, 2, 2)


def test_language_rows_come_when_they_are_wanted(forms: dict[str, Path], load: Load) -> None:
    from lerobot.utils.collate import lerobot_collate_fn

    ours, theirs = roboscribe.load(forms["language"], language_rows=True), load(forms["language"])
    assert [ours[3][name] for name in COLUMNS] == [theirs[3][name] for name in COLUMNS]
    assert not {*COLUMNS}.intersection(roboscribe.load(forms["language"])[3])
    assert lerobot_collate_fn([ours[3], ours[30]])["subtask"] == [ours[3]["subtask"], ours[30]["subtask"]]


def test_a_dataset_that_lerobot_cannot_read_is_refused_in_a_sentence(load: Load, tmp_path: Path) -> None:
    old = make_dataset(tmp_path / "old", version="v2.1")
    with pytest.raises(DatasetError, match=r"version v2\.1.*roboscribe convert"):
        roboscribe.load(old)
    with pytest.raises(DatasetError, match="There is no folder"):
        roboscribe.load(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    new = make_dataset(tmp_path / "new", episodes=2, episodes_per_file=1)
    for lost in ("videos/observation.images.top/chunk-000/file-001.mp4", "camera observation.images.top"):
        sorted(new.rglob("*.mp4"))[-1].unlink()
        with pytest.raises(DatasetError, match=rf"{lost} is missing"):
            roboscribe.load(new)


def test_the_example_of_training(forms: dict[str, Path]) -> None:
    script = Path(__file__).parents[2] / "examples/02_train.py"
    done = subprocess.run(
        [sys.executable, script, forms["both"]], check=True, text=True, stdout=subprocess.PIPE
    )
    assert "action (32, 3, " in done.stdout
    for name in ("subtask", "plan", "user_prompt", "robot_utterance"):
        assert re.search(rf"^{name}: ['\"].+['\"]$", done.stdout, re.MULTILINE), name
