"""Where v3.0 datasets have their files: a running number goes in, the path of a file comes out.

Source: lerobot 0.6.1.
"""

from __future__ import annotations

DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"

FILES_PER_CHUNK = 1000

MEBIBYTE = 2**20
"""What LeRobot counts the sizes of files in."""


def place(number: int) -> tuple[int, int]:
    """Chunk, and file in that chunk, of the file with this running number."""
    return divmod(number, FILES_PER_CHUNK)


def path(template: str, number: int, video_key: str = "") -> str:
    """Path of the file with this running number, relative to the root."""
    chunk, file = place(number)
    return template.format(chunk_index=chunk, file_index=file, video_key=video_key)
