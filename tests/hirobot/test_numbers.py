"""Index features whose numbers are given once, for data files that are made apart from each other and put in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from imagining import model
from make_dataset import make_dataset
from written import data_files, digests

from roboscribe.config import DialogueSettings, SkillsSettings
from roboscribe.dataset.prepared import FOLDER
from roboscribe.errors import DatasetError
from roboscribe.events import RunFinished, ignore
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.hirobot.numbers import Numbers, prepare_numbered
from roboscribe.hirobot.opened import open_for_index_features
from roboscribe.hirobot.skills import make_skills
from roboscribe.models.scripted import ScriptedModel

Make = Callable[..., RunFinished]


def skills(root: Path, target: Path, by: ScriptedModel, **options: object) -> RunFinished:
    """Without the last episode: its frames keep what they have."""
    settings = SkillsSettings(root=root, output_dir=target, episodes=("0-3",))
    return make_skills(settings, model=by, **options)  # type: ignore[arg-type]


def dialogue(root: Path, target: Path, by: ScriptedModel, **options: object) -> RunFinished:
    """With skills, so that there are two features."""
    settings = DialogueSettings(root=root, output_dir=target, skills="auto", tasks="append")
    return make_dialogue(settings, model=by, **options)  # type: ignore[arg-type]


def known(paths: list[Path]) -> set[tuple[int, int]]:
    return {(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def made(target: Path) -> list[Path]:
    return list((target / FOLDER).rglob("*.parquet.*"))


@pytest.mark.parametrize("make", [skills, dialogue])
@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_files_made_apart_become_the_dataset_and_nothing_is_asked_or_made_twice(
    tmp_path: Path, make: Make, version: str
) -> None:
    source = make_dataset(
        tmp_path / "data",
        version=version,
        episodes=5,
        frames=20,
        cameras=(),
        tasks=("Lift the cup.",),
        **({"episodes_per_file": 2} if version == "v3.0" else {}),
    )
    near, far, numbers = tmp_path / "near", tmp_path / "far", Numbers(tmp_path / "numbers.parquet")
    make(source, near, model())
    make(source, far, model(), to=numbers.keep)
    assert not (far / "meta").exists()
    opened = open_for_index_features(SkillsSettings(root=source), far)
    files = len(opened.source.shards())
    prepare_numbered(opened, numbers, range(2), ignore)
    first = known(made(far))
    prepare_numbered(opened, numbers, range(files), ignore)
    ready = known(made(far))
    assert len(ready) == files
    assert first < ready
    last = model()
    make(source, far, last)
    assert not last.asked
    assert known(data_files(far)) == ready
    assert digests(far) == digests(near)
    assert not made(far)


def test_files_with_other_numbers_are_made_anew(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "data", episodes=5, frames=20, cameras=(), episodes_per_file=2)
    numbers = Numbers(tmp_path / "numbers.parquet")
    skills(source, source, model(), to=numbers.keep)
    opened = open_for_index_features(SkillsSettings(root=source), source)
    prepare_numbered(opened, numbers, range(3), ignore)
    ready = known(made(source))
    make_skills(SkillsSettings(root=source, episodes=("0", "2-3")), model=model())
    assert len(known(data_files(source)) & ready) == 2, "all but that of episode 1"


def test_where_nobody_has_numbered_anything_one_message_says_so(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "data", episodes=2, frames=20, cameras=())
    opened = open_for_index_features(SkillsSettings(root=source), source)
    with pytest.raises(DatasetError, match="numbers of all frames"):
        prepare_numbered(opened, Numbers(tmp_path / "numbers.parquet"), range(1), ignore)
    assert not made(source)
