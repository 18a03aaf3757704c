"""Make the bundled sample: some episodes of a LeRobot v3.0 dataset go in, a small dataset of them comes out.

    python tools/make_sample.py SOURCE GROUND_TRUTH TARGET --episodes 0 3 8

The sample in `src/roboscribe/sample` was made from the simulated SO-101 dataset with the episodes above.
Episodes are renumbered from 0; videos are encoded anew, smaller, with a keyframe every second.
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

VIDEO = "videos/{key}/chunk-000/file-000.mp4"
DATA = "data/chunk-000/file-000.parquet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("ground_truth", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--episodes", type=int, nargs="+", required=True)
    parser.add_argument("--crf", type=int, default=44, help="AV1 quality: higher is smaller")
    args = parser.parse_args()

    info = json.loads((args.source / "meta/info.json").read_text())
    fps = info["fps"]
    cameras = [key for key, feature in info["features"].items() if feature["dtype"] == "video"]
    data = pq.read_table(args.source / DATA)
    metadata = pq.read_table(args.source / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    tasks = pq.read_table(args.source / "meta/tasks.parquet").to_pylist()
    text_of = {row["task_index"]: row.get("__index_level_0__") or row["task"] for row in tasks}

    parts, table_rows, kept_tasks, frames = [], [], [], 0
    for new, old in enumerate(args.episodes):
        part = data.filter(pc.equal(data["episode_index"], old))
        task = text_of[part["task_index"][0].as_py()]
        if task not in kept_tasks:
            kept_tasks.append(task)
        count = len(part)
        columns = {
            "episode_index": np.full(count, new),
            "index": np.arange(frames, frames + count),
            "task_index": np.full(count, kept_tasks.index(task)),
        }
        for name, values in columns.items():
            part = part.set_column(part.schema.get_field_index(name), name, pa.array(values, pa.int64()))
        parts.append(part)
        row = {
            "episode_index": new,
            "tasks": [task],
            "length": count,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": frames,
            "dataset_to_index": frames + count,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        for key in cameras:
            row[f"videos/{key}/chunk_index"] = row[f"videos/{key}/file_index"] = 0
            row[f"videos/{key}/from_timestamp"] = frames / fps
            row[f"videos/{key}/to_timestamp"] = (frames + count) / fps
        table_rows.append(row)
        frames += count

    for folder in ("meta/episodes/chunk-000", "data/chunk-000"):
        (args.target / folder).mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(args.target / DATA, parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)
    pq.write_table(pa.Table.from_pylist(table_rows), args.target / "meta/episodes/chunk-000/file-000.parquet")
    import pandas as pd

    pd.DataFrame({"task_index": range(len(kept_tasks))}, index=kept_tasks).to_parquet(
        args.target / "meta/tasks.parquet"
    )
    count = len(args.episodes)
    info |= {"total_episodes": count, "total_frames": frames, "total_tasks": len(kept_tasks)}
    info["splits"] = {"train": f"0:{count}"}
    (args.target / "meta/info.json").write_text(json.dumps(info, indent=4) + "\n")
    # Per-feature statistics of the source stay: they normalise the same robot.
    (args.target / "meta/stats.json").write_bytes((args.source / "meta/stats.json").read_bytes())

    for key in cameras:
        spans = [
            (
                metadata[old][f"videos/{key}/from_timestamp"],
                metadata[old]["length"],
            )
            for old in args.episodes
        ]
        path = args.target / VIDEO.format(key=key)
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(args.source / VIDEO.format(key=key), spans, path, fps, args.crf)

    gold = json.loads(args.ground_truth.read_text())
    gold["dataset"] = "roboscribe sample"
    gold["episodes"] = [
        {**gold["episodes"][old], "episode_index": new} for new, old in enumerate(args.episodes)
    ]
    (args.target / "ground_truth.json").write_text(json.dumps(gold, separators=(",", ":")) + "\n")


def encode(source: Path, spans: list[tuple[float, int]], target: Path, fps: int, crf: int) -> None:
    """Cut spans of (start in seconds, frames) out of a video into one new file."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        video = reader.streams.video[0]
        stream = writer.add_stream("libsvtav1", rate=fps)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.options = {"crf": str(crf), "preset": "6", "g": str(fps)}
        stream.time_base = Fraction(1, fps)
        wanted = {round(start * fps) + frame for start, count in spans for frame in range(count)}
        written = 0
        for number, frame in enumerate(reader.decode(video)):
            if number in wanted:
                out = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
                out = out.reformat(format="yuv420p")
                out.pts, out.time_base = written, Fraction(1, fps)
                writer.mux(stream.encode(out))
                written += 1
        writer.mux(stream.encode(None))


if __name__ == "__main__":
    main()
