"""Results of finished episodes that were packed are found as they were; newer ones come first."""

from pathlib import Path
from typing import Any

import pytest
from make_dataset import make_dataset
from scripted import answers, digests, failing

from roboscribe import pipeline
from roboscribe.asks import Ask, UpdateMemory
from roboscribe.checking import validate
from roboscribe.config import AnnotateSettings, DatasetSettings
from roboscribe.dataset import open_dataset
from roboscribe.language import Row
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate
from roboscribe.staging import Staging
from roboscribe.staging.store import Outcome
from roboscribe.status import read_status

MADE_BY = {"annotator": "subtasks", "version": 1, "model": "m", "seed": 0, "settings": {}}
ROWS = [Row("assistant", "wait", "subtask", 0.0), Row("assistant", "grasp", "subtask", 0.1)]
FILES = ".annotate_staging/episode_*/*"
PACKS = ".annotate_staging/packs/*.sqlite"


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    """With results of episodes 3 and 4, those of 3 in a pack."""
    staging = Staging(tmp_path)
    for episode in (3, 4):
        staging.save(episode, "f", MADE_BY, ROWS)
    staging.pack([3], ["subtasks"])
    return staging


def test_packed_results_are_found_without_their_files(staging: Staging, tmp_path: Path) -> None:
    assert [path.parent.name for path in tmp_path.glob(FILES)] == ["episode_000004"] * 2
    for found in (staging, Staging(tmp_path)):
        assert found.episodes() == [3, 4]
        assert found.rows(3, "subtasks") == ROWS
        assert found.valid(3, "subtasks", "f") == found.valid(4, "subtasks", "f") is not None
        assert found.valid(3, "subtasks", "other") is None
        assert dict(found.outcomes()) == {3: {"subtasks": Outcome(2)}, 4: {"subtasks": Outcome(2)}}
        assert found.recorded() == {3: ("subtasks",), 4: ("subtasks",)}


def test_newer_results_come_before_packed_ones_and_are_packed_again(staging: Staging) -> None:
    staging.save(3, "g", MADE_BY, ROWS[:1])
    assert staging.rows(3, "subtasks") == ROWS[:1]
    staging.pack([3], ["subtasks"])
    assert staging.rows(3, "subtasks") == ROWS[:1]
    assert dict(staging.outcomes())[3] == {"subtasks": Outcome(1)}
    staging.fail(3, "h", MADE_BY, "no answer")
    staging.pack([3], ["subtasks"])
    assert list(staging.failures()) == [(3, "subtasks", "no answer")]
    assert staging.valid(3, "subtasks", "g") is None


def test_what_was_left_out_is_told_of_packed_results_too_until_newer_ones_have_it(staging: Staging) -> None:
    reason = "top at 2.0 s, bbox: [3, 4, 3, 9] has no area"
    staging.save(3, "g", MADE_BY, ROWS, [reason])
    for _ in range(2):
        assert dict(staging.outcomes())[3] == {"subtasks": Outcome(2, left_out=(reason,))}
        staging.pack([3], ["subtasks"])
    staging.save(3, "h", MADE_BY, ROWS)
    for _ in range(2):
        assert dict(staging.outcomes())[3] == {"subtasks": Outcome(2)}
        staging.pack([3], ["subtasks"])


def test_what_a_kill_while_packing_leaves_is_one_result(staging: Staging, tmp_path: Path) -> None:
    staging.save(3, "f", MADE_BY, ROWS)
    (tmp_path / ".annotate_staging/episode_000003/subtasks.json").unlink()
    assert staging.unrecorded(3) == ()
    assert staging.valid(3, "subtasks", "f") is not None


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0", None])
def test_a_damaged_pack_holds_nothing(staging: Staging, tmp_path: Path, damage: bytes | None) -> None:
    (pack,) = tmp_path.glob(PACKS)
    data = pack.read_bytes()
    pack.write_bytes(data[: len(data) // 2] if damage is None else damage)
    found = Staging(tmp_path)
    assert found.valid(3, "subtasks", "f") is None
    assert found.episodes()[-1] == 4


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five episodes, which are many here."""
    monkeypatch.setattr(pipeline, "MANY", 4)
    monkeypatch.setattr(pipeline, "PACK", 2)
    return make_dataset(tmp_path / "data", episodes=5, frames=30, cameras=(), tasks=("Lift the cup.",))


def run(dataset: Path, **settings: object) -> ScriptedModel:
    model = ScriptedModel(answers)
    annotate(AnnotateSettings(root=dataset, **settings), model=model)
    return model


def test_finished_episodes_of_many_are_packed_and_failed_ones_are_not(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(failing(3, UpdateMemory)))
    assert {path.parent.name for path in dataset.glob(FILES)} == {"episode_000003"}
    assert len(list(dataset.glob(PACKS))) == 2
    status = read_status(DatasetSettings(root=dataset))
    assert "4 of 5 episodes complete, 1 failed" in status.headline
    assert [(failure.episode, failure.annotator) for failure in status.failures] == [(3, "memory")]
    run(dataset)
    assert not list(dataset.glob(FILES))
    assert "5 of 5 episodes complete." in read_status(DatasetSettings(root=dataset)).headline
    assert validate(DatasetSettings(root=dataset), staged=True).report.findings == ()


def test_packed_results_are_not_asked_for_again(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MANY", 1000)
    run(dataset)
    written = digests(dataset / "data")
    assert list(dataset.glob(FILES)), (
        "of a dataset that is not so large the files stay where they are documented"
    )
    monkeypatch.setattr(pipeline, "MANY", 4)
    assert run(dataset).asked == []
    assert not list(dataset.glob(FILES)), "what an earlier run left in files is packed, too"
    packed = digests(dataset / ".annotate_staging")
    assert run(dataset).asked == []
    assert digests(dataset / ".annotate_staging") == packed
    assert digests(dataset / "data") == written


def test_what_is_made_anew_after_packing_is_written(dataset: Path) -> None:
    def other(ask: Ask[Any]) -> Any:
        return {"memories": ["I raised it."]} if isinstance(ask, UpdateMemory) else answers(ask)

    run(dataset)
    annotate(AnnotateSettings(root=dataset, redo=("memory",)), model=ScriptedModel(other))
    memory = [row.content for row in open_dataset(dataset).language_rows(1) if row.style == "memory"]
    assert memory == ["I raised it."]
    assert run(dataset).asked == []
