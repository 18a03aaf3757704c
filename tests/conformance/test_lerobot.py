"""LeRobot loads annotated datasets, also between any two steps of a write, and finds in them what was written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from killing import run_until
from make_dataset import make_dataset
from written import annotate

from roboscribe.dataset import journal, open_dataset
from roboscribe.language import COLUMNS, EVENTS, PERSISTENT, Row, sort_events, sort_persistent

Load = Callable[[Path], Any]

FRAMES = 200
"""Frames that an epoch has at most."""


def as_json(rows: Sequence[Row], *, timed: bool) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in row.to_json().items() if timed or key != "timestamp"} for row in rows
    ]


def test_frames_carry_the_rows(load: Load, annotated: Path) -> None:
    ours, theirs = open_dataset(annotated), load(annotated)
    first = 0
    for index in ours.episode_indices:
        times = ours.episode(index).timestamps
        rows = ours.language_rows(index)
        persistent = sort_persistent(row for row in rows if row.column == PERSISTENT)
        assert persistent
        for frame in (0, 1, len(times) // 2, len(times) - 1):
            item = theirs[first + frame]
            events = [row for row in rows if row.column == EVENTS and row.timestamp == float(times[frame])]
            assert item[PERSISTENT] == as_json(persistent, timed=True)
            assert item[EVENTS] == as_json(sort_events(events), timed=False)
        first += len(times)
    assert len(theirs) == first


def test_tools_are_declared(load: Load, annotated: Path) -> None:
    assert "say" in [tool["function"]["name"] for tool in load(annotated).meta.tools]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_iterates_an_epoch(load: Load, annotated: Path, workers: int) -> None:
    import torch
    from lerobot.utils.collate import lerobot_collate_fn

    whole = load(annotated)
    # Every frame of the small ones; of the large ones some, spread evenly, as decoding takes its time.
    dataset = torch.utils.data.Subset(whole, range(0, len(whole), len(whole) // FRAMES + 1))
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=8, shuffle=True, num_workers=workers, collate_fn=lerobot_collate_fn
    )
    assert sum(len(batch["index"]) for batch in loader) == len(dataset)


def test_speech_and_questions_render_on_their_frames(load: Load, tmp_path: Path) -> None:
    from lerobot.configs.recipe import MessageTurn, TrainingRecipe
    from lerobot.datasets.language_render import render_sample

    root = make_dataset(tmp_path / "made", episodes=2, frames=12)
    annotate(root)
    recipe = TrainingRecipe(
        messages=[
            MessageTurn(role="user", content="${vqa_query}", stream="high_level", if_present="vqa_query"),
            MessageTurn(
                role="assistant", content="${vqa}", stream="high_level", target=True, if_present="vqa"
            ),
            MessageTurn(
                role="user", content="${interjection}", stream="high_level", if_present="interjection"
            ),
            MessageTurn(
                role="assistant",
                tool_calls_from="speech",
                stream="high_level",
                target=True,
                if_present="speech",
            ),
        ]
    )

    def render(frame: int) -> Mapping[str, Any] | None:
        item = load(root)[frame]
        return render_sample(
            recipe=recipe,
            persistent=item[PERSISTENT],
            events=item[EVENTS],
            t=item["timestamp"].item(),
            sample_idx=frame,
            task=item["task"],
        )

    assert _said(render(0)) == ["On it!"]
    asked = render(1)
    assert asked is not None
    assert [message["content"] for message in asked["messages"]] == [
        "Where is the cup?",
        '{"label": "cup", "count": 1}',
    ]
    assert render(2) is None
    assert _said(render(6)) == ["I will."]


def _said(rendered: Mapping[str, Any] | None) -> list[str]:
    assert rendered is not None
    return [
        call["function"]["arguments"]["text"]
        for message in rendered["messages"]
        for call in message.get("tool_calls", [])
    ]


def test_every_state_between_two_steps_loads(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "flush", lambda folder: None)
    start = make_dataset(tmp_path / "start", episodes=3, frames=6, episodes_per_file=1, kind=None)
    new = shutil.copytree(start, tmp_path / "new")
    steps = run_until(lambda: annotate(new)) or 0
    whole = load(new)
    states: dict[str, bool] = {}
    for step in range(1, steps + 1):
        root = shutil.copytree(start, tmp_path / f"killed-{step}")
        assert run_until(lambda root=root: annotate(root), step) is None
        state = _visible(root)
        if state not in states:
            dataset = load(root)
            states[state] = PERSISTENT in dataset.features
            for frame in range(len(whole)):
                held = dataset[frame]
                assert held.get(PERSISTENT) == (whole[frame][PERSISTENT] if states[state] else None)
        shutil.rmtree(root)
    # Four files become links, the links are turned, four files take their places.
    assert list(states.values()) == [False] * 5 + [True] * 5


def _visible(root: Path) -> str:
    """What LeRobot can see of a dataset: its files, and which of them are links."""
    files = sorted(path for name in ("data", "meta") for path in (root / name).rglob("*") if path.is_file())
    return repr([(path.relative_to(root), path.is_symlink(), path.read_bytes()) for path in files])


def test_a_half_made_copy_is_refused(load: Load, tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", episodes=2, frames=6, kind=None)
    steps = run_until(lambda: annotate(source, tmp_path / "whole")) or 0
    refused = 0
    for step in range(1, steps + 1):
        target = tmp_path / f"out-{step}"
        assert run_until(lambda target=target: annotate(source, target), step) is None
        if not (target / "meta/info.json").exists():
            with pytest.raises(Exception, match=r".") as caught:
                load(target)
            assert not isinstance(caught.value, AssertionError)
            refused += 1
    assert 0 < refused < steps


def test_datasets_reads_the_files_alone(annotated: Path, load: Load) -> None:
    """Without LeRobot's help: the types are in the files."""
    import datasets

    files = sorted(str(path) for path in (annotated / "data").rglob("*.parquet"))
    table = datasets.Dataset.from_parquet(files)
    assert set(COLUMNS) <= set(table.column_names)
    assert table[0][PERSISTENT] == load(annotated)[0][PERSISTENT]
    assert isinstance(table.features[EVENTS].feature["tool_calls"].feature, datasets.Json)
