"""Status: a dataset with its staging goes in, what is done, failed and missing comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from roboscribe.annotators.registry import WHY_NONE, told_of_none
from roboscribe.config import DatasetSettings, parse_episodes
from roboscribe.dataset.hub import locate
from roboscribe.dataset.info import INFO, load_info
from roboscribe.dataset.metadata import read_episodes
from roboscribe.dialogue import TASK_INDEX_HIGH_LEVEL
from roboscribe.errors import DatasetError
from roboscribe.language import EVENTS, PERSISTENT
from roboscribe.plain import counted
from roboscribe.skills import SUBTASK_INDEX
from roboscribe.staging import STAGES, Staging
from roboscribe.staging.runrecord import RunRecord
from roboscribe.staging.store import usual_annotators


@dataclass(frozen=True, slots=True)
class Count:
    """How far one annotator is: numbers of episodes, of rows, and of answers that are missing among these.

    Attributes:
        empty: Of the episodes that are done, those that have no rows.
    """

    done: int
    failed: int
    missing: int
    rows: int
    left_out: int = 0
    empty: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an annotator has no result for an episode, or lacks something in it."""

    episode: int
    annotator: str
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """State of an annotation.

    Attributes:
        headline: The whole in a sentence.
        annotators: Count of each annotator that has anything staged, by name; without one that had nothing to do.
        failures: Every failure, by episode.
        left_out: Every answer that is missing in a result, as all that the model said was impossible, by episode.
    """

    headline: str
    annotators: Mapping[str, Count]
    failures: Sequence[Failure]
    left_out: Sequence[Failure] = ()

    @property
    def empty(self) -> list[str]:
        """Of each annotator without rows in some episodes, a sentence that says so and why."""
        told = (told_of_none(name, count.empty, count.done) for name, count in self.annotators.items())
        return [text for text in told if text]


def read_status(settings: DatasetSettings, planned: Collection[int] = ()) -> Status:
    """State of the annotation of a dataset.

    Args:
        settings: Which dataset, and which of its episodes.
        planned: Episodes that are going to be annotated; an output folder holds no dataset before it is written.

    Raises:
        DatasetError: The folder holds neither a dataset nor anything staged, or its metadata cannot be read.
    """
    root = settings.output_dir or locate(settings)
    staging = Staging(root)
    has_dataset = (root / INFO).is_file()
    if not has_dataset and not staging.folder.is_dir():
        raise DatasetError(f"{root} holds no dataset and no annotation.", "Give the folder with --root.")
    staged = dict(staging.outcomes())
    known = set(
        read_episodes(root, load_info(root).version).indices.tolist() if has_dataset else {*staged, *planned}
    )
    episodes = set(parse_episodes(settings.episodes) or known)
    if not episodes <= known:
        raise DatasetError(f"--episodes {min(episodes - known)}: {root} has no such episode.")
    counts: dict[str, Count] = {}
    failures: list[Failure] = []
    left_out: list[Failure] = []
    finished: dict[int, set[str]] = {}
    for episode, outcomes in staged.items():
        if episode not in episodes:
            continue
        done_here = finished.setdefault(episode, set())
        for name, outcome in outcomes.items():
            if outcome.error is not None:
                failures.append(Failure(episode, name, outcome.error))
            else:
                done_here.add(name)
            left_out += (Failure(episode, name, reason) for reason in outcome.left_out)
            if name not in STAGES:
                count, is_done = counts.get(name, Count(0, 0, len(episodes), 0)), outcome.error is None
                counts[name] = Count(
                    count.done + is_done,
                    count.failed + (not is_done),
                    count.missing - 1,
                    count.rows + outcome.rows,
                    count.left_out + len(outcome.left_out),
                    count.empty + (is_done and not outcome.rows),
                )
    failed_episodes = {failure.episode for failure in failures}
    usual = usual_annotators(
        {name: count.done + count.failed for name, count in counts.items()}, len(finished)
    )
    complete = sum(usual <= names and episode not in failed_episodes for episode, names in finished.items())
    return Status(
        _headline(root, len(episodes), complete, len(failed_episodes))
        if staged or not has_dataset
        else _of_dataset(root, episodes),
        {name: count for name, count in sorted(counts.items()) if _has_worked(name, count)},
        sorted(failures, key=lambda failure: (failure.episode, failure.annotator)),
        left_out,
    )


def _of_dataset(root: Path, episodes: set[int]) -> str:
    """What a dataset holds beside which nothing is staged: by its run record, else by its columns."""
    extents: Counter[str] = Counter()
    for entry in RunRecord.read(root).entries:
        extents[entry.annotator] += len(entry.episodes & episodes)
    held = [f"{name} of {counted(count, 'episode')}" for name, count in sorted(extents.items()) if count]
    if not held:
        columns = (PERSISTENT, EVENTS, SUBTASK_INDEX, TASK_INDEX_HIGH_LEVEL)
        held = [name for name in columns if name in load_info(root).features]
    what = f"nothing staged; the dataset holds {', '.join(held)}" if held else "nothing staged nor written"
    return f"{root}: {counted(len(episodes), 'episode')}, {what}."


def _has_worked(name: str, count: Count) -> bool:
    """Whether an annotator had anything to do: one that helps others, such as ``task``, seldom has."""
    return bool(count.rows or count.failed or WHY_NONE.get(name, name))


def _headline(root: Path, total: int, complete: int, failed: int) -> str:
    if not complete and not failed:
        return f"{root}: {total} episodes, none complete yet."
    text = f"{root}: {complete} of {total} episodes complete"
    return f"{text}, {failed} failed." if failed else f"{text}."
