"""Rows that the builtin model makes of the bundled sample are pinned, so that no rule changes behind a version.

A staged result is reused while its fingerprint holds, and a rule enters the fingerprint only by the version of
its annotator, that of the signals or the identity of the builtin model. When this fails because a rule was improved,
raise the one that it belongs to, and run `python tests/test_versions.py` to pin the new rows.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from roboscribe import signals
from roboscribe.annotators.base import Scene
from roboscribe.annotators.lengths import Lengths
from roboscribe.annotators.registry import select_annotators
from roboscribe.annotators.skills import Skills
from roboscribe.config import AnnotateSettings, SubtasksSettings
from roboscribe.dataset import open_dataset
from roboscribe.language import Row, canonical_json
from roboscribe.models.builtin import BuiltinModel
from roboscribe.signals import Signals
from roboscribe.staging.fingerprint import provenance

PINNED = Path(__file__).parent / "golden" / "sample_rows.json"


class Unmoved(Scene):
    """A scene for annotators that read no signals."""

    @cached_property
    def signals(self) -> Signals:
        """Nothing."""
        raise AssertionError("signals are read, so that their version is to be told")


def made_now() -> dict[str, Any]:
    """Version and digest of each annotator's rows on the sample."""
    dataset = open_dataset(str(files("roboscribe") / "sample"))
    model = BuiltinModel()
    annotators = select_annotators(AnnotateSettings(root=dataset.root), looks=model.looks).in_order
    rows: dict[str, list[Any]] = {annotator.name: [] for annotator in annotators}
    for index in dataset.episode_indices:
        upstream: dict[str, list[Row]] = {}
        for annotator in annotators:
            scene = (Scene if annotator.reads_signals else Unmoved)(dataset.episode(index), seed=0)
            upstream[annotator.name] = asyncio.run(annotator.annotate(scene, upstream, model))
            rows[annotator.name] += (row.to_json() for row in upstream[annotator.name])
    return {
        annotator.name: {
            "version": annotator.version,
            "model": model.identity if annotator.asks else None,
            "signals": signals.VERSION if annotator.reads_signals else None,
            "rows": hashlib.sha256(canonical_json(rows[annotator.name]).encode()).hexdigest()[:16],
        }
        for annotator in annotators
    }


def test_no_rule_changes_behind_its_version() -> None:
    assert made_now() == json.loads(PINNED.read_text())


def test_what_reads_signals_is_made_anew_when_they_tell_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    model = BuiltinModel()
    skills = Skills(SubtasksSettings(), None, Lengths(1.0, 3.0))
    usual = select_annotators(AnnotateSettings(root=Path("data")), model.looks).annotators
    annotators = (*usual.values(), skills)

    def made_by() -> dict[str, Any]:
        return {annotator.name: provenance(annotator, model, seed=0) for annotator in annotators}

    before = made_by()
    monkeypatch.setattr(signals, "VERSION", signals.VERSION + 1)
    changed = {name for name, how in made_by().items() if how != before[name]}
    assert changed == {"subtasks", "skills", "motion", "interjections", "vqa", "trace"}


if __name__ == "__main__":
    PINNED.write_text(json.dumps(made_now(), indent=2) + "\n")
