"""The settings of a conversion go in; the dataset in its other form comes out."""

from __future__ import annotations

import time

from roboscribe.config import ConvertSettings, parse_episodes
from roboscribe.conversion.plan import Sizes
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
    if settings.output_dir is None:
        raise SettingsError(
            "A v3.0 dataset is written to a folder of its own.", "Name one with --output-dir."
        )
    source = open_dataset(locate(settings))
    episodes = check_episodes(source, wanted)
    sizes = Sizes(settings.data_files_size_in_mb, settings.video_files_size_in_mb)
    files = to_v3(source, settings.output_dir, episodes, listen, sizes)
    finished = ConversionFinished(
        settings.to, len(episodes), files, time.monotonic() - started, str(settings.output_dir)
    )
    listen(finished)
    return finished
