"""Annotated datasets for LeRobot to load: those of the environment, and one that the writer makes.

The tests need LeRobot, which needs another Python than the rest; they are skipped where it is missing, or
fail where ROBOSCRIBE_REQUIRE_LEROBOT=1. ROBOSCRIBE_ANNOTATED names a folder of annotated datasets to test;
ROBOSCRIBE_PYTHON names an interpreter that has Roboscribe, whose ``annotate`` then makes one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from make_dataset import make_dataset
from written import annotate

os.environ["HF_HUB_OFFLINE"] = "1"

MADE = "made by the writer"
COMMAND = "made by the command"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "annotated" in metafunc.fixturenames:
        folder = os.environ.get("ROBOSCRIBE_ANNOTATED")
        found = sorted(path.parents[1] for path in Path(folder).glob("*/meta/info.json")) if folder else []
        names = [str(path) for path in found if _version(path) == "v3.0"]
        commands = [COMMAND] if os.environ.get("ROBOSCRIBE_PYTHON") else []
        metafunc.parametrize("annotated", [MADE, *commands, *names], indirect=True, scope="session")


def _version(root: Path) -> str:
    return json.loads((root / "meta/info.json").read_text())["codebase_version"]


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Any]:
    """``LeRobotDataset`` of a folder."""
    if importlib.util.find_spec("lerobot") is None:
        if os.environ.get("ROBOSCRIBE_REQUIRE_LEROBOT") == "1":
            pytest.fail("lerobot is not installed")
        pytest.skip("lerobot is not installed")
    import datasets
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    datasets.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("datasets")
    return lambda root: LeRobotDataset("nobody/nothing", root=root)


@pytest.fixture(scope="session")
def annotated(
    request: pytest.FixtureRequest, load: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of an annotated v3.0 dataset."""
    if request.param not in (MADE, COMMAND):
        return Path(request.param)
    folder = tmp_path_factory.mktemp("conformance")
    if request.param == MADE:
        made = make_dataset(folder / "made", episodes=5, frames=[20, 24, 16, 22, 18], episodes_per_file=2)
        annotate(made, tools_column=True)
        return made
    source = make_dataset(folder / "source", episodes=4, frames=40, episodes_per_file=2)
    command = [os.environ["ROBOSCRIBE_PYTHON"], "-m", "roboscribe", "annotate"]
    options = ["--root", str(source), "--output-dir", str(folder / "annotated")]
    subprocess.run([*command, *options], check=True)
    return folder / "annotated"


@pytest.fixture(scope="session")
def annotated_shared(
    load: Callable[[Path], Any], shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A shared dataset by name, as a default run of the command annotates it; v2.1 through LeRobot's own converter."""
    python = os.environ.get("ROBOSCRIBE_PYTHON")
    if python is None:
        if os.environ.get("ROBOSCRIBE_REQUIRE_LEROBOT") == "1":
            pytest.fail("ROBOSCRIBE_PYTHON is not set")
        pytest.skip("ROBOSCRIBE_PYTHON names no interpreter that has Roboscribe")

    @cache
    def made(name: str) -> Path:
        out = tmp_path_factory.mktemp("shared") / name
        words = ["annotate", "--root", str(shared_data / name), "--output-dir", str(out)]
        subprocess.run([python, "-m", "roboscribe", *words], check=True)
        if _version(out) == "v2.1":
            from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset

            convert_dataset("nobody/nothing", root=str(out), push_to_hub=False)
            shutil.move(out.with_name(f"{name}_old") / ".annotate_staging", out)
        return out

    return made
