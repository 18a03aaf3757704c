"""Frames that nobody looks at have the sizes and origins of those that are decoded, and cost nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from roboscribe.dataset import open_dataset
from roboscribe.errors import EpisodeError
from roboscribe.frames import FrameSettings, FrameStore, Jpeg, SheetLayout, contact_sheets, film
from roboscribe.frames.store import FrameNeeds
from roboscribe.frames.unseen import UnseenFrames

TOP, WRIST = "observation.images.top", "observation.images.wrist"


def told(pictures: list[Jpeg]) -> list[tuple[object, ...]]:
    """All that is known of pictures without their content."""
    return [(p.width, p.height, p.source_width, p.source_height, p.origin) for p in pictures]


@pytest.mark.parametrize("cameras", [(TOP,), (TOP, WRIST)])
@pytest.mark.parametrize("layout", [SheetLayout(), SheetLayout(columns=3, rows=2), SheetLayout(7, 5)])
@pytest.mark.parametrize("side", [96, 256, 1000])
def test_unseen_pictures_are_like_real_ones(
    shared_data: Path, cameras: tuple[str, ...], layout: SheetLayout, side: int
) -> None:
    episode = open_dataset(shared_data / "so101_sim_bricks").episode(1)
    indices = list(range(0, 110, 10))
    store = FrameStore(FrameSettings(thumbnail_side=side))
    nobody = FrameStore(FrameSettings(thumbnail_side=side))
    with store.episode(episode) as seen, UnseenFrames(nobody, episode, FrameNeeds()) as unseen:
        real = contact_sheets(seen, cameras, indices, layout)
        outlined = contact_sheets(unseen, cameras, indices, layout)
        assert told(outlined) == told(real)
        assert told([unseen.jpeg(TOP, 5)]) == told([seen.jpeg(TOP, 5)])
        clips = [
            [part for part in film(frames, cameras, indices, 84) if not isinstance(part, str)]
            for frames in (seen, unseen)
        ]
        assert [told([*clip.frames]) for clip in clips[1] if not isinstance(clip, Jpeg)] == [
            told([*clip.frames]) for clip in clips[0] if not isinstance(clip, Jpeg)
        ]
    assert all(sheet.data for sheet in real)
    assert not any(sheet.data for sheet in outlined)
    assert store.counts.decoded > 0
    assert (nobody.counts.decoded, nobody.counts.passes, nobody.counts.held) == (0, 0, 0)


def test_origins_tell_pictures_apart(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "so101_sim_bricks")
    origins: list[str] = []
    for index in (0, 1):
        with UnseenFrames(FrameStore(), dataset.episode(index), FrameNeeds()) as frames:
            origins += [frames.jpeg(camera, n).origin for camera in (TOP, WRIST) for n in (0, 1)]
            origins += [sheet.origin for sheet in contact_sheets(frames, [TOP], [0, 1])]
    assert len(set(origins)) == len(origins) == 10


def test_a_camera_that_is_not_there_is_missed_as_ever(shared_data: Path) -> None:
    episode = open_dataset(shared_data / "so101_sim_bricks").episode(0)
    with (
        UnseenFrames(FrameStore(), episode, FrameNeeds()) as frames,
        pytest.raises(EpisodeError, match="no frames for camera side"),
    ):
        frames.jpeg("side", 0)
