"""Results of a dataset of many episodes are packed: found as they were, whoever was killed; newer ones come first."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from killing import run_until
from make_dataset import make_dataset
from scripted import answers, digests, failing

from roboscribe.asks import Ask, UpdateMemory
from roboscribe.checking import validate
from roboscribe.config import AnnotateSettings, DatasetSettings
from roboscribe.dataset import open_dataset
from roboscribe.language import Row
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate
from roboscribe.staging import Staging, packs, store
from roboscribe.staging.store import Outcome
from roboscribe.staging.writers import HOST
from roboscribe.status import read_status

MADE_BY = {"annotator": "subtasks", "version": 1, "model": "m", "seed": 0, "settings": {}}
ROWS = [Row("assistant", "wait", "subtask", 0.0), Row("assistant", "grasp", "subtask", 0.1)]
FILES = ".annotate_staging/episode_*/*"
PACKS = ".annotate_staging/packs/*.sqlite"
LOGS = ".annotate_staging/packs/*.jsonl"
MANY = 5000


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    """With results of episodes 3 and 4, that of 3 in a pack and that of 4 in files."""
    Staging(tmp_path).save(4, "f", MADE_BY, ROWS)
    staging = Staging(tmp_path, MANY)
    staging.save(3, "f", MADE_BY, ROWS)
    return staging


@pytest.mark.parametrize("sealed", [False, True])
def test_packed_results_are_found_without_files_of_their_own(
    staging: Staging, tmp_path: Path, sealed: bool
) -> None:
    if sealed:
        staging.seal()
    assert len(list(tmp_path.glob(PACKS))) == sealed
    assert len(list(tmp_path.glob(LOGS))) != sealed
    assert [path.parent.name for path in tmp_path.glob(FILES)] == ["episode_000004"] * 2
    for found in (staging, Staging(tmp_path)):
        assert found.episodes() == [3, 4]
        assert found.rows(3, "subtasks") == ROWS
        assert found.valid(3, "subtasks", "f") == found.valid(4, "subtasks", "f") is not None
        assert found.valid(3, "subtasks", "other") is None
        assert found.valid(5, "subtasks", "f") is None
        assert dict(found.outcomes()) == {3: {"subtasks": Outcome(2)}, 4: {"subtasks": Outcome(2)}}
        assert found.recorded() == {3: ("subtasks",), 4: ("subtasks",)}


def test_newer_results_come_before_older_ones_wherever_they_lie(staging: Staging, tmp_path: Path) -> None:
    for number, sealing in enumerate((False, True, True)):
        staging.save(3, f"g{number}", MADE_BY, ROWS[:1])
        if sealing:
            staging.seal()
        for found in (staging, Staging(tmp_path)):
            assert found.rows(3, "subtasks") == ROWS[:1]
            assert found.valid(3, "subtasks", f"g{number}") is not None
            assert dict(found.outcomes())[3] == {"subtasks": Outcome(1)}
    staging.fail(3, "h", MADE_BY, "no answer")
    staging.seal()
    assert list(staging.failures()) == [(3, "subtasks", "no answer")]
    assert staging.valid(3, "subtasks", "g2") is None
    staging.save(3, "h", MADE_BY, ROWS)
    assert list(staging.failures()) == []
    staging.save(4, "h", MADE_BY, ROWS[:1])
    assert Staging(tmp_path).rows(4, "subtasks") == ROWS[:1], "files of an older result are gone"


def test_what_was_left_out_is_told_of_packed_results_too_until_newer_ones_have_it(staging: Staging) -> None:
    reason = "top at 2.0 s, bbox: [3, 4, 3, 9] has no area"
    staging.save(3, "g", MADE_BY, ROWS, [reason])
    for _ in range(2):
        assert dict(staging.outcomes())[3] == {"subtasks": Outcome(2, left_out=(reason,))}
        staging.seal()
    staging.save(3, "h", MADE_BY, ROWS)
    for _ in range(2):
        assert dict(staging.outcomes())[3] == {"subtasks": Outcome(2)}
        staging.seal()


def test_the_log_of_episodes_that_are_done_is_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "EPISODES", 2)
    staging = Staging(tmp_path, MANY)
    for episode in (0, 1, 3, 2, 5, 4, 7, 6, 9, 8):
        staging.save(episode, "f", MADE_BY, ROWS)
        if staging.is_full:
            staging.seal_finished()
    assert [len(list(tmp_path.glob(kind))) for kind in (PACKS, LOGS)] == [2, packs.LOGS]
    assert staging.episodes() == Staging(tmp_path).episodes() == list(range(10))


def left_behind(tmp_path: Path, host: str, process: int) -> Path:
    """The log of a run that is not ours any more, whose last line was not finished."""
    Staging(tmp_path, MANY).save(3, "f", MADE_BY, ROWS)
    (log,) = tmp_path.glob(LOGS)
    left = log.rename(log.with_name(f"000001.episodes-000000-000127.{host}.{process}.jsonl"))
    with left.open("a") as file:
        file.write('{"count":2,"episode":4')
    return left


def test_what_a_killed_run_left_is_found_and_becomes_a_pack(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = left_behind(tmp_path, HOST, dead.pid)
    staging = Staging(tmp_path, MANY)
    assert staging.episodes() == [3]
    assert staging.rows(3, "subtasks") == ROWS
    staging.seal()
    assert not left.exists()
    assert staging.rows(3, "subtasks") == Staging(tmp_path).rows(3, "subtasks") == ROWS


def test_a_log_that_came_back_adds_to_the_pack_it_became(tmp_path: Path) -> None:
    writer = Staging(tmp_path, MANY)
    for episode in (3, 4):
        writer.save(episode, "f", MADE_BY, ROWS)
    (log,) = tmp_path.glob(LOGS)
    kept = log.read_bytes()
    writer.seal()
    # Another machine took its writer for gone.
    (pack,) = tmp_path.glob(PACKS)
    dead = subprocess.Popen(["true"])
    dead.wait()
    name = f"000001.episodes-000000-000127.{HOST}.{dead.pid}"
    pack.rename(pack.with_name(f"{name}.sqlite"))
    log.with_name(f"{name}.jsonl").write_bytes(
        kept.splitlines()[1].replace(b'"count":2', b'"count":1') + b"\n"
    )
    for sealing in (False, True):
        staging = Staging(tmp_path, MANY)
        if sealing:
            assert staging.rows(4, "subtasks") == ROWS, "which opens the pack as it was"
            staging.seal()
            assert not list(tmp_path.glob(LOGS))
        for found in (staging, Staging(tmp_path)):
            assert dict(found.outcomes()) == {3: {"subtasks": Outcome(1)}, 4: {"subtasks": Outcome(2)}}


def test_looking_for_a_pack_that_has_gone_makes_none(staging: Staging, tmp_path: Path) -> None:
    staging.seal()
    found = Staging(tmp_path)
    assert found.episodes() == [3, 4]
    (path,) = tmp_path.glob(PACKS)
    path.unlink()
    assert found.valid(3, "subtasks", "f") is None
    assert not path.exists()


@pytest.mark.parametrize("writer", [(HOST, 1), ("elsewhere", 7)])
def test_what_another_run_is_writing_is_read_and_left_to_it(tmp_path: Path, writer: tuple[str, int]) -> None:
    left = left_behind(tmp_path, *writer)
    staging = Staging(tmp_path, MANY)
    staging.save(5, "f", MADE_BY, ROWS)
    staging.seal()
    assert left.exists()
    assert staging.episodes() == [3, 5]
    assert staging.rows(3, "subtasks") == ROWS


def test_a_kill_at_any_step_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    start = tmp_path / "start"
    Staging(start).save(1, "old", MADE_BY, ROWS)

    def work(root: Path) -> None:
        staging = Staging(root, MANY)
        staging.save(1, "f", MADE_BY, ROWS)
        staging.save(2, "f", MADE_BY, ROWS)
        staging.seal()
        staging.save(2, "g", MADE_BY, ROWS[:1])

    whole = shutil.copytree(start, tmp_path / "whole")
    steps = run_until(lambda: work(whole))
    assert steps is not None
    seen: set[tuple[int, ...]] = set()
    for step in range(1, steps + 1):
        root = tmp_path / f"killed-{step}"
        shutil.copytree(start, root)
        assert run_until(lambda: work(root), step) is None  # noqa: B023
        found = Staging(root)
        assert set(found.episodes()) >= {1}
        assert found.valid(1, "subtasks", "old") or found.valid(1, "subtasks", "f")
        seen.add(tuple(found.episodes()))
        work(root)
        assert digests_of_results(root) == digests_of_results(whole)
    assert seen == {(1,), (1, 2)}


def digests_of_results(root: Path) -> list[tuple[int, str, str]]:
    staging = Staging(root)
    return [
        (episode, record.fingerprint, record.sha256)
        for episode in staging.episodes()
        for _, record in staging.records(episode)
    ]


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0", None])
@pytest.mark.parametrize("kind", [PACKS, LOGS])
def test_a_damaged_file_holds_nothing(
    staging: Staging, tmp_path: Path, damage: bytes | None, kind: str
) -> None:
    if kind == PACKS:
        staging.seal()
    (path,) = tmp_path.glob(kind)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if damage is None else damage)
    found = Staging(tmp_path)
    assert found.valid(3, "subtasks", "f") is None
    assert found.episodes()[-1] == 4


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five episodes, which are many here."""
    monkeypatch.setattr(store, "MANY", 4)
    monkeypatch.setattr(packs, "EPISODES", 2)
    return make_dataset(tmp_path / "data", episodes=5, frames=30, cameras=(), tasks=("Lift the cup.",))


