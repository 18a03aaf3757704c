"""Which picture of a video a frame index gets, and what is said when there is none."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from frames.barcodes import barcode, make_episode, number_of, write_video

from roboscribe.episode import VideoClip
from roboscribe.errors import EpisodeError, FrameError
from roboscribe.frames import read_frames

CAMERA = "observation.images.top"

SVT = {"preset": "10", "crf": "20", "svtav1-params": "lp=1:enable-tf=0"}

ENCODINGS = {
    "h264-b-frames": ("libx264", {"g": "10", "bf": "3", "b-pyramid": "normal", "sc_threshold": "0"}),
    "h264-open-gop": ("libx264", {"x264-params": "keyint=10:min-keyint=10:open-gop=1:bframes=3:scenecut=0"}),
    "h264-one-keyframe": ("libx264", {"g": "1000", "sc_threshold": "0"}),
    "h264-keyframe-every-second-frame": ("libx264", {"g": "2", "bf": "0"}),
    "hevc-open-gop": (
        "libx265",
        {"x265-params": "keyint=10:min-keyint=10:bframes=3:scenecut=0:log-level=none"},
    ),
    "hevc-closed-gop": ("libx265", {"x265-params": "keyint=10:open-gop=0:bframes=3:log-level=none"}),
    "av1": ("libsvtav1", {"g": "10"} | SVT),
    "av1-keyframe-every-second-frame": ("libsvtav1", {"g": "2"} | SVT),
}


def clip_episode(path: Path, frames: int, *, start: float = 0.0, fps: float = 30.0):
    return make_episode({CAMERA: VideoClip(path, start)}, frames, fps=fps)


def read(
    path: Path, wanted: list[int], frames: int, *, start: float = 0.0, fps: float = 30.0
) -> dict[int, int]:
    """Number shown by frame index, in the order in which they came."""
    episode = clip_episode(path, frames, start=start, fps=fps)
    return {frame.index: number_of(frame.rgb()) for frame in read_frames(episode, CAMERA, wanted)}


def read_until_error(path: Path, frames: int) -> tuple[dict[int, int], FrameError]:
    """All frames that come before reading fails, and the failure."""
    got: dict[int, int] = {}
    try:
        for frame in read_frames(clip_episode(path, frames), CAMERA, range(frames)):
            got[frame.index] = number_of(frame.rgb())
    except FrameError as error:
        return got, error
    raise AssertionError("nothing was found wrong")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_choice_of_frames_gets_exactly_those_frames(tmp_path: Path, encoding: str):
    codec, options = ENCODINGS[encoding]
    video = write_video(tmp_path / "a.mp4", range(95), codec=codec, options=options)
    chance = random.Random(0)
    choices = [[frame] for frame in (0, 1, 9, 10, 11, 12, 48, 93, 94)]
    choices += [chance.sample(range(95), count) for count in (2, 3, 5, 8, 20, 60, 95) for _ in range(3)]
    for wanted in choices:
        assert list(read(video, wanted, 95).items()) == [(frame, frame) for frame in sorted(wanted)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize("fps", [20, 30, 50, Fraction(30000, 1001), Fraction(24000, 1001)])
def test_frame_rates_and_containers(tmp_path: Path, fps: Fraction | int, suffix: str):
    video = write_video(tmp_path / f"a.{suffix}", range(120), fps=fps, options={"g": "12", "bf": "2"})
    wanted = [0, 1, 37, 38, 60, 118, 119]
    assert read(video, wanted, 120, fps=float(fps)) == {frame: frame for frame in wanted}


@pytest.mark.parametrize("encoding", ["h264-b-frames", "hevc-open-gop", "av1"])
def test_episodes_packed_into_one_file_keep_to_their_own_frames(tmp_path: Path, encoding: str):
    codec, options = ENCODINGS[encoding]
    lengths = [31, 17, 1, 44]
    video = write_video(tmp_path / "packed.mp4", range(sum(lengths)), codec=codec, options=options)
    before = 0
    for length in lengths:
        wanted = sorted({0, length // 2, length - 1})
        assert read(video, wanted, length, start=before / 30) == {frame: before + frame for frame in wanted}
        before += length


@pytest.mark.parametrize("shift", [-0.016, -0.004, 0.004, 0.016])
def test_a_start_that_is_a_little_off_gets_the_nearest_frame(tmp_path: Path, shift: float):
    video = write_video(tmp_path / "a.mp4", range(90), options={"g": "10", "bf": "2"})
    assert read(video, [0, 9, 10, 29], 30, start=1.0 + shift) == {0: 30, 9: 39, 10: 40, 29: 59}


def test_timestamps_are_followed_not_frame_numbers(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", [0, 1, 2, 5, 6, 7], ticks=[0, 1, 2, 5, 6, 7], options={"bf": "0"})
    assert read(video, [2, 5, 7], 8) == {2: 2, 5: 5, 7: 7}


def test_a_frame_dropped_from_the_video_is_not_replaced(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", [0, 1, 2, 6, 7], ticks=[0, 1, 2, 6, 7], options={"bf": "0"})
    with pytest.raises(FrameError, match=r"a\.mp4 has no frame at 0\.13 s, where frame 4 should be"):
        read(video, [2, 4, 6], 8)


def test_colours_keep_their_channels_and_brightness(tmp_path: Path):
    for pix_fmt, codec, colour_range in [
        ("yuv420p", "libx264", 1),
        ("yuvj420p", "libx264", 2),
        ("yuv444p", "libx264", 1),
        ("yuv420p10le", "libx265", 1),
    ]:
        path = tmp_path / f"{pix_fmt}.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=30)
            stream.width = stream.height = 64
            stream.pix_fmt = pix_fmt
            stream.codec_context.color_range = colour_range
            # Of a single frame, libx265 knows no decoding time unless frames come in their order.
            stream.options = {"x265-params": "log-level=none:bframes=0"} if codec == "libx265" else {}
            colour = np.broadcast_to(np.array([220, 100, 30], np.uint8), (64, 64, 3)).copy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(colour, format="rgb24")))
            container.mux(stream.encode(None))
        [frame] = read_frames(clip_episode(path, 1), CAMERA, [0])
        rgb = frame.rgb()
        assert rgb.shape == (64, 64, 3)
        assert rgb.dtype == np.uint8
        assert np.abs(rgb.reshape(-1, 3).mean(0) - [220, 100, 30]).max() < 12, pix_fmt


def test_far_apart_frames_decode_little_more_than_themselves(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", range(300), options={"g": "10", "bf": "0", "sc_threshold": "0"})
    frames = list(read_frames(clip_episode(video, 300), CAMERA, range(0, 300, 20)))
    assert [number_of(frame.rgb()) for frame in frames] == list(range(0, 300, 20))
    assert sum(frame.decoded for frame in frames) == 15


def test_no_picture_is_decoded_twice(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", range(100), options={"g": "30", "bf": "2"})
    for step in (1, 2, 5, 7):
        frames = list(read_frames(clip_episode(video, 100), CAMERA, range(0, 100, step)))
        assert sum(frame.decoded for frame in frames) <= 100, step


def test_duplicates_come_once(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", range(10))
    assert list(read(video, [5, 2, 5, 2], 10)) == [2, 5]


def test_no_frames_wanted_opens_nothing(tmp_path: Path):
    assert read(tmp_path / "missing.mp4", [], 10) == {}


def test_missing_file_is_named_with_episode_and_camera(tmp_path: Path):
    path = tmp_path / "missing.mp4"
    with pytest.raises(FrameError) as caught:
        read(path, [0], 10)
    assert str(caught.value) == (
        f"Episode 7, camera {CAMERA}: {path} does not exist. Restore it, or leave this camera or episode out."
    )
    assert (caught.value.episode, caught.value.camera, caught.value.path) == (7, CAMERA, path)


@pytest.mark.parametrize("content", [b"", b"not a video at all\n" * 100, bytes(5000)])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with pytest.raises(
        FrameError, match=r"camera observation\.images\.top: .*bad\.mp4 cannot be opened as a video"
    ):
        read(path, [0], 10)


def test_sound_alone_is_refused(tmp_path: Path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(FrameError, match="holds no video stream"):
        read(path, [0], 10)


@pytest.mark.parametrize("encoding", ["h264-b-frames", "h264-one-keyframe", "hevc-open-gop", "av1"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.8, 0.97])
def test_a_video_cut_off_gives_true_frames_until_it_says_where_it_ends(
    tmp_path: Path, encoding: str, kept: float
):
    codec, options = ENCODINGS[encoding]
    video = write_video(tmp_path / "a.mp4", range(90), codec=codec, options=options, faststart=True)
    data = video.read_bytes()
    video.write_bytes(data[: int(len(data) * kept)])
    got, error = read_until_error(video, 90)
    assert re.search(r"a\.mp4 .*\d\.\d\d s|cannot be opened as a video", str(error))
    assert error.path == video
    assert got == {frame: frame for frame in got}
    assert len(got) < 90
    with pytest.raises(FrameError):
        read(video, [89], 90)


def test_a_picture_of_which_a_part_was_cut_off_is_not_given(tmp_path: Path):
    options = {"x264-params": "slices=4:keyint=1:bframes=0", "g": "1"}
    video = write_video(tmp_path / "a.mp4", range(20), options=options, faststart=True, side=128)
    with av.open(str(video)) as container:
        *_, last = (packet for packet in container.demux(video=0) if packet.size)
        content = bytes(last)
        end = 0
        # Behind each length stands one slice: all but the last one stay.
        while (following := end + 4 + int.from_bytes(content[end : end + 4], "big")) < len(content):
            end = following
        kept = last.pos + end
    video.write_bytes(video.read_bytes()[:kept])
    assert read(video, list(range(19)), 20) == {frame: frame for frame in range(19)}
    with pytest.raises(FrameError, match=r"a\.mp4 is damaged at or after 0\.63 s"):
        read(video, [19], 20)


def test_a_video_cut_off_before_its_index_is_refused(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", range(90))
    video.write_bytes(video.read_bytes()[:-300])
    with pytest.raises(FrameError, match="cannot be opened as a video"):
        read(video, [0], 90)


@pytest.mark.parametrize("encoding", ["h264-b-frames", "hevc-closed-gop", "av1"])
def test_damage_in_the_middle_is_an_error_not_a_wrong_picture(tmp_path: Path, encoding: str):
    codec, options = ENCODINGS[encoding]
    video = write_video(tmp_path / "a.mp4", range(90), codec=codec, options=options, side=128)
    with av.open(str(video)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    target = next(packet for packet in packets[45:] if packet.is_keyframe)
    data = bytearray(video.read_bytes())
    data[target.pos + 8 : target.pos + target.size] = b"\xff" * (target.size - 8)
    video.write_bytes(data)
    got, error = read_until_error(video, 90)
    assert "is damaged at" in str(error)
    assert got == {frame: frame for frame in got}
    assert len(got) > 20


def test_an_episode_longer_than_its_video_ends_with_an_error(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", range(50), options={"g": "10"})
    assert read(video, [0, 49], 60) == {0: 0, 49: 49}
    for frame in (50, 59):
        with pytest.raises(FrameError, match=rf"has no frame at .*, where frame {frame} should be"):
            read(video, [0, frame], 60)


def test_a_start_before_the_video_is_an_error(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", range(50))
    with pytest.raises(FrameError, match=r"has no frame at -0\.50 s"):
        read(video, [0], 10, start=-0.5)


def test_frames_the_episode_does_not_have(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", range(10))
    for wanted in ([10], [-1], [0, 99]):
        with pytest.raises(IndexError, match="of an episode of 10 frames"):
            read(video, wanted, 10)


def test_a_camera_the_episode_does_not_have(tmp_path: Path):
    episode = clip_episode(tmp_path / "a.mp4", 10)
    with pytest.raises(
        EpisodeError, match=r"Episode 7 has no frames for camera wrist\. .*observation\.images\.top"
    ):
        read_frames(episode, "wrist", [0])


def test_downscaling_keeps_proportions_and_never_enlarges(tmp_path: Path):
    video = write_video(tmp_path / "a.mp4", [1234], side=128)
    [frame] = read_frames(clip_episode(video, 1), CAMERA, [0])
    assert frame.rgb(48).shape == (48, 48, 3)
    assert number_of(frame.rgb(48)) == 1234
    assert frame.rgb(4000).shape == (128, 128, 3)
    assert np.abs(frame.rgb().astype(int) - barcode(1234, 128)).mean() < 6
