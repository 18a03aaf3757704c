"""Flags of `roboscribe subtasks` and `roboscribe dialogue`: the short ones of older scripts, and what cannot be."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from roboscribe.cli.aliases import ALIASES, SHORT
from roboscribe.cli.flags import flag_types, parse_flags
from roboscribe.config import DialogueSettings, ExecutorSettings, SkillsSettings
from roboscribe.errors import SettingsError

CASES = [
    (["--data-dir", "d"], "root", Path("d")),
    (["--root", "d", "--model", "Qwen/Qwen2-VL-7B-Instruct"], "vlm.model_id", "Qwen/Qwen2-VL-7B-Instruct"),
    (["--root", "d", "--device", "cuda"], "vlm.device", "cuda"),
    (["--root", "d", "--dtype", "bfloat16"], "vlm.dtype", "bfloat16"),
    (["--root", "d", "--batch-size", "8"], "vlm.batch_size", 8),
    (["--root", "d", "--temperature", "0.9"], "vlm.temperature", 0.9),
    (["--root", "d", "--video-key", "observation.images.top"], "frames.cameras", ("observation.images.top",)),
    (["--root", "d", "--episodes", "0", "1", "2"], "episodes", ("0", "1", "2")),
    (["--repo-id", "a/b", "--output-dir", "o"], "output_dir", Path("o")),
    (["--repo-id", "a/b", "--push-to-hub"], "push_to_hub", True),
    (["--root", "d", "--vlm.client_concurrency=4"], "vlm.client_concurrency", 4),
]
DIALOGUE = [
    (["--image-key", "observation.images.top"], "image_key", ("observation.images.top",)),
    (["--num-image-views-per-sample", "2"], "num_image_views_per_sample", 2),
    (["--sample-interval", "0.5"], "sample_interval", 0.5),
    (["--video-mode"], "video_mode", True),
    (["--video-mode", "--video-batch-size", "2"], "video_batch_size", 2),
    (["--skills", "auto"], "skills", "auto"),
    (["--tasks", "append"], "tasks", "append"),
    ([], "vlm.temperature", 0.7),
]


def setting(settings: Any, path: str) -> Any:
    return reduce(getattr, path.split("."), settings)


@pytest.mark.parametrize("kind", [SkillsSettings, DialogueSettings])
@pytest.mark.parametrize(("words", "path", "value"), CASES)
def test_the_flags_of_older_scripts_work(kind: type[Any], words: list[str], path: str, value: Any) -> None:
    assert setting(parse_flags(kind, words, "roboscribe"), path) == value


@pytest.mark.parametrize(("words", "path", "value"), DIALOGUE)
def test_the_flags_of_dialogue(words: list[str], path: str, value: Any) -> None:
    assert setting(parse_flags(DialogueSettings, ["--root", "d", *words], "roboscribe"), path) == value


def test_every_short_flag_is_tried_and_is_no_other_flag() -> None:
    tried = {word.removeprefix("--") for words, _, _ in CASES for word in words}
    assert SHORT.keys() <= tried
    assert SHORT.keys().isdisjoint(ALIASES)
    assert SHORT.keys().isdisjoint(dict(flag_types(DialogueSettings)))


@pytest.mark.parametrize(
    ("kind", "given", "named"),
    [
        (SkillsSettings, {"min_skill_seconds": 2.0}, "--max-skill-seconds"),
        (SkillsSettings, {"min_skill_seconds": -1.0}, "--min-skill-seconds"),
        (SkillsSettings, {"max_skill_seconds": 0.0, "min_skill_seconds": 0.0}, "--max-skill-seconds"),
        (DialogueSettings, {"sample_interval": 0.0}, "--sample-interval"),
        (DialogueSettings, {"num_image_views_per_sample": 0}, "--num-image-views-per-sample"),
        (DialogueSettings, {"video_batch_size": 0}, "--video-batch-size"),
        (DialogueSettings, {"jsonl": Path("s.jsonl")}, "two sources"),
    ],
)
def test_settings_that_cannot_be_are_refused(kind: type[Any], given: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        kind(root=Path("d"), **given)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "--output-dir"),
        ({"output_dir": Path("o"), "video_mode": True}, "--video-mode"),
        ({"output_dir": Path("o"), "push_to_hub": True}, "--push-to-hub"),
        ({"output_dir": Path("o"), "executor": ExecutorSettings(name="slurm")}, "--executor slurm"),
    ],
)
def test_samples_without_a_dataset_need_a_folder_and_no_video(given: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        DialogueSettings(jsonl=Path("s.jsonl"), **given)
