"""Fixtures for models that run in this process: tiny checkpoints, made once, and torch on one thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torchvision_shim
from tiny_models import make_tiny_model

torchvision_shim.install()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The checkpoint folder of a tiny model of an architecture; to be read only."""
    require("transformers", "torch", "torchvision", "transformers")
    import torch

    # Several threads wait for each other longer than a model as small as these needs.
    torch.set_num_threads(1)
    made: dict[str, Path] = {}

    def make(architecture: str) -> Path:
        if architecture not in made:
            made[architecture] = make_tiny_model(architecture, tmp_path_factory.mktemp(architecture) / "tiny")
        return made[architecture]

    return make


def require(extra: str, *packages: str) -> None:
    """Skip when packages are missing; fail instead where the environment says that they must be there."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        reason = f"{', '.join(missing)} not installed (extra {extra})"
        if os.environ.get(f"ROBOSCRIBE_REQUIRE_{extra.upper()}") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
