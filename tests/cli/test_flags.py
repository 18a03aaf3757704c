"""Flags as people type them become settings; mistakes are named and mended."""

from pathlib import Path

import pytest

from roboscribe.cli.flags import flag_types, parse_flags
from roboscribe.config import AnnotateSettings, parse_episodes
from roboscribe.errors import SettingsError


def settings(*words: str) -> AnnotateSettings:
    return parse_flags(AnnotateSettings, words, "roboscribe annotate")


def test_nested_flags_take_dashes_and_underscores_and_equal_signs() -> None:
    parsed = settings("--root", "data", "--task_aug.count=3", "--output-dir=out", "--writer.tools_column")
    assert parsed.root == Path("data")
    assert parsed.output_dir == Path("out")
    assert parsed.task_aug.count == 3
    assert parsed.writer.tools_column is True


@pytest.mark.parametrize(
    "words", [("--plan.enabled=false",), ("--plan.enabled", "False"), ("--plan.enabled=no",)]
)
def test_a_switch_is_turned_off_in_any_spelling(words: tuple[str, ...]) -> None:
    assert settings("--root", "d", *words).plan.enabled is False
    assert settings("--root", "d").plan.enabled is True


@pytest.mark.parametrize("words", [("--no-cache",), ("--no_cache=true",), ("--vlm.cache", "false")])
def test_the_request_cache_is_turned_off(words: tuple[str, ...]) -> None:
    assert settings("--root", "d", *words).vlm.cache is False
    assert settings("--root", "d").vlm.cache is settings("--root", "d", "--no-cache=false").vlm.cache is True


@pytest.mark.parametrize("flag", ["--episodes", "--only-episodes", "--only_episodes"])
def test_episodes_can_be_named_in_several_ways(flag: str) -> None:
    assert parse_episodes(settings("--root", "d", flag, "0", "2", "5-7").episodes) == (0, 2, 5, 6, 7)
    assert parse_episodes(settings("--root", "d", f"{flag}=[0,1]").episodes) == (0, 1)
    assert parse_episodes(settings("--root", "d").episodes) is None


@pytest.mark.parametrize(
    ("words", "named", "advice"),
    [
        (("--plan.enbled=false",), "--plan.enbled", "--plan.enabled"),
        (("--outptu-dir", "x"), "--outptu-dir", "--output-dir"),
        (("--plan.enabled=maybe",), "--plan.enabled", "true or false"),
        (("--task-aug.count=-1",), "--task-aug.count", "at least 0"),
    ],
)
def test_a_mistake_names_the_flag_and_what_to_do(words: tuple[str, ...], named: str, advice: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings("--root", "d", *words)
    assert named in str(caught.value)
    assert advice in str(caught.value)


@pytest.mark.parametrize("word", ["x", "3-", "-3", "1.5"])
def test_what_is_no_episode_is_refused(word: str) -> None:
    with pytest.raises(SettingsError, match="--episodes"):
        parse_episodes([word])


def test_a_backward_range_is_refused() -> None:
    with pytest.raises(SettingsError, match="backwards"):
        parse_episodes(["5-2"])


def test_without_a_dataset_the_flags_are_named() -> None:
    with pytest.raises(SettingsError, match="--root"):
        settings()


def test_every_annotator_has_a_switch() -> None:
    flags = dict(flag_types(AnnotateSettings))
    for name in ("subtasks", "plan", "memory", "task-aug", "motion"):
        assert flags[f"{name}.enabled"] is bool


def test_a_flag_of_several_values_may_be_given_several_times() -> None:
    one, two = "http://a/v1", "http://b/v1"
    for words in (
        ("--vlm.api-base", one, "--seed", "3", "--vlm.api_base", two),
        (f"--vlm.api-base={one}", f"--vlm.api-base={two}", "--seed=3"),
        ("--vlm.api-base", one, two, "--seed=3"),
        (f"--vlm.api-base={one},{two}", "--seed=3"),
    ):
        parsed = settings("--root", "d", *words)
        assert parsed.vlm.endpoints == (one, two)
        assert parsed.seed == 3
    assert parse_episodes(settings("--root", "d", "--episodes", "1", "--episodes", "4-5").episodes) == (
        1,
        4,
        5,
    )


def test_json_and_none_are_taken_as_values() -> None:
    vlm = settings(
        "--root", "d", "--vlm.chat-template-kwargs", '{"enable_thinking": false}', "--vlm.temperature", "None"
    ).vlm
    assert vlm.chat_template_kwargs == '{"enable_thinking": false}'
    assert vlm.temperature is None


def test_a_folder_and_a_hub_dataset_at_once_are_refused() -> None:
    with pytest.raises(SettingsError, match="--root and --repo-id"):
        settings("--root", "d", "--repo-id", "a/b")


def test_the_older_name_of_the_plan_switch_works() -> None:
    assert settings("--root", "d", "--module_1.enabled=false").plan.enabled is False
