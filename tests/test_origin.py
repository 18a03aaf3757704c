"""How more of this program is installed is told for the way in which it was installed itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from roboscribe import __version__, origin


@pytest.fixture
def came_from(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the program come from elsewhere."""
    return lambda data: monkeypatch.setattr(origin, "_origin", lambda: data)


def test_a_release_is_installed_from_the_index(came_from: Any) -> None:
    came_from({})
    assert origin.checkout() is None
    assert origin.installing("openai") == f'`pip install "roboscribe[openai]=={__version__}"`'


def test_a_commit_is_installed_again(came_from: Any) -> None:
    came_from({"url": "https://there.example/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}})
    assert origin.requirement("vllm") == "roboscribe[vllm] @ git+https://there.example/r.git@abc"


def test_a_checkout_is_extended_where_it_is(
    came_from: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_from({"url": f"file://{tmp_path}", "dir_info": {"editable": True}})
    assert origin.installing("openai", "cluster") == f'`pip install --editable "{tmp_path}[openai,cluster]"`'
    (tmp_path / "dev.py").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert origin.installing("openai") == f"`python3 {tmp_path / 'dev.py'} install openai`"
