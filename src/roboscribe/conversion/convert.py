"""The settings of a conversion go in; the dataset in its other form comes out."""

from __future__ import annotations

import time

from roboscribe.config import ConvertSettings, parse_episodes
from roboscribe.conversion.plan import Sizes
from roboscribe.conversion.to_index import to_index_features
from roboscribe.conversion.to_language import to_language
from roboscribe.conversion.v3 import to_v3
from roboscribe.dataset import check_episodes, open_dataset
from roboscribe.dataset.hub import locate
from roboscribe.errors import SettingsError
from roboscribe.events import ConversionFinished, Listener, ignore


def convert(settings: ConvertSettings, listen: Listener = ignore) -> ConversionFinished:
    """Bring a dataset into the form that the settings name.

    Args:
        settings: What to do.
        listen: Called with every event of the run, from this thread.

    Raises:
        RoboscribeError: It cannot be done; no dataset was changed.
    """
    started = time.monotonic()
    wanted = parse_episodes(settings.episodes)
    _check(settings)
    source = open_dataset(locate(settings))
    episodes = check_episodes(source, wanted)
    target = settings.output_dir or source.root
    if settings.to == "v3.0":
        sizes = Sizes(settings.data_files_size_in_mb, settings.video_files_size_in_mb)
        files = to_v3(source, target, episodes, listen, sizes)
    elif settings.to == "language":
        files = to_language(source, target, listen)
    else:
        files = to_index_features(source, target, listen)
    finished = ConversionFinished(settings.to, len(episodes), files, time.monotonic() - started, str(target))
    listen(finished)
    return finished


def _check(settings: ConvertSettings) -> None:
    """Refuse flags that the form has no use for.

    Raises:
        SettingsError: There is one.
    """
    if settings.to == "v3.0" and settings.output_dir is None:
        raise SettingsError(
            "A v3.0 dataset is written to a folder of its own.", "Name one with --output-dir."
        )
    if settings.to != "v3.0" and settings.episodes:
        raise SettingsError(
            f"--episodes: all episodes of a dataset have the same form, so --to {settings.to} converts them all.",
            "Leave the flag out.",
        )
