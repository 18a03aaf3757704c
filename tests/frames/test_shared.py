"""Real datasets: frames equal those of decoding the whole file from its start."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from roboscribe.episode import Camera, Episode, VideoClip
from roboscribe.errors import FrameError
from roboscribe.frames import FrameNeeds, FrameStore, read_frames
from roboscribe.frames.sampling import every

TOP = "observation.images.top"
HIGH = "observation.images.cam_high"


def all_pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24")[::8, ::8] for frame in container.decode(video=0)]


def episode_of(index: int, timestamps: np.ndarray, camera: str, path: Path, start: float) -> Episode:
    cameras = (Camera(camera, 480, 640, "video"),)
    return Episode(index, ("",), 30, timestamps, None, None, cameras, {camera: VideoClip(path, start)})


def test_packed_simulated_episodes(shared_data: Path):
    root = shared_data / "so101_sim_bricks"
    path = root / "videos" / TOP / "chunk-000" / "file-000.mp4"
    [meta] = (root / "meta" / "episodes").rglob("*.parquet")
    start_column = f"videos/{TOP}/from_timestamp"
    rows = pq.read_table(
        meta, columns=["episode_index", "dataset_from_index", "length", start_column]
    ).to_pylist()
    [data] = (root / "data").rglob("*.parquet")
    stamps = pq.read_table(data, columns=["timestamp"])["timestamp"].to_numpy()
    truth = all_pictures(path)
    decoded = 0
    for row in rows:
        first, length = row["dataset_from_index"], row["length"]
        episode = episode_of(
            row["episode_index"], stamps[first : first + length], TOP, path, row[start_column]
        )
        for frame in read_frames(episode, TOP, every(episode.timestamps, 1.0, last=True)):
            assert np.array_equal(frame.rgb()[::8, ::8], truth[first + frame.index])
            decoded += frame.decoded
    assert decoded < len(truth) / 4


def test_real_episodes(shared_data: Path):
    root = shared_data / "g1_bottle_v21"
    for path in sorted((root / "videos").rglob("*.mp4")):
        [data] = root.glob(f"data/*/{path.stem}.parquet")
        stamps = pq.read_table(data, columns=["timestamp"])["timestamp"].to_numpy()
        episode = episode_of(int(path.stem[-6:]), stamps, HIGH, path, 0.0)
        wanted = every(stamps, 2.0, last=True)
        truth = all_pictures(path)
        frames = list(read_frames(episode, HIGH, wanted))
        assert [frame.index for frame in frames] == wanted
        for frame in frames:
            assert np.array_equal(frame.rgb()[::8, ::8], truth[frame.index])


def test_a_truncated_real_video_gives_an_error(shared_data: Path, tmp_path: Path):
    source = shared_data / "g1_bottle_v21/videos/chunk-000" / HIGH / "episode_000001.mp4"
    data = source.read_bytes()
    cut = tmp_path / "episode_000001.mp4"
    stamps = (np.arange(277) / 30).astype(np.float32)
    for kept in (0.3, 0.999):
        cut.write_bytes(data[: int(len(data) * kept)])
        needs = FrameNeeds(jpegs={HIGH: range(0, 277, 30)})
        episode = episode_of(1, stamps, HIGH, cut, 0.0)
        match = r"Episode 1, camera .*cam_high: .*episode_000001\.mp4"
        with FrameStore().episode(episode, needs) as frames, pytest.raises(FrameError, match=match):
            frames.jpeg(HIGH, 270)
