"""A dataset named by its Hub id is taken from where LeRobot looks for it, or downloaded there first."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from make_dataset import make_dataset

from roboscribe.config import DatasetSettings
from roboscribe.dataset.hub import locate
from roboscribe.errors import DatasetError, SettingsError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LeRobot's folder, empty."""
    monkeypatch.setenv("HF_LEROBOT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_what_is_not_there_is_downloaded_to_where_lerobot_looks(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = make_dataset(tmp_path / "published", kind=None)
    asked: list[Any] = []

    def download(repo_id: str, *, repo_type: str, revision: str | None, local_dir: Path) -> None:
        asked.append((repo_id, repo_type, revision))
        shutil.copytree(published, local_dir, dirs_exist_ok=True)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    root = locate(DatasetSettings(repo_id="someone/something"))
    assert root == home / "someone/something"
    assert (root / "meta/info.json").is_file()
    assert locate(DatasetSettings(repo_id="someone/something")) == root
    assert asked == [("someone/something", "dataset", None)], "the second time it is there"
    locate(DatasetSettings(repo_id="someone/something", revision="v2"))
    assert asked[-1] == ("someone/something", "dataset", "v2"), (
        "another revision may differ from what is there"
    )


def test_a_hub_that_cannot_be_reached_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: Any, **__: Any) -> None:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(DatasetError, match=r"someone/something.*HF_TOKEN"):
        locate(DatasetSettings(repo_id="someone/something"))


def test_a_name_that_is_none_is_refused_without_asking_the_hub() -> None:
    with pytest.raises(SettingsError, match="owner/name"):
        locate(DatasetSettings(repo_id="a/b/c"))
