"""The folder of an annotated dataset goes in; a torch dataset of its frames with their texts comes out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from roboscribe.dataset import open_dataset
from roboscribe.dataset.reader import Dataset
from roboscribe.errors import DatasetError, RoboscribeError
from roboscribe.origin import installing

if TYPE_CHECKING:
    from roboscribe.reading.frames import AnnotatedFrames

READABLE = "v3.0"
"""The version that LeRobot reads."""


def load(root: str | os.PathLike[str], *, language_rows: bool = False, **options: Any) -> AnnotatedFrames:
    """The frames of an annotated dataset, for training: a torch ``Dataset`` over ``LeRobotDataset``.

    An item is what LeRobot gives for a frame, and the texts in force at it: ``subtask``, ``plan``, ``memory``,
    ``user_prompt`` and ``robot_utterance``, always all five as strings, "" where there is none. They mean the same as
    those of ``open_dataset``, whether the dataset has language columns, index features or both. Items collate.

    Args:
        root: Folder of a dataset of version 3.0. Videos that are still on the Hub are fetched first.
        language_rows: Whether items also have the language columns as they are stored: lists of rows of various
            lengths, which need LeRobot's own collate function.
        options: Those of ``LeRobotDataset``, such as ``episodes``, ``delta_timestamps`` or ``image_transforms``.

    Raises:
        RoboscribeError: LeRobot is not installed.
        DatasetError: The folder holds no dataset, one of another version, or one whose videos are missing.
    """
    dataset = open_dataset(root)
    if dataset.info.version != READABLE:
        raise DatasetError(
            f"{dataset.root} is of version {dataset.info.version}, and LeRobot reads {READABLE} only.",
            f"Convert it: roboscribe convert --root {dataset.root} --output-dir NEW.",
        )
    try:
        from roboscribe.reading.frames import AnnotatedFrames
    except ModuleNotFoundError as error:
        raise RoboscribeError(
            f"roboscribe.load needs packages that are not installed ({error.name}).",
            f"Install them with {installing('lerobot')}, on Python 3.12 or later.",
        ) from error
    _complete(dataset, options.get("episodes"))
    return AnnotatedFrames(dataset.root, language_rows=language_rows, **options)


def _complete(dataset: Dataset, episodes: Iterable[int] | None) -> None:
    """Make sure that every video is there; LeRobot would look for it on the Hub under the name of the folder.

    Raises:
        DatasetError: One is missing, and cannot be fetched.
    """
    clips = dataset.clips(dataset.episode_indices if episodes is None else episodes)
    absent = {clip.path: clip for held in clips.values() for clip in held if not clip.path.is_file()}
    lost = [f"The video {path}" for path, clip in absent.items() if clip.remote is None]
    lost += [f"Every video of the camera {key}" for key, held in clips.items() if not held]
    if lost:
        raise DatasetError(
            f"{lost[0]} is missing, and LeRobot needs all of them.",
            "Restore it, or remove the camera from meta/info.json.",
        )
    if dataset.remote is not None:
        dataset.remote.fetch(dataset.root, [path.relative_to(dataset.root).as_posix() for path in absent])
