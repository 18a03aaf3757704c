"""The frames of a run: annotators say which frames they need, each is decoded once, encoded once and shared.

A pass over a camera decodes all frames declared by then and makes the wanted forms of each; whoever asks
meanwhile waits for it. Frames live as long as their episode is open and are never evicted, since they would
have to be decoded again; memory is bounded by how many episodes are let in (``FrameStore.admit``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from types import TracebackType
from typing import TypeVar

from roboscribe.episode import Camera, Episode
from roboscribe.errors import FrameError
from roboscribe.frames.decode import read_frames, require_handle
from roboscribe.frames.picture import QUALITY, RGB, Jpeg, encode, fit
from roboscribe.memory import give_back

Form = TypeVar("Form")

BYTES_PER_PIXEL = 0.15
"""Generous size of a JPEG of a robot's camera; used to decide who is let in."""

GIVEN_BACK_AT = 16_000_000
"""Bytes of frames let go of after which memory is given back to the system."""


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """Forms in which frames are given to models.

    Attributes:
        quality: JPEG quality, 1 to 95.
        max_side: Pixels of the longer side of a JPEG at most; None keeps the camera's size.
        thumbnail_side: Pixels of the longer side of a thumbnail at most.
        max_bytes: Bytes that the frames of admitted episodes may take together.
    """

    quality: int = QUALITY
    max_side: int | None = None
    thumbnail_side: int = 224
    max_bytes: int = 128_000_000


@dataclass(frozen=True)
class FrameNeeds:
    """Frames that will be asked for.

    Attributes:
        jpegs: Frame indices by camera key, as full-size JPEGs.
        thumbnails: Frame indices by camera key, as small RGB arrays.
    """

    jpegs: Mapping[str, Iterable[int]] = field(default_factory=dict[str, Iterable[int]])
    thumbnails: Mapping[str, Iterable[int]] = field(default_factory=dict[str, Iterable[int]])

    def __bool__(self) -> bool:
        """Whether any frame is needed."""
        return any(map(bool, (*self.jpegs.values(), *self.thumbnails.values())))

    def __or__(self, other: FrameNeeds) -> FrameNeeds:
        """Everything that either needs."""
        return FrameNeeds(_merge(self.jpegs, other.jpegs), _merge(self.thumbnails, other.thumbnails))


@dataclass(slots=True)
class FrameCounts:
    """What the store has done so far.

    Attributes:
        passes: Times a camera of an episode was opened and decoded.
        decoded: Pictures decoded, those in between included.
        frames: Frames taken from them.
        repeats: Of these, frames taken before in another form that was not declared in time.
        encoded: JPEGs encoded.
        passed_through: JPEGs that the dataset stores and that were used as they are.
        thumbnails: Thumbnails made.
        hits: Requests that no pass was made for.
        held: Bytes held by open episodes now.
        peak: Most bytes held at a time.
        episodes: Episodes open now.
    """

    passes: int = 0
    decoded: int = 0
    frames: int = 0
    repeats: int = 0
    encoded: int = 0
    passed_through: int = 0
    thumbnails: int = 0
    hits: int = 0
    held: int = 0
    peak: int = 0
    episodes: int = 0


