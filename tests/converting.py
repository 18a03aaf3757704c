"""Conversions: a dataset of an older version is brought into v3.0 and stays as it was; what was told comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from written import digests

from roboscribe.config import ConvertSettings
from roboscribe.conversion.convert import convert
from roboscribe.events import Event, Note

TOP, WRIST = "observation.images.top", "observation.images.wrist"


def to_v3(source: Path, target: Path, **settings: Any) -> list[Event]:
    """Convert, and return what was told; the source must stay as it was."""
    before = digests(source)
    events: list[Event] = []
    convert(ConvertSettings(root=source, output_dir=target, **settings), events.append)
    assert digests(source) == before
    assert not (target / ".annotate_staging").exists()
    assert not (target / ".roboscribe").exists()
    return events


def notes(events: list[Event]) -> str:
    """All notes in one text."""
    return " ".join(event.text for event in events if isinstance(event, Note))


def info_of(root: Path) -> dict[str, Any]:
    """What ``info.json`` says."""
    return json.loads((root / "meta/info.json").read_text())


def relative(root: Path) -> set[str]:
    """Paths of all files of a dataset."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
