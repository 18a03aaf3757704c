"""A Slurm and a Ray cluster for the tests of this folder, which skip where it cannot be, and fail where it must."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from importlib.util import find_spec
from pathlib import Path

import pytest
from cluster.ray_cluster import ray_cluster
from cluster.slurm import missing, slurm_cluster

Command = Callable[..., subprocess.Popen[str]]
SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(scope="session")
def datatrove() -> None:
    """That what launches is installed."""
    _need("" if find_spec("datatrove") else "datatrove not installed (extra cluster)", "SLURM")


@pytest.fixture(scope="session")
def slurm(datatrove: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Environment variables under which `sbatch` reaches a cluster of one node."""
    _need(missing(), "SLURM")
    with slurm_cluster(Path(tmp_path_factory.mktemp("slurm"))) as environ:
        yield environ


@pytest.fixture(scope="session")
def ray_installed(datatrove: None) -> None:
    """That Ray is there, whether a cluster is up or not."""
    _need("" if find_spec("ray") else "ray not installed (extra ray)", "RAY")


@pytest.fixture(scope="session")
def ray(ray_installed: None) -> Generator[dict[str, str]]:
    """Environment variables under which a Ray cluster of this machine is reached."""
    with ray_cluster() as environ:
        yield environ


@pytest.fixture
def started(tmp_path: Path) -> Callable[[dict[str, str]], Command]:
    """Starts roboscribe with a cluster at hand, by the cluster's environment variables."""

    def of(cluster: dict[str, str]) -> Command:
        environ = (
            os.environ | {"PYTHONPATH": str(SOURCE), "XDG_CACHE_HOME": str(tmp_path / "cache")} | cluster
        )

        def start(*words: object) -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-m", "roboscribe", *map(str, words)],
                env=environ,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )

        return start

    return of


def _need(lacking: str, what: str) -> None:
    if lacking and os.environ.get(f"ROBOSCRIBE_REQUIRE_{what}") == "1":
        pytest.fail(lacking)
    if lacking:
        pytest.skip(lacking)
