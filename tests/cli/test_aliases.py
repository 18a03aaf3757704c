"""Flags of lerobot-annotate do what ours do, or are refused in a sentence that says what there is instead."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from roboscribe.cli.aliases import ALIASES, GONE, why_gone
from roboscribe.cli.flags import flag_types, parse_flags
from roboscribe.config import AnnotateSettings
from roboscribe.errors import SettingsError

GUIDE = Path(__file__).parents[2] / "docs/from-lerobot-annotate.md"

# Flag and value as an old command line has them, our setting, and its value then.
PLAN = [
    ("n_task_rephrasings=30", "task_aug.count", 30),
    ("task_aug_axes.enabled=true", "task_aug.axes", True),
    ("derive_task_from_video=if_short", "task.derive", "if-missing"),
    ("derive_task_from_video=always", "task.derive", "always"),
    ("derive_task_from_video=OFF", "task.derive", "off"),
    ("frames_per_second=1.0", "frames.hz", 1.0),
    ("max_frames_per_prompt=32", "frames.per_ask", 32),
    ("max_video_frames=128", "frames.per_ask", 128),
    ("contact_sheet_columns=6", "frames.columns", 6),
    ("contact_sheet_frame_width=320", "frames.thumbnail_side", 320),
    ("use_video_url=true", "frames.form", "video"),
    ("use_video_url=False", "frames.form", "sheets"),
    ("use_video_url_fps=4", "frames.hz", 4.0),
    ("min_subtask_seconds=1.5", "subtasks.min_seconds", 1.5),
    ("plan_max_steps=8", "subtasks.most", 8),
    ("max_steps=8", "subtasks.most", 8),
    ("subtask_describe_first=false", "subtasks.describe", False),
    ("subtask_seeded_relabel", "subtasks.relabel", True),
    ("subtask_relabel_frames=3", "subtasks.relabel_frames", 3),
    ("emit_plan=false", "plan.enabled", False),
    ("emit_memory=false", "memory.enabled", False),
]
INTERJECTIONS = [
    ("enabled=false", "interjections.enabled", False),
    ("max_interjections_per_episode=6", "interjections.most", 6),
    ("interjection_min_t=1.5", "interjections.min_seconds", 1.5),
]
VQA = [
    ("enabled=false", "vqa.enabled", False),
    ("vqa_emission_hz=0.2", "vqa.emission_hz", 0.2),
    ("K=3", "vqa.consecutive", 3),
    ("question_types=[bbox, count]", "vqa.kinds", ("bbox", "count")),
    ("question_types=('bbox','count')", "vqa.kinds", ("bbox", "count")),
]
OTHERS = [
    ("only_episodes=[0,1]", "episodes", ("[0,1]",)),
    ("new_repo_id=a/b", "hub.repo_id", "a/b"),
    ("dest_repo_id=a/b", "hub.repo_id", "a/b"),
    ("executor=local", "executor.name", "local"),
    ("push_private=true", "hub.private", True),
    ("push_commit_message=Annotate", "hub.message", "Annotate"),
    ("max_steps=5", "subtasks.most", 5),
    ("max_interjections_per_episode=2", "interjections.most", 2),
    ("vqa_emission_hz=2", "vqa.emission_hz", 2.0),
    ("module_1.enabled=false", "plan.enabled", False),
    ("module_1.enabled=false", "subtasks.enabled", False),
    ("module_1.enabled=false", "memory.enabled", False),
    ("module_1.enabled=false", "task_aug.enabled", False),
    ("vlm.auto_serve=true", "vlm.serve", True),
    ("job.timeout=2d", "executor.hf_timeout", "2d"),
    ("job.detach=true", "executor.wait", False),
    ("vlm.camera_key=observation.images.wrist", "frames.cameras", ("observation.images.wrist",)),
]
CASES = [
    *((f"{module}.{flag}", *ours) for module in ("plan", "module_1") for flag, *ours in PLAN),
    *(
        (f"{module}.{flag}", *ours)
        for module in ("interjections", "module_2")
        for flag, *ours in INTERJECTIONS
    ),
    *((f"{module}.{flag}", *ours) for module in ("vqa", "module_3") for flag, *ours in VQA),
    *OTHERS,
]


def parsed(*words: str) -> AnnotateSettings:
    return parse_flags(AnnotateSettings, ("--root", "d", *words), "roboscribe annotate")


def setting(settings: Any, path: str) -> Any:
    return reduce(getattr, path.split("."), settings)


@pytest.mark.parametrize(("flag", "path", "value"), CASES)
def test_an_older_flag_sets_ours(flag: str, path: str, value: Any) -> None:
    name, given, said = flag.partition("=")
    assert setting(parsed(f"--{flag}"), path) == value
    assert setting(parsed(f"--{name.replace('_', '-')}{given}{said}"), path) == value
    if said:
        assert setting(parsed(f"--{name}", said, "--seed", "3"), path) == value


def test_every_alias_is_tried_and_leads_to_flags_that_are_there() -> None:
    tried = {case[0].partition("=")[0].replace("_", "-") for case in CASES}
    assert ALIASES.keys() - tried == {"data-dir"}
    types = dict(flag_types(AnnotateSettings))
    assert all(flag in types for alias in ALIASES.values() for flag in alias.flags)
    assert types.keys().isdisjoint(ALIASES)


def test_an_old_command_line_works_whole() -> None:
    settings = parsed(
        *("--vlm.backend=openai", "--vlm.model_id=Qwen/Qwen3.6-35B-A3B-FP8", "--vlm.parallel_servers=2"),
        *("--vlm.num_gpus=2", "--vlm.serve_ready_timeout_s=1800", "--vlm.client_concurrency=128"),
        *("--vlm.max_new_tokens=512", "--vlm.temperature=0.7", "--vlm.auto_serve"),
        '--vlm.chat_template_kwargs={"enable_thinking": false}',
        *("--module_1.frames_per_second=1.0", "--module_1.use_video_url=true", "--module_3.K=3"),
        *("--module_1.derive_task_from_video=always", "--module_2.max_interjections_per_episode=6"),
    )
    assert (settings.vlm.parallel_servers, settings.vlm.num_gpus, settings.vlm.serve) == (2, 2, True)
    assert (settings.frames.form, settings.task.derive) == ("video", "always")
    assert (settings.vqa.consecutive, settings.interjections.most) == (3, 6)


def test_the_switch_of_the_first_module_turns_all_of_its_rows_on_again() -> None:
    settings = parsed("--memory.enabled=false", "--module_1.enabled")
    assert settings.memory.enabled is True


@pytest.mark.parametrize("flag", sorted(GONE))
def test_what_has_no_counterpart_is_refused_with_the_reason(flag: str) -> None:
    for name in (flag, f"{flag}.of_a_section".replace("-", "_")):
        with pytest.raises(SettingsError) as caught:
            parsed(f"--{name}=1")
        assert f"--{name}" in caught.value.message
        assert "lerobot-annotate" in caught.value.message
        assert caught.value.hint == GONE[flag]
        assert caught.value.hint.endswith(".")


def test_the_reasons_name_flags_that_are_there() -> None:
    types = dict(flag_types(AnnotateSettings))
    named = {word.strip(".,;") for why in GONE.values() for word in why.split() if word.startswith("--")}
    assert named
    assert {flag[2:] for flag in named} <= types.keys()


def test_a_flag_of_nobody_is_unknown() -> None:
    assert why_gone("plan.colour") == ""
    with pytest.raises(SettingsError, match=r"Unknown flag --module_1\.colour"):
        parsed("--module_1.colour=red")


def test_a_value_that_the_other_tool_does_not_know_either_is_refused() -> None:
    with pytest.raises(SettingsError, match="off, if_short, always"):
        parsed("--plan.derive_task_from_video=sometimes")
    with pytest.raises(SettingsError, match="colour"):
        parsed("--vqa.question_types=[bbox,colour]")
    with pytest.raises(SettingsError, match="no value"):
        parsed("--vqa.question_types=")


def test_the_guide_tells_of_every_one() -> None:
    guide = GUIDE.read_text()
    for flag in (*ALIASES, *GONE):
        plain = (
            flag.replace("module-1.", "plan.")
            .replace("module-2.", "interjections.")
            .replace("module-3.", "vqa.")
        )
        assert any(f"`--{name.replace('-', '_')}" in guide for name in (flag, plain)), flag
        for ours in ALIASES[flag].flags if flag in ALIASES else ():
            assert f"`--{ours}" in guide, ours
