"""Estimates beside runs of real models, tiny and random, in this process: what is read is foreseen to the token.

What a random model writes means nothing. So only asks are put whose words do not depend on answers to others, and
what is said about answers that will not do, which nobody foresees, is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from real_models import require

from roboscribe.config import (
    AnnotateSettings,
    FramesSettings,
    InterjectionsSettings,
    MemorySettings,
    SubtasksSettings,
    TaskAugSettings,
    VlmSettings,
    VqaSettings,
)
from roboscribe.estimation import estimate
from roboscribe.models.request import Reply, Request
from roboscribe.pipeline import annotate

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("dataset", ["g1_bottle_v21", "so101_sim_bricks"])
@pytest.mark.parametrize(
    ("architecture", "frames"),
    [
        ("qwen2_5_vl", FramesSettings()),
        ("qwen3_vl", FramesSettings(per_ask=8, columns=3)),
        ("qwen3_vl", FramesSettings(form="video")),
    ],
)
def test_what_a_model_reads_is_foreseen(
    architecture: str,
    frames: FramesSettings,
    dataset: str,
    tiny_model: Callable[[str], Path],
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require("transformers", "xgrammar", "accelerate")
    settings = AnnotateSettings(
        root=shared_data / dataset,
        output_dir=tmp_path / "annotated",
        episodes=("0-1",),
        frames=frames,
        subtasks=SubtasksSettings(describe=False, most=2),
        task_aug=TaskAugSettings(count=2),
        memory=MemorySettings(enabled=False),
        interjections=InterjectionsSettings(enabled=False),
        vqa=VqaSettings(enabled=False),
        vlm=VlmSettings(
            model_id=str(tiny_model(architecture)),
            backend="transformers",
            device="cpu",
            temperature=1.0,
            max_new_tokens=2048,
            cache=False,
        ),
    )
    from roboscribe.models.transformers import Backend

    first: dict[tuple[str, int], tuple[int, int]] = {}
    answer = Backend.complete

    async def complete(self: Backend, request: Request) -> Reply:
        reply = await answer(self, request)
        question = replace(request, seed=0, max_tokens=0, turns=()).digest
        # A question that is begun again has one of the next two seeds.
        if not any((question, request.seed - again) in first for again in (0, 1, 2)):
            first[question, request.seed] = (len(request.pictures), reply.usage.prompt_tokens)
        return reply

    monkeypatch.setattr(Backend, "complete", complete)
    found = estimate(settings)
    assert first == {}
    finished = annotate(settings)
    assert (finished.failed, found.failures) == (0, ())
    assert "processor" in found.assumptions[0]
    assert found.total.calls == len(first)
    assert found.total.images == sum(images for images, _ in first.values())
    assert found.total.prompt_tokens == sum(tokens for _, tokens in first.values())
