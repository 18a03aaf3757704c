"""The server that both tools of a benchmark ask: requests go in; answers that each takes come out, the same to both.

    python benchmarks/mock_server.py --latency 0.3 --slots 16

Its first line is its address; ``GET /stats`` tells what it saw since the last ``GET /reset``. Four subtasks in
every episode, whoever asks. It must cost little: it shares the machine with those it answers.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fake_openai_server import Body, FakeServer, instance, is_probe, schema_in, texts

MODEL = "fake-vlm"
SUBTASKS = (
    (0.0, "reach for the yellow bottle"),
    (0.3, "grasp the yellow bottle"),
    (0.62, "lift the yellow bottle"),
    (0.94, "hold the yellow bottle"),
)
"""Where each subtask begins, as a share of the episode, and its name."""

VQA: Mapping[str, Any] = {
    "bbox": {"detections": [{"label": "yellow bottle", "bbox_format": "xyxy", "bbox": [210, 140, 290, 320]}]},
    "keypoint": {"label": "yellow bottle", "point_format": "xy", "point": [250, 230]},
    "count": {"label": "yellow bottle", "count": 1},
    "attribute": {"label": "yellow bottle", "attribute": "color", "value": "yellow"},
    "spatial": {"subject": "yellow bottle", "relation": "on", "object": "table"},
}
DESCRIPTION = "0.0-3.0s: the right hand moves to the bottle. 3.0-8.0s: it closes on the bottle and lifts it."
REPHRASINGS = [f"{words} the yellow bottle on the table" for words in (
    "Grab", "Take", "Lift", "Please pick up", "Could you pick up", "Get", "Fetch", "Raise", "I need", "Now take",
)]  # fmt: skip

REQUESTS: Mapping[str, str] = {
    "negative task": "Don't do anything else, just {}.",
    "situated correction": "No, not like that, {}.",
    "specific constraint": "Just {}, nothing else.",
    "preference": "I'd like you to {} now.",
    "implicit request": "I can't wait to see you {}.",
    "encouragement": "Good work, you {} next.",
}


def answer(body: Body) -> str:
    """The assistant's words."""
    schema = schema_in(body)
    if schema is not None and not is_probe(body):
        return json.dumps(to_schema(schema, body))
    return json.dumps(to_prompt(texts(body))) if schema is None else json.dumps(instance(schema, Random(0)))


def to_prompt(text: str) -> Any:
    """The answer to one of lerobot-annotate's prompts, which spell out the JSON they want."""
    if '"rephrasings"' in text:
        return {"rephrasings": REPHRASINGS}
    if '"subtasks"' in text:
        found = re.search(r"within\s+\[0\.0, ([\d.]+)\]", text)
        assert found is not None
        return {"subtasks": [
            {"text": label, "start": start, "end": end} for start, end, label in subtasks(float(found[1]))
        ]}  # fmt: skip
    if '"description"' in text:
        return {"description": DESCRIPTION}
    if '"memory"' in text:
        return {"memory": "I reached for the bottle and took hold of it."}
    if '"interjection"' in text:
        return {"interjection": "Now go ahead, please.", "speech": "On it."}
    if '"question"' in text:
        kind = text.partition('Generate a question of type "')[2].partition('"')[0]
        return {"question": "What about the yellow bottle?", "answer": VQA[kind]}
    return {"text": "On it."}


def subtasks(duration: float) -> list[tuple[float, float, str]]:
    """Start, end and name of each subtask, in seconds."""
    starts = [round(share * duration, 2) for share, _ in SUBTASKS]
    names = [name for _, name in SUBTASKS]
    return list(zip(starts, [*starts[1:], duration], names, strict=True))


def to_schema(schema: Any, body: Body) -> Any:
    """The answer that one of Roboscribe's schemas asks for."""
    names = schema["properties"]
    if "segments" in names:
        duration = names["segments"]["items"]["properties"]["end"]["maximum"]
        return {"segments": [
            {"start": start, "end": end, "label": label} for start, end, label in subtasks(duration)
        ]}  # fmt: skip
    if "texts" in names:
        return {"texts": REPHRASINGS}
    if "memories" in names:
        return {"memories": ["I took hold of the bottle."] * names["memories"]["minItems"]}
    if "opening" in names or "interjections" in names:
        kinds, begins = (
            re.findall(pattern, texts(body)) for pattern in (r"Kind of request: ([a-z ]+)", r'begins: "(.+)"')
        )
        said = [
            {"request": REQUESTS[kind].format(label), "speech": f"Okay, I'll {label}."}
            for kind, label in zip(kinds, begins, strict=True)
        ]
        talk = {"opening": "Okay, I'll pick up the yellow bottle.", "interjections": said}
        return {name: talk[name] for name in names}
    if "pictures" in names:
        return {"pictures": {
            number: about_picture(list(kinds["properties"]))
            for number, kinds in names["pictures"]["properties"].items()
        }}  # fmt: skip
    if list(names) == ["text"]:
        return {"text": DESCRIPTION}
    return instance(schema, Random(body.get("seed")))


def about_picture(kinds: list[str]) -> Any:
    """An answer of the first of these kinds, which is the one wanted; the others are spare."""
    found: dict[str, Any] = {"question": "What about the yellow bottle?"} | VQA[kinds[0]]
    for form in ("point_format", "bbox_format"):
        found.pop(form, None)
    if "detections" in found:
        found["detections"] = [{"label": d["label"], "bbox": d["bbox"]} for d in found["detections"]]
    return {kind: found if kind == kinds[0] else None for kind in kinds}


def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--latency", type=float, default=0.3)
    parser.add_argument("--slots", type=int, default=16)
    chosen = parser.parse_args()
    with FakeServer(chosen.latency, chosen.slots, answer, models=(MODEL,), keep=False) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