def run(dataset: Path, **settings: object) -> ScriptedModel:
    model = ScriptedModel(answers)
    annotate(AnnotateSettings(root=dataset, **settings), model=model)
    return model


def test_results_of_many_episodes_are_packed_and_failures_are_files(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(failing(3, UpdateMemory)))
    assert [path.relative_to(dataset / ".annotate_staging").as_posix() for path in dataset.glob(FILES)] == [
        "episode_000003/memory.json"
    ]
    assert len(list(dataset.glob(PACKS))) > 1
    assert not list(dataset.glob(LOGS))
    status = read_status(DatasetSettings(root=dataset))
    assert "4 of 5 episodes complete, 1 failed" in status.headline
    assert [(failure.episode, failure.annotator) for failure in status.failures] == [(3, "memory")]
    run(dataset)
    assert not list(dataset.glob(FILES))
    assert "5 of 5 episodes complete." in read_status(DatasetSettings(root=dataset)).headline
    assert validate(DatasetSettings(root=dataset), staged=True).report.findings == ()


def test_a_dataset_is_the_same_packed_or_not(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Path(shutil.copytree(dataset, dataset.with_name("plain")))
    run(dataset)
    monkeypatch.setattr(store, "MANY", 1000)
    run(plain)
    assert list(plain.glob(FILES)), "of a dataset that is not so large results are files, as documented"
    assert digests(plain / "data") == digests(dataset / "data")
    assert digests(plain / "meta") == digests(dataset / "meta")


def test_staged_results_are_not_asked_for_again_packed_or_not(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MANY", 1000)
    run(dataset)
    monkeypatch.setattr(store, "MANY", 4)
    annotate(AnnotateSettings(root=dataset, redo=("memory",)), model=ScriptedModel(answers))
    staged = digests(dataset / ".annotate_staging")
    assert run(dataset).asked == []
    assert digests(dataset / ".annotate_staging") == staged


def test_what_is_made_anew_after_packing_is_written(dataset: Path) -> None:
    def other(ask: Ask[Any]) -> Any:
        return {"memories": ["I raised it."]} if isinstance(ask, UpdateMemory) else answers(ask)

    run(dataset)
    annotate(AnnotateSettings(root=dataset, redo=("memory",)), model=ScriptedModel(other))
    memory = [row.content for row in open_dataset(dataset).language_rows(1) if row.style == "memory"]
    assert memory == ["I raised it."]
    assert run(dataset).asked == []
