"""Tiny models divide and talk about the shared datasets for real, in this process; what they say means nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imagining import column, said
from real_models import require

from roboscribe.asks import Occasion
from roboscribe.config import DialogueSettings, SkillsSettings, VlmSettings
from roboscribe.events import EpisodeFailed, Event
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.hirobot.skills import make_skills

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("architecture", "name"), [("qwen2_5_vl", "so101_sim_bricks"), ("qwen3_vl", "g1_bottle_v21")]
)
def test_skills_then_dialogue_from_pictures_and_from_the_whole_episode(
    architecture: str,
    name: str,
    tiny_model: Callable[[str], Path],
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require("transformers", "xgrammar", "accelerate")
    # Letters at random name no object; all else of an answer is held to.
    monkeypatch.setattr(Occasion, "fault", lambda *_: "")
    failed: list[Event] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpisodeFailed):
            failed.append(event)

    def settings(root: Path, out: Path) -> dict[str, Any]:
        model = str(tiny_model(architecture))
        vlm = VlmSettings(model_id=model, backend="transformers", device="cpu", temperature=1.0, cache=False)
        return {"root": root, "output_dir": out, "episodes": ("0", "1"), "vlm": vlm}

    skills = tmp_path / "skills"
    divided = make_skills(SkillsSettings(**settings(shared_data / name, skills)), listen)
    assert (divided.annotated, failed) == (2, [])
    assert divided.spent.images > 0
    for video_mode in (False, True):
        out = tmp_path / f"out-{video_mode}"
        given = DialogueSettings(**settings(skills, out), sample_interval=4.0, video_mode=video_mode)
        finished = make_dialogue(given, listen)
        assert (finished.annotated, failed) == (2, [])
        assert finished.spent.images >= 2
        lines = said(out)
        assert finished.rows == len(lines) > 2
        assert {line["episode_id"] for line in lines} == {0, 1}
        numbers = column(out, "task_index_high_level")
        assert min(numbers[0] + numbers[1]) >= 0
