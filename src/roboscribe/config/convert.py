"""The settings of `roboscribe convert`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roboscribe.config.dataset import DatasetSettings
from roboscribe.errors import SettingsError

Form = Literal["v3.0", "index-features", "language"]


@dataclass(frozen=True)
class ConvertSettings(DatasetSettings):
    """Bring a LeRobot dataset into another form."""

    to: Form = "v3.0"
    """v3.0: the layout that LeRobot 0.6 reads, from any older one, in a new folder. index-features: subtasks as
    a number per frame, from language columns. language: language columns, from numbers per frame."""
    data_files_size_in_mb: float = 100
    """Size of a data file of a v3.0 dataset in mebibytes; only one with a single episode is larger."""
    video_files_size_in_mb: float = 200
    """Size of a video file of a v3.0 dataset in mebibytes; only one that was one before is larger."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for flag, size in (
            ("data-files-size-in-mb", self.data_files_size_in_mb),
            ("video-files-size-in-mb", self.video_files_size_in_mb),
        ):
            if not size > 0:
                raise SettingsError(f"--{flag} is {size:g}, but must be above 0.")
