"""Validation of a folder: a dataset, or what is staged for it, goes in; the report of all findings comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roboscribe.config import DatasetSettings, parse_episodes
from roboscribe.dataset import Dataset, check_episodes, open_dataset
from roboscribe.dataset.declare import tool_names
from roboscribe.dataset.hub import locate
from roboscribe.dataset.info import INFO
from roboscribe.errors import DatasetError, EpisodeError, cause
from roboscribe.language import COLUMNS, Row
from roboscribe.staging import STAGES, Record, Staging
from roboscribe.staging.runrecord import Entry, RunRecord
from roboscribe.staging.store import usual_annotators
from roboscribe.validation import (
    EpisodeView,
    Finding,
    Overview,
    Recorded,
    Report,
    check_dataset,
    check_episode,
    check_indexed,
    indexed,
)

STAGING_RULES = {
    "staging.failed": "Every annotator that was tried on an episode succeeded.",
    "staging.missing": "An episode has a result of every annotator that most episodes have one of.",
    "staging.damaged": "Staged rows are those of which their record tells.",
}
"""What each rule about staged results demands, by its id."""

OTHERS = frozenset({"plan", "interjections", "vqa"})
"""Names under which lerobot-annotate stages rows, in the same folders."""

AGAIN = "Run the same command again; it makes what is missing."


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        report: The findings.
        root: The folder that was looked at.
        staged: Whether staged rows were checked, not those of the dataset.
    """

    report: Report
    root: Path
    staged: bool


def validate(settings: DatasetSettings, staged: bool = False) -> Checked:
    """Check the language and the index features of a dataset; of one without language, what is staged for it.

    Args:
        settings: Which dataset and episodes. With an output folder, that is what is checked.
        staged: Check what is staged, also where the dataset has language columns.

    Raises:
        DatasetError: There is nothing to check, or the dataset cannot be read.
    """
    root = settings.output_dir or locate(settings)
    staging = Staging(root)
    dataset = open_dataset(_dataset_for(root, settings, staging))
    annotated = any(column in dataset.info.features for column in COLUMNS)
    if staged and not staging.episodes():
        raise DatasetError(
            f"Nothing is staged in {root}.", "Leave --staging out to check the dataset itself."
        )
    if not annotated and not indexed(dataset) and not staging.episodes():
        raise DatasetError(
            f"{root} has no language columns to validate.", "Annotate it first: roboscribe annotate."
        )
    episodes = check_episodes(dataset, parse_episodes(settings.episodes))
    if staged or (not annotated and staging.episodes()):
        report = _check_staging(dataset, staging, episodes)
        if staged or not indexed(dataset):
            return Checked(report, root, staged=True)
        findings = [*check_indexed(dataset, episodes), *report.findings]
        return Checked(Report.of(findings, len(episodes)), root, staged=True)
    found = [*check_indexed(dataset, episodes)]
    if annotated:
        # What is no language row, such as a skill, has rules of its own.
        recorded = [_recorded(entry) for entry in RunRecord.read(dataset.root).entries if entry.styles]
        found += check_dataset(dataset, episodes, recorded)
    return Checked(Report.of(found, len(episodes)), dataset.root, staged=False)


def _dataset_for(root: Path, settings: DatasetSettings, staging: Staging) -> Path:
    """Where the dataset is that the rows of a folder are for: in the folder, once it has been written."""
    if (root / INFO).is_file() or not staging.episodes():
        return root
    if settings.output_dir is None:
        raise DatasetError(
            f"{root} holds what is staged for a dataset, but not the dataset.",
            f"Give both: --root DATASET --output-dir {root}.",
        )
    return locate(settings)


def _recorded(entry: Entry) -> Recorded:
    kinds = _asked(entry.made_by)
    return Recorded(entry.annotator, entry.styles, entry.episodes, entry.per_episode, kinds)


def _asked(made_by: Mapping[str, Any]) -> tuple[str, ...]:
    """Kinds of visual question that were asked to make rows."""
    return tuple(made_by["settings"].get("kinds", ())) if "vqa" in made_by.get("styles", ()) else ()


def _check_staging(dataset: Dataset, staging: Staging, episodes: Collection[int]) -> Report:
    """The report of episodes as they would be with the staged rows, of those that have any."""
    recorded = staging.recorded()
    chosen = sorted(recorded.keys() & set(episodes))
    tried = Counter(name for index in chosen for name in recorded[index] if name not in STAGES)
    usual = usual_annotators(tried, len(chosen))
    overview = Overview()
    findings: list[Finding] = []
    for index in chosen:
        records = dict(staging.records(index))
        findings += _unfinished(index, records, usual)
        try:
            view, damaged = _staged_view(dataset, staging, index, records)
        except EpisodeError as error:
            findings.append(Finding(index, "file.read", "error", None, error.message, error.hint or AGAIN))
            continue
        findings += damaged
        findings += check_episode(view)
        overview.see(view, missed=bool(records))
        overview.asked.update(*(_asked(record.made_by) for record in records.values() if record.done))
    return Report.of([*findings, *overview.findings()], len(chosen))


def _unfinished(index: int, records: dict[str, Record], usual: Collection[str]) -> Iterator[Finding]:
    """Findings of ``staging.failed`` and ``staging.missing``."""
    for name, record in records.items():
        # What did not pass validation is found here again, rule by rule.
        if record.error is not None and name != "validate":
            message = f"{name} failed: {record.error}"
            yield Finding(index, "staging.failed", "error", None, message, AGAIN)
    if "read" not in records:
        for name in sorted(set(usual) - records.keys()):
            message = f"There is no result of {name}, which most episodes have."
            yield Finding(index, "staging.missing", "warning", None, message, AGAIN)


def _staged_view(
    dataset: Dataset, staging: Staging, index: int, records: dict[str, Record]
) -> tuple[EpisodeView, list[Finding]]:
    """An episode with its staged rows in place of the dataset's, and findings of ``staging.damaged``.

    Rows that another tool staged, which keeps no records, are taken as they are.
    """
    rows: list[Row] = []
    styles: set[str | None] = set()
    damaged: list[Finding] = []
    for name, record in records.items():
        if not record.done:
            continue
        if not staging.is_intact(index, name, record):
            message = f"The staged rows of {name} were changed, or cut short, since they were made."
            damaged.append(Finding(index, "staging.damaged", "error", None, message, AGAIN))
            continue
        if made := record.made_by.get("styles"):
            rows += staging.rows(index, name)
            styles.update(None if style == "speech" else style for style in made)
    expected = frozenset(styles)
    for name in sorted(OTHERS.intersection(staging.unrecorded(index))):
        try:
            found = staging.rows(index, name)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"{name}.jsonl holds something else than rows: {cause(error)}."
            damaged.append(Finding(index, "staging.damaged", "error", None, message, "Make it again."))
            continue
        rows += found
        styles.update(row.style for row in found)
    kept = [row for row in dataset.language_rows(index) if not row.is_of(styles)]
    tools = tool_names(dataset.info.raw.get("tools"))
    episode = dataset.episode(index)
    return EpisodeView.of(episode, [*kept, *rows], expected, tools), damaged
