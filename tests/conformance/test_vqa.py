"""LeRobot's recipes render visual questions and traces, camera by camera, on the frames they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from make_dataset import make_dataset

from roboscribe.asks import Ask, AskAboutFrames, LocateGripper
from roboscribe.config import AnnotateSettings, TraceSettings, VqaSettings
from roboscribe.dataset import open_dataset
from roboscribe.language import EVENTS, PERSISTENT
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate

CAMERAS = ("observation.images.top", "observation.images.wrist")
QUESTIONS: dict[str, dict[str, Any]] = {
    "bbox": {"question": "Where is the cup?", "detections": [{"label": "cup", "bbox": [1, 2, 30, 40]}]},
    "keypoint": {"question": "Point to the cup.", "label": "cup", "point": [5, 6]},
    "count": {"question": "How many cups are there?", "label": "cup", "count": 2},
    "attribute": {"question": "What color is it?", "label": "cup", "attribute": "color", "value": "red"},
    "spatial": {"question": "Where is the cup?", "subject": "cup", "relation": "on", "object": "table"},
}


def answers(ask: Ask[Any]) -> Any:
    match ask:
        case AskAboutFrames():
            kinds = zip(ask.numbers, ask.inquiries, strict=True)
            return {"pictures": {n: {kind: QUESTIONS[kind] for kind in i.kinds} for n, i in kinds}}
        case LocateGripper():
            return {"pictures": {number: {name: [5, 6] for name in ask.names} for number in ask.numbers}}
        case _:
            raise AssertionError(ask)


@pytest.fixture
def questioned(tmp_path: Path) -> Path:
    root = make_dataset(tmp_path / "made", episodes=2, frames=30, cameras=CAMERAS)
    settings = AnnotateSettings(
        root=root,
        only=("vqa", "trace"),
        vqa=VqaSettings(consecutive=2),
        trace=TraceSettings(enabled=True, seconds=1.0, points=3, cameras=CAMERAS[:1]),
    )
    assert annotate(settings, model=ScriptedModel(answers, looks=True)).failed == 0
    return root


@pytest.mark.parametrize("camera", [None, *CAMERAS], ids=["any", "top", "wrist"])
def test_recipes_render_questions_and_traces_on_every_frame(
    load: Callable[[Path], Any], questioned: Path, camera: str | None
) -> None:
    """Also with LeRobot's own bindings, which take any camera's and so must not find two."""
    from lerobot.configs.recipe import MessageTurn, TrainingRecipe
    from lerobot.datasets.language_render import render_sample

    where = f", camera={camera}" if camera else ""
    own = {
        "vqa_query": f"emitted_at(t, style=vqa, role=user{where})",
        "vqa": f"emitted_at(t, style=vqa, role=assistant{where})",
    }
    recipe = TrainingRecipe(
        messages=[
            MessageTurn(role="user", content="${vqa_query}", stream="high_level", if_present="vqa_query"),
            *(
                MessageTurn(
                    role="assistant", content=f"${{{name}}}", stream="low_level", target=True, if_present=name
                )
                for name in ("vqa", "path")
            ),
        ],
        bindings={"path": f"emitted_at(t, style=trace, role=assistant{where})"} | (own if camera else {}),
    )
    ours, theirs = open_dataset(questioned), load(questioned)
    first, said = 0, Counter[str]()
    for index in ours.episode_indices:
        rows = [row for row in ours.language_rows(index) if camera in (None, row.camera)]
        for frame, time in enumerate(ours.episode(index).timestamps):
            item = theirs[first + frame]
            sample = render_sample(
                recipe=recipe,
                persistent=item[PERSISTENT],
                events=item[EVENTS],
                t=item["timestamp"].item(),
                sample_idx=first + frame,
                task=item["task"],
            )
            here = [row for row in rows if row.timestamp == float(time)]
            wanted = [
                row.content
                for style, role in (("vqa", "user"), ("vqa", "assistant"), ("trace", "assistant"))
                for row in here
                if (row.style, row.role) == (style, role)
            ]
            assert [message["content"] for message in (sample["messages"] if sample else ())] == wanted
            said.update(str(row.style) for row in here if row.role == "assistant")
        first += len(ours.episode(index).timestamps)
    # Two episodes of three seconds, two frames in a row, two cameras; a path begins every second.
    assert said == {"vqa": 24 if camera is None else 12} | ({} if camera == CAMERAS[1] else {"trace": 6})
