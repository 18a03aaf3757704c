"""Fixtures for models that run in this process: tiny checkpoints, made once, and torch on one thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torchvision_shim
from real_models import require
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