class FrameStore:
    """Shared by all annotators of a run; may be used from any thread, ``admit`` from one event loop."""

    def __init__(self, settings: FrameSettings | None = None) -> None:
        self.settings = settings or FrameSettings()
        self._counts = FrameCounts()
        self._lock = Lock()
        self._admitted: set[EpisodeFrames] = set()
        self._let_go = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @property
    def counts(self) -> FrameCounts:
        """A copy of the counters."""
        with self._lock:
            return replace(self._counts)

    def episode(self, episode: Episode, needs: FrameNeeds | None = None) -> EpisodeFrames:
        """Open an episode's frames; nothing is decoded before the first is asked for. Never waits."""
        return EpisodeFrames(self, episode, needs or FrameNeeds())

    @asynccontextmanager
    async def admit(self, episode: Episode, needs: FrameNeeds | None = None) -> AsyncGenerator[EpisodeFrames]:
        """Open an episode's frames when there is room, first come first served, and close them after.

        There is room when the frames of all admitted episodes, as held or as estimated from what is declared,
        stay within ``max_bytes``; one episode alone is always let in.
        """
        frames = self.episode(episode, needs)
        try:
            async with self._turn:
                while self._admitted and not self._fits(frames):
                    self._freed.clear()
                    await self._freed.wait()
                self._admitted.add(frames)
            yield frames
        finally:
            frames.close()
            self._admitted.discard(frames)
            self._freed.set()

    def _fits(self, frames: EpisodeFrames) -> bool:
        taken = sum(other.footprint for other in self._admitted)
        return taken + frames.footprint <= self.settings.max_bytes

    def add(self, **amounts: int) -> None:
        """Add to the counters of these names."""
        with self._lock:
            for name, amount in amounts.items():
                setattr(self._counts, name, getattr(self._counts, name) + amount)
            self._counts.peak = max(self._counts.peak, self._counts.held)

    def let_go(self, nbytes: int) -> None:
        """Account for an episode that was closed, and for the bytes its frames took."""
        self.add(episodes=-1, held=-nbytes)
        with self._lock:
            self._let_go += nbytes
            if self._let_go < GIVEN_BACK_AT:
                return
            self._let_go = 0
        give_back()


@dataclass(slots=True)
class _CameraFrames:
    """Frames of one camera: what is wanted, what is there, and why no more can come."""

    lock: Lock = field(default_factory=Lock)
    wanted_jpegs: set[int] = field(default_factory=set[int])
    wanted_thumbnails: set[int] = field(default_factory=set[int])
    jpegs: dict[int, Jpeg] = field(default_factory=dict[int, Jpeg])
    thumbnails: dict[int, RGB] = field(default_factory=dict[int, RGB])
    error: FrameError | None = None


