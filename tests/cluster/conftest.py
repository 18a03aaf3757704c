"""A Slurm cluster for the tests of this folder; they skip where it cannot be, and fail where it must."""

from __future__ import annotations

import os
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest
from cluster.slurm import missing, slurm_cluster


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Environment variables under which `sbatch` reaches a cluster of one node."""
    reason = missing() or ("" if find_spec("datatrove") else "datatrove not installed (extra cluster)")
    if reason:
        if os.environ.get("ROBOSCRIBE_REQUIRE_SLURM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with slurm_cluster(Path(tmp_path_factory.mktemp("slurm"))) as environ:
        yield environ
