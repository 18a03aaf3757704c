"""Films: frames of an episode as clips, for models that take videos."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from frames.barcodes import make_episode, number_of, write_video
from PIL import Image

from roboscribe.episode import VideoClip
from roboscribe.frames import Clip, FrameNeeds, FrameStore, film

TOP, WRIST = "observation.images.top", "observation.images.wrist"


def test_a_film_is_a_clip_of_each_camera_under_its_times(tmp_path: Path) -> None:
    handles = {
        key: VideoClip(write_video(tmp_path / f"{first}.mp4", range(first, first + 40)), 0.0)
        for key, first in ((TOP, 0), (WRIST, 100))
    }
    episode = make_episode(handles, frames=40)
    indices = (0, 15, 30)
    with FrameStore().episode(episode, FrameNeeds(thumbnails=dict.fromkeys((TOP, WRIST), indices))) as frames:
        parts = film(frames, (TOP, WRIST), indices, quality=84)
        captions = parts[::2]
        clips = parts[1::2]
    assert captions[0] == "Video of top; its frames are at 0.00, 0.50, 1.00 s:"
    for clip, first in zip(clips, (0, 100), strict=True):
        assert isinstance(clip, Clip)
        assert clip.fps == 2.0
        shown = [np.asarray(Image.open(io.BytesIO(frame.data))) for frame in clip.frames]
        assert [number_of(picture) for picture in shown] == [first + index for index in indices]
        kind, data = clip.data_url.split(",", 1)
        assert kind == "data:video/jpeg;base64"
        assert [base64.b64decode(part) for part in data.split(",")] == [frame.data for frame in clip.frames]