class EpisodeFrames:
    """Frames of one open episode; use it as a context manager or close it.

    Methods block while they decode: call them from a thread where that matters.
    """

    def __init__(self, store: FrameStore, episode: Episode, needs: FrameNeeds) -> None:
        self.episode = episode
        self._store = store
        self._settings = store.settings
        self._lock = Lock()
        self._cameras: dict[str, _CameraFrames] = {}
        self._held = 0
        self._closed = False
        self.need(needs)
        store.add(episodes=1)

    def __enter__(self) -> EpisodeFrames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def need(self, needs: FrameNeeds) -> None:
        """Declare frames before they are asked for, so that one pass serves all. Never waits.

        Raises:
            EpisodeError: The episode has no such camera.
        """
        for camera, frames in needs.jpegs.items():
            state = self._camera(camera)
            with self._lock:
                state.wanted_jpegs.update(frames)
        for camera, frames in needs.thumbnails.items():
            state = self._camera(camera)
            with self._lock:
                state.wanted_thumbnails.update(frames)

    def jpeg(self, camera: str, frame: int) -> Jpeg:
        """A frame as JPEG.

        Raises:
            EpisodeError: The episode has no such camera.
            FrameError: A needed frame of this camera cannot be read; from then on the same at every call.
        """
        state = self._camera(camera)
        return self._get(camera, state, state.jpegs, frame, FrameNeeds(jpegs={camera: (frame,)}))

    def thumbnail(self, camera: str, frame: int) -> RGB:
        """A frame as a small RGB array, uint8 [height, width, 3]; shared and read-only.

        Raises:
            EpisodeError: The episode has no such camera.
            FrameError: A needed frame of this camera cannot be read; from then on the same at every call.
        """
        state = self._camera(camera)
        return self._get(camera, state, state.thumbnails, frame, FrameNeeds(thumbnails={camera: (frame,)}))

    def drawn(
        self,
        draw: Callable[[], RGB],
        size: tuple[int, int],
        cameras: Sequence[str],
        indices: Sequence[int],
        quality: int,
    ) -> Jpeg:
        """A picture made of frames, such as a contact sheet.

        Args:
            draw: Makes it.
            size: Its width and height in pixels.
            cameras: Camera keys it shows.
            indices: Frame indices it shows.
            quality: JPEG quality, 1 to 95.
        """
        return Jpeg(encode(draw(), quality), *size, *size, self.origin(cameras, indices))

    def origin(self, cameras: Sequence[str], indices: Sequence[int]) -> str:
        """What a picture of these frames shows, in a form that names it without its pixels."""
        return f"{self.episode.digest} {','.join(cameras)} {','.join(map(str, indices))}"

    def prepare(self) -> None:
        """Decode now all that has been declared.

        Raises:
            FrameError: A frame cannot be read.
        """
        for camera, state in list(self._cameras.items()):
            with state.lock:
                self._check_usable(state)
                self._decode(camera, state)

    @property
    def footprint(self) -> int:
        """Bytes its frames take, or are estimated to take once all that is declared is there."""
        declared = 0
        for camera in self.episode.cameras:
            state = self._cameras.get(camera.key)
            if state is not None:
                jpeg = self._pixels(camera, self._settings.max_side) * BYTES_PER_PIXEL * 7 / 3
                thumbnail = self._pixels(camera, self._settings.thumbnail_side) * 3
                declared += int(len(state.wanted_jpegs) * jpeg + len(state.wanted_thumbnails) * thumbnail)
        return max(declared, self._held)

    def close(self) -> None:
        """Let go of all frames; a pass under way stops at its next frame. Closing again does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            held, self._held = self._held, 0
            for state in self._cameras.values():
                state.jpegs.clear()
                state.thumbnails.clear()
        self._store.let_go(held)

    def _camera(self, key: str) -> _CameraFrames:
        require_handle(self.episode, key)
        with self._lock:
            return self._cameras.setdefault(key, _CameraFrames())

    def _get(
        self, camera: str, state: _CameraFrames, made: Mapping[int, Form], frame: int, needs: FrameNeeds
    ) -> Form:
        with state.lock:
            self._check_usable(state)
            if frame in made:
                self._store.add(hits=1)
            else:
                self.need(needs)
                self._decode(camera, state)
            with self._lock:
                self._check_open()
                return made[frame]

    def _check_usable(self, state: _CameraFrames) -> None:
        self._check_open()
        if state.error is not None:
            raise state.error.with_traceback(None)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError(f"the frames of episode {self.episode.index} are closed")

    def _decode(self, camera: str, state: _CameraFrames) -> None:
        """Make every declared form that is not there yet, in one pass; ``state.lock`` is held."""
        with self._lock:
            jpeg_frames = state.wanted_jpegs - state.jpegs.keys()
            thumbnail_frames = state.wanted_thumbnails - state.thumbnails.keys()
        wanted = jpeg_frames | thumbnail_frames
        if not wanted:
            return
        self._store.add(passes=1)
        again = len(wanted & (state.jpegs.keys() | state.thumbnails.keys()))
        jpegs: dict[int, Jpeg] = {}
        thumbnails: dict[int, RGB] = {}
        decoded = 0
        passed = 0
        try:
            for frame in read_frames(self.episode, camera, wanted):
                self._check_open()
                decoded += frame.decoded
                if frame.index in jpeg_frames:
                    jpeg = frame.jpeg(self._settings.quality, self._settings.max_side)
                    passed += jpeg.data is frame.stored_jpeg
                    jpegs[frame.index] = replace(jpeg, origin=self.origin((camera,), (frame.index,)))
                if frame.index in thumbnail_frames:
                    thumbnail = frame.rgb(self._settings.thumbnail_side)
                    thumbnail.flags.writeable = False
                    thumbnails[frame.index] = thumbnail
        except FrameError as error:
            state.error = error
            raise
        held = sum(jpeg.nbytes for jpeg in jpegs.values()) + sum(
            small.nbytes for small in thumbnails.values()
        )
        with self._lock:
            self._check_open()
            state.jpegs.update(jpegs)
            state.thumbnails.update(thumbnails)
            self._held += held
        self._store.add(
            decoded=decoded,
            frames=len(wanted),
            repeats=again,
            encoded=len(jpegs) - passed,
            passed_through=passed,
            thumbnails=len(thumbnails),
            held=held,
        )

    @staticmethod
    def _pixels(camera: Camera, max_side: int | None) -> int:
        width, height = fit(camera.width or 640, camera.height or 480, max_side)
        return width * height


def _merge(one: Mapping[str, Iterable[int]], other: Mapping[str, Iterable[int]]) -> dict[str, Iterable[int]]:
    return {camera: {*one.get(camera, ()), *other.get(camera, ())} for camera in {**one, **other}}
