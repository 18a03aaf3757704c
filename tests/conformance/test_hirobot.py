"""LeRobot loads skills and dialogue of the shared datasets, batches their numbers and finds their texts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Load = Callable[[Path], Any]
Command = Callable[..., None]


@pytest.fixture(scope="session")
def command() -> Command:
    """Runs a command with the interpreter that has Roboscribe."""
    python = os.environ.get("ROBOSCRIBE_PYTHON")
    if python is None:
        if os.environ.get("ROBOSCRIBE_REQUIRE_LEROBOT") == "1":
            pytest.fail("ROBOSCRIBE_PYTHON is not set")
        pytest.skip("ROBOSCRIBE_PYTHON names no interpreter that has Roboscribe")
    return lambda *words: subprocess.run([python, "-m", "roboscribe", *map(str, words)], check=True)


@pytest.fixture(scope="session", params=["g1_bottle_v21", "so101_sim_bricks"])
def finished(
    request: pytest.FixtureRequest,
    command: Command,
    shared_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A shared dataset with skills and dialogue, of version 3.0."""
    folder, source = tmp_path_factory.mktemp("hirobot"), shared_data / request.param
    if request.param.endswith("v21"):
        command("convert", "--to", "v3.0", "--root", source, "--output-dir", folder / "v30")
        source = folder / "v30"
    command("subtasks", "--root", source, "--output-dir", folder / "skills")
    command("dialogue", "--root", folder / "skills")
    return folder / "skills_with_high_level_tasks"


def test_a_shuffled_loader_yields_numbers_that_the_tables_resolve(load: Load, finished: Path) -> None:
    import pandas as pd
    import torch

    dataset = load(finished)
    # As the contract has it: the number is looked up in the table.
    tasks = pd.read_parquet(finished / "meta/tasks_high_level.parquet")
    subtasks = pd.read_parquet(finished / "meta/subtasks.parquet")
    assert tasks.index.name == "task"
    assert list(tasks["task_index"]) == list(range(len(tasks)))
    torch.manual_seed(0)
    pictures = dataset.meta.video_keys
    loader = torch.utils.data.DataLoader(dataset, batch_size=32, shuffle=True)
    batch = next(iter(loader))
    assert all(batch[key].shape[0] == 32 for key in pictures)
    for name in ("task_index_high_level", "subtask_index"):
        assert batch[name].shape == (32,)
        assert batch[name].dtype == torch.int64
        assert batch[name].min() >= 0
    for index, skill in zip(
        batch["task_index_high_level"].tolist(), batch["subtask_index"].tolist(), strict=True
    ):
        row = tasks.iloc[index]
        by_number = tasks[tasks["task_index"] == index].iloc[0]
        assert row["user_prompt"] == by_number["user_prompt"] != ""
        assert row.name == f"{row['user_prompt']} | {row['robot_utterance']}"
        assert subtasks[subtasks["subtask_index"] == skill].index[0] in set(subtasks.index)


def test_every_frame_has_the_dialogue_of_its_last_sample(load: Load, finished: Path) -> None:
    import pandas as pd

    dataset = load(finished)
    tasks = pd.read_parquet(finished / "meta/tasks_high_level.parquet")
    subtasks = pd.read_parquet(finished / "meta/subtasks.parquet")
    frames = dataset.hf_dataset.with_format("pandas").select_columns(
        ["episode_index", "frame_index", "task_index_high_level", "subtask_index"]
    )[:]
    samples = pd.read_json(finished / "meta/syn_annotations.jsonl", lines=True)
    told = frames.merge(
        samples.rename(columns={"episode_id": "episode_index"}),
        on=["episode_index", "frame_index"],
        how="left",
    )
    assert told["user_prompt"].notna().sum() == len(samples)
    assert told.loc[told["frame_index"] == 0, "user_prompt"].notna().all()
    expected = told[["user_prompt", "robot_utterance"]].ffill()
    found = tasks.iloc[told["task_index_high_level"].to_numpy()]
    assert (found["user_prompt"].to_numpy() == expected["user_prompt"].to_numpy()).all()
    assert (found["robot_utterance"].to_numpy() == expected["robot_utterance"].to_numpy()).all()
    at_samples = told[told["user_prompt"].notna()]
    names = subtasks.index[at_samples["subtask_index"].to_numpy()]
    assert (names.to_numpy() == at_samples["skill_current"].to_numpy()).all()


def test_tasks_stay_those_of_the_source_or_get_the_dialogues_at_their_end(
    load: Load, command: Command, finished: Path, tmp_path: Path
) -> None:
    skills = finished.with_name("skills")
    assert (finished / "meta/tasks.parquet").read_bytes() == (skills / "meta/tasks.parquet").read_bytes()
    command("dialogue", "--root", skills, "--output-dir", tmp_path / "out", "--tasks", "append")
    before, after = load(finished), load(tmp_path / "out")
    added = len(json.loads((tmp_path / "out/meta/info.json").read_text())["features"])
    assert added == len(json.loads((finished / "meta/info.json").read_text())["features"])
    assert after.meta.total_tasks == len(after.meta.tasks) > len(before.meta.tasks)
    for index in (0, len(before) // 2, len(before) - 1):
        assert after[index]["task"] == before[index]["task"]
    utterance = after.meta.tasks.iloc[-1]
    assert utterance["task_index"] == after.meta.total_tasks - 1
    assert " | " in utterance.name
