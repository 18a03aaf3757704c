"""Every command that README and docs show is one of ours, with flags that are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from roboscribe.cli.app import COMMANDS
from roboscribe.cli.flags import parse_flags

TOP = Path(__file__).parents[2]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each of our commands in the shell blocks of a page."""
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0].rpartition("/")[2] == "roboscribe":
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_has_people_type_is_understood(page: Path) -> None:
    for name, *words in commands(page):
        assert name in COMMANDS
        parse_flags(import_module(f"roboscribe.cli.{name}").Arguments, words, f"roboscribe {name}")


def test_the_guide_of_clusters_shows_each_place_where_a_run_can_be_done() -> None:
    shown = [words for words in commands(TOP / "docs/cluster.md") if words[0] == "annotate"]
    chosen = {words[words.index("--executor") + 1] for words in shown}
    assert chosen == {"slurm", "ray", "hf-jobs"}
