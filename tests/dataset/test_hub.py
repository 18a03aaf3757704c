"""A dataset named by its Hub id is taken from where LeRobot looks for it; see tests/hub for downloads."""

from __future__ import annotations

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


def test_what_lies_where_lerobot_looks_is_taken_without_asking_the_hub(home: Path) -> None:
    root = make_dataset(home / "someone/something", kind=None)
    assert locate(DatasetSettings(repo_id="someone/something")) == root


def test_a_hub_that_cannot_be_reached_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: Any, **__: Any) -> None:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", download)
    with pytest.raises(DatasetError, match=r"someone/something.*HF_TOKEN"):
        locate(DatasetSettings(repo_id="someone/something"))


def test_a_name_that_is_none_is_refused_without_asking_the_hub() -> None:
    with pytest.raises(SettingsError, match="owner/name"):
        locate(DatasetSettings(repo_id="a/b/c"))
