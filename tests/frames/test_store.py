"""Frames shared by all annotators: decoded once, encoded once, gone when the episode is done."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from frames.barcodes import make_episode, number_of, write_video
from PIL import Image

from roboscribe.episode import Episode, VideoClip
from roboscribe.errors import EpisodeError, FrameError
from roboscribe.frames import FrameNeeds, FrameSettings, FrameStore

TOP = "observation.images.top"
WRIST = "observation.images.wrist"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    options = {"g": "10", "bf": "0", "sc_threshold": "0"}
    return {
        TOP: write_video(folder / "top.mp4", range(90), options=options, side=128),
        WRIST: write_video(folder / "wrist.mp4", range(1000, 1090), options=options, side=128),
    }


@pytest.fixture
def episode(videos: dict[str, Path]) -> Episode:
    return make_episode({camera: VideoClip(path, 0.0) for camera, path in videos.items()}, 90, side=128)


def picture(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def coarseness(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        return sum(image.quantization[0])


def test_every_form_shows_the_frame_asked_for(episode: Episode):
    with FrameStore(FrameSettings(thumbnail_side=64)).episode(episode) as frames:
        for frame in (0, 44, 89):
            assert number_of(picture(frames.jpeg(TOP, frame).data)) == frame
            assert number_of(frames.thumbnail(WRIST, frame)) == 1000 + frame
        assert frames.thumbnail(TOP, 3).shape == (64, 64, 3)
        assert frames.thumbnail(TOP, 3).dtype == np.uint8


def test_the_data_url_holds_the_same_bytes_and_is_made_once(episode: Episode):
    with FrameStore().episode(episode) as frames:
        jpeg = frames.jpeg(TOP, 5)
        head, payload = jpeg.data_url.split(",")
        assert head == "data:image/jpeg;base64"
        assert base64.b64decode(payload) == jpeg.data
        assert frames.jpeg(TOP, 5).data_url is jpeg.data_url


def test_quality_and_size_are_as_set(episode: Episode):
    small = FrameSettings(quality=30, max_side=100)
    with FrameStore(small).episode(episode) as one, FrameStore().episode(episode) as other:
        low, high = one.jpeg(TOP, 44), other.jpeg(TOP, 44)
    assert picture(low.data).shape == (100, 100, 3)
    assert (low.width, low.height, low.source_width, low.source_height) == (100, 100, 128, 128)
    assert (high.width, high.height) == (128, 128)
    assert coarseness(low.data) > 2 * coarseness(high.data)


def test_declared_frames_are_decoded_in_one_pass_and_encoded_once_for_many_threads(episode: Episode):
    store = FrameStore()
    some, others = range(0, 90, 10), range(0, 90, 5)
    needs = FrameNeeds(jpegs={TOP: some}) | FrameNeeds(
        jpegs={TOP: others}, thumbnails={TOP: some, WRIST: some}
    )
    with store.episode(episode, needs) as frames, ThreadPoolExecutor(16) as pool:
        start = threading.Barrier(16)

        def annotator(_: int) -> list[int]:
            start.wait()
            sent = [id(frames.jpeg(TOP, frame)) for frame in others]
            return sent + [id(frames.thumbnail(camera, frame)) for camera in (TOP, WRIST) for frame in some]

        answers = list(pool.map(annotator, range(16)))
        counts = store.counts
    assert all(answer == answers[0] for answer in answers)
    assert counts.passes == 2
    assert counts.frames == 18 + 9
    assert counts.encoded == 18
    assert counts.thumbnails == 9 + 9
    assert counts.repeats == 0
    assert counts.decoded <= 2 * 90
    assert counts.hits == 16 * (18 + 9 + 9) - 2


def test_frames_declared_later_are_decoded_alone(episode: Episode):
    store = FrameStore()
    with store.episode(episode, FrameNeeds(jpegs={TOP: [0, 10, 20]})) as frames:
        frames.prepare()
        frames.need(FrameNeeds(jpegs={TOP: [10, 20, 30]}))
        frames.prepare()
        assert number_of(picture(frames.jpeg(TOP, 30).data)) == 30
        counts = store.counts
    assert (counts.passes, counts.frames, counts.encoded, counts.repeats) == (2, 4, 4, 0)


def test_a_form_asked_for_too_late_is_counted_as_a_repeat(episode: Episode):
    store = FrameStore()
    with store.episode(episode, FrameNeeds(jpegs={TOP: [0, 10]})) as frames:
        frames.jpeg(TOP, 10)
        frames.thumbnail(TOP, 10)
        counts = store.counts
    assert (counts.encoded, counts.thumbnails, counts.frames, counts.repeats) == (2, 1, 3, 1)


def test_preparing_leaves_nothing_to_decode(episode: Episode):
    store = FrameStore()
    with store.episode(episode, FrameNeeds(jpegs={TOP: [1, 2]}, thumbnails={WRIST: [3]})) as frames:
        frames.prepare()
        passes = store.counts.passes
        frames.prepare()
        frames.jpeg(TOP, 1), frames.jpeg(TOP, 2), frames.thumbnail(WRIST, 3)
        assert (store.counts.passes, passes, store.counts.hits) == (2, 2, 3)


def test_closing_frees_the_memory(episode: Episode):
    store = FrameStore()
    frames = store.episode(episode, FrameNeeds(jpegs={TOP: range(90)}, thumbnails={TOP: range(90)}))
    jpeg = weakref.ref(frames.jpeg(TOP, 3))
    thumbnail = weakref.ref(frames.thumbnail(TOP, 3))
    held = store.counts.held
    assert held >= 90 * 128 * 128 * 3
    assert store.counts.episodes == 1
    frames.close()
    frames.close()
    gc.collect()
    assert (jpeg(), thumbnail()) == (None, None)
    assert (store.counts.held, store.counts.peak, store.counts.episodes) == (0, held, 0)
    for use in (lambda: frames.jpeg(TOP, 3), lambda: frames.thumbnail(TOP, 3), frames.prepare):
        with pytest.raises(RuntimeError, match="episode 7 are closed"):
            use()


def test_closing_stops_a_pass_under_way_and_keeps_nothing(episode: Episode):
    store = FrameStore()
    frames = store.episode(episode, FrameNeeds(jpegs={TOP: range(90)}, thumbnails={TOP: range(90)}))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(frames.jpeg, TOP, 0)
        frames.close()
        with suppress(RuntimeError):
            asked.result()
    assert store.counts.held == 0


def test_thumbnails_cannot_be_painted_on(episode: Episode):
    with FrameStore().episode(episode) as frames, pytest.raises(ValueError, match="read-only"):
        frames.thumbnail(TOP, 0)[0, 0] = 255


def test_a_truncated_video_fails_its_camera_alone_and_for_good(episode: Episode, tmp_path: Path):
    broken = write_video(tmp_path / "broken.mp4", range(90), options={"g": "10"}, faststart=True)
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    handles = episode.handles | {WRIST: VideoClip(broken, 0.0)}
    store = FrameStore()
    needs = FrameNeeds(jpegs={camera: range(0, 90, 10) for camera in handles})
    with store.episode(make_episode(handles, 90), needs) as frames:
        for frame in (80, 0, 80):
            with pytest.raises(FrameError, match=rf"camera {WRIST}: .*broken\.mp4"):
                frames.jpeg(WRIST, frame)
        assert number_of(picture(frames.jpeg(TOP, 80).data)) == 80
        assert store.counts.passes == 2


def test_unknown_cameras_are_named_when_declared(episode: Episode):
    with pytest.raises(EpisodeError, match="no frames for camera left"):
        FrameStore().episode(episode, FrameNeeds(jpegs={"left": [0]}))


def test_needs_join(episode: Episode):
    both = FrameNeeds(jpegs={TOP: [1, 2]}) | FrameNeeds(
        jpegs={TOP: [2, 3], WRIST: [4]}, thumbnails={TOP: [5]}
    )
    assert {camera: sorted(frames) for camera, frames in both.jpegs.items()} == {TOP: [1, 2, 3], WRIST: [4]}
    assert {camera: sorted(frames) for camera, frames in both.thumbnails.items()} == {TOP: [5]}


def annotate_all(store: FrameStore, episodes: list[Episode], needs: FrameNeeds) -> tuple[list[int], int]:
    """Order in which episodes were let in, and the most that were open at a time."""
    order: list[int] = []
    most = 0

    async def annotate(episode: Episode) -> None:
        nonlocal most
        async with store.admit(episode, needs) as frames:
            order.append(episode.index)
            most = max(most, store.counts.episodes)
            await asyncio.to_thread(frames.prepare)

    async def run() -> None:
        await asyncio.gather(*(annotate(episode) for episode in episodes))

    asyncio.run(asyncio.wait_for(run(), 60))
    return order, most


def many(episode: Episode, count: int) -> list[Episode]:
    return [make_episode(episode.handles, 90, index=index, side=128) for index in range(count)]


def test_admission_bounds_memory_and_goes_in_order(episode: Episode):
    needs = FrameNeeds(thumbnails={TOP: range(0, 90, 10)})
    one = 9 * 128 * 128 * 3
    for room, expected in ((1, 1), (one, 1), (3 * one, 3)):
        store = FrameStore(FrameSettings(max_bytes=room))
        order, _ = annotate_all(store, many(episode, 8), needs)
        assert order == list(range(8))
        assert store.counts.peak <= expected * one
        assert (store.counts.held, store.counts.episodes) == (0, 0)


def test_all_episodes_are_open_together_where_there_is_room(episode: Episode):
    opened: list[int] = []

    async def run() -> None:
        store = FrameStore()
        together = asyncio.Barrier(8)

        async def annotate(episode: Episode) -> None:
            async with store.admit(episode) as frames:
                await together.wait()
                opened.append(frames.episode.index)

        await asyncio.gather(*(annotate(episode) for episode in many(episode, 8)))

    asyncio.run(asyncio.wait_for(run(), 60))
    assert len(opened) == 8


def test_episodes_that_fail_or_are_cancelled_make_room(episode: Episode):
    needs = FrameNeeds(thumbnails={TOP: range(90)})

    async def run() -> None:
        store = FrameStore(FrameSettings(max_bytes=1))

        async def fail(episode: Episode) -> None:
            async with store.admit(episode, needs):
                await asyncio.sleep(0)
                raise KeyError(episode.index)

        async def hang(episode: Episode) -> None:
            async with store.admit(episode, needs):
                await asyncio.Event().wait()

        first, *rest = many(episode, 6)
        held = asyncio.create_task(hang(first))
        waiting = [asyncio.create_task(fail(episode)) for episode in rest]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in waiting)
        waiting[0].cancel()
        waiting[2].cancel()
        held.cancel()
        results = await asyncio.gather(held, *waiting, return_exceptions=True)
        kinds = [type(result) for result in results]
        cancelled = asyncio.CancelledError
        assert kinds == [cancelled, cancelled, KeyError, cancelled, KeyError, KeyError]
        async with store.admit(first, needs):
            assert store.counts.episodes == 1
        assert store.counts.episodes == 0

    asyncio.run(asyncio.wait_for(run(), 60))
