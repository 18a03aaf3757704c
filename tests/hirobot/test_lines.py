"""`roboscribe dialogue --jsonl`: every line that can be done comes out with its dialogue, in order, asked for once."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from imagining import lines, model, rule, sample, write
from PIL import Image

from roboscribe.asks import Ask, ImagineDialogue
from roboscribe.asks.dialogue import TYPES
from roboscribe.cli.app import main
from roboscribe.config import DialogueSettings
from roboscribe.errors import AnswerError, RunStopped
from roboscribe.events import Event, LineFailed, LinesFinished
from roboscribe.frames import Jpeg
from roboscribe.hirobot.lines import imagine_lines
from roboscribe.models.scripted import ScriptedModel


def run(
    path: Path, out: Path, by: ScriptedModel | None = None, **settings: Any
) -> tuple[LinesFinished, dict[int, str]]:
    """What came of a run, and why lines failed."""
    failed: dict[int, str] = {}

    def listen(event: Event) -> None:
        if isinstance(event, LineFailed):
            failed[event.line] = event.reason

    given = DialogueSettings(jsonl=path, output_dir=out, **settings)
    return imagine_lines(given, listen, by or model()), failed


def test_each_line_comes_out_with_its_dialogue_and_all_it_had(tmp_path: Path) -> None:
    given = [sample(number, note={"rig": number}) for number in range(40)]
    finished, failed = run(write(tmp_path / "samples.jsonl", given), tmp_path / "out")
    assert (finished.done, finished.failed, failed) == (40, 0, {})
    found = lines(tmp_path / "out/samples.jsonl")
    for line, before in zip(found, given, strict=True):
        assert list(line) == [*before, "user_prompt", "robot_utterance", "scenario_type", "response_type"]
        assert {name: line[name] for name in before} == before
    assert Counter((line["scenario_type"], line["response_type"]) for line in found) == dict.fromkeys(
        TYPES, 2
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not an object"),
        (sample(1, skill_current=""), "skill_current"),
        (sample(1, t="soon"), "t:"),
        (sample(1, t=-1.0), "t:"),
        (sample(1, skill_history="wait"), "skill_history"),
        ({"episode_id": 1}, "t: Field required"),
        (sample(1, images=["nowhere.png"]), "nowhere.png"),
    ],
)
def test_a_bad_line_is_told_by_its_number_and_the_others_are_done(
    bad: Any, reason: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "samples.jsonl", [sample(0), "", bad, sample(2)])
    finished, failed = run(path, tmp_path / "out")
    assert (finished.done, finished.failed) == (2, 1)
    assert reason in failed[3]
    assert [line["t"] for line in lines(tmp_path / "out/samples.jsonl")] == [0.0, 3.0]


def test_the_exit_code_tells_of_bad_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dialogue", "--output-dir", str(tmp_path / "out"), "--jsonl"]
    assert main([*words, str(write(tmp_path / "good.jsonl", [sample(0)]))]) == 0
    assert main([*words, str(write(tmp_path / "some.jsonl", [sample(0), "{"]))]) == 3
    assert "line 2" in capsys.readouterr().out
    assert main([*words, str(write(tmp_path / "none.jsonl", ["{"]))]) == 1
    assert main([*words, str(write(tmp_path / "empty.jsonl", []))]) == 0
    assert (tmp_path / "out/empty.jsonl").read_bytes() == b""
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jsonl*")) == [
        "empty.jsonl",
        "good.jsonl",
        "some.jsonl",
    ]


def test_pictures_lie_beside_the_file_and_one_that_cannot_be_read_is_its_lines_error(tmp_path: Path) -> None:
    Image.new("RGB", (32, 24), "red").save(tmp_path / "red.png")
    Image.new("RGB", (32, 24), "blue").save(tmp_path / "blue.jpg")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG but not really")
    shown = [["red.png", "blue.jpg"], [str(tmp_path / "blue.jpg")], ["none.png"], ["broken.png"], []]
    path = write(
        tmp_path / "samples.jsonl", [sample(number, images=images) for number, images in enumerate(shown)]
    )
    looking = model(looks=True)
    finished, failed = run(path, tmp_path / "out", looking)
    assert (finished.done, finished.failed) == (2, 3)
    assert "none.png" in failed[3]
    assert "broken.png" in failed[4]
    assert "images is empty" in failed[5]
    seen = [[part for part in ask.look() if isinstance(part, Jpeg)] for ask in looking.asked]
    assert sorted(map(len, seen)) == [1, 2]


def test_another_picture_is_another_sample(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (32, 24), "red").save(picture)
    path = write(tmp_path / "samples.jsonl", [sample(0, images=["a.png"])])
    run(path, tmp_path / "out", model(looks=True))
    same, other = model(looks=True), model(looks=True)
    run(path, tmp_path / "out", same)
    Image.new("RGB", (32, 24), "blue").save(picture)
    run(path, tmp_path / "out", other)
    assert (len(same.asked), len(other.asked)) == (0, 1)


def test_what_is_answered_is_not_asked_again(tmp_path: Path) -> None:
    path = write(tmp_path / "samples.jsonl", map(sample, range(30)))

    def spent(ask: Ask[Any]) -> Any:
        assert isinstance(ask, ImagineDialogue)
        return RunStopped("The budget is spent.") if ask.occasion.number == 17 else rule(ask)

    first = model(spent)
    finished, _ = run(path, tmp_path / "out", first)
    assert finished.stopped == "The budget is spent."
    assert not (tmp_path / "out/samples.jsonl").exists()
    answered = {ask.occasion.number for ask in first.asked if isinstance(ask, ImagineDialogue)} - {17}
    second = model()
    assert run(path, tmp_path / "out", second)[0].done == 30
    once_more = [
        ask.occasion.number
        for ask in second.asked
        if isinstance(ask, ImagineDialogue) and not ask.occasion.avoid
    ]
    assert sorted(once_more) == sorted(set(range(30)) - answered)
    run(path, tmp_path / "other")
    assert (tmp_path / "out/samples.jsonl").read_bytes() == (tmp_path / "other/samples.jsonl").read_bytes()
    third = model()
    run(path, tmp_path / "out", third)
    assert third.asked == []


def test_what_says_the_same_again_is_asked_for_once_more(tmp_path: Path) -> None:
    def short_of_words(ask: Ask[Any]) -> Any:
        assert isinstance(ask, ImagineDialogue)
        same = {"user_prompt": "Please, not the bowl: the red cup."}
        answer = rule(ask)
        return answer if ask.occasion.avoid and ask.occasion.number != 4 else answer.model_copy(update=same)

    def silent(ask: Ask[Any]) -> Any:
        assert isinstance(ask, ImagineDialogue)
        return AnswerError("No.") if ask.occasion.avoid and ask.occasion.number == 7 else short_of_words(ask)

    path = write(tmp_path / "samples.jsonl", [sample(3 * number) for number in range(10)])
    by = model(silent)
    finished, failed = run(path, tmp_path / "out", by)
    assert (finished.done, failed) == (10, {})
    again = Counter(
        ask.occasion.number for ask in by.asked if isinstance(ask, ImagineDialogue) and ask.occasion.avoid
    )
    assert again == dict.fromkeys(range(1, 10), 1)
    prompts = Counter(line["user_prompt"] for line in lines(tmp_path / "out/samples.jsonl"))
    assert prompts["Please, not the bowl: the red cup."] == 3
    assert len(prompts) == 8


@pytest.mark.parametrize(
    ("name", "folder", "named"),
    [
        ("nowhere.jsonl", "out", "nowhere.jsonl: there is no such file"),
        ("samples.jsonl", ".", "Name another folder"),
        ("samples.jsonl", "samples.jsonl", "samples.jsonl"),
    ],
)
def test_what_cannot_be_is_one_message_and_nothing_is_lost(
    name: str, folder: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "samples.jsonl", [sample(0)])
    before = path.read_bytes()
    words = ["dialogue", "--jsonl", str(tmp_path / name), "--output-dir", str(tmp_path / folder)]
    assert main(words) == 2
    message = capsys.readouterr().err
    assert named in message
    assert "Traceback" not in message
    assert path.read_bytes() == before


def test_behind_a_line_that_takes_long_only_so_many_wait_and_all_come_out_in_order(tmp_path: Path) -> None:
    waiting: list[int] = []

    async def slow(ask: ImagineDialogue) -> Any:
        before = 0
        while len(by.asked) > before:
            before = len(by.asked)
            await asyncio.sleep(0.2)
        waiting.append(before)
        return rule(ask)

    def reply(ask: Ask[Any]) -> Any:
        assert isinstance(ask, ImagineDialogue)
        return slow(ask) if ask.occasion.number == 0 else rule(ask)

    by = ScriptedModel(reply, at_once=2)
    path = write(tmp_path / "samples.jsonl", (sample(number, place=number) for number in range(300)))
    assert run(path, tmp_path / "out", by)[0].done == 300
    assert waiting[0] < 30
    assert [line["place"] for line in lines(tmp_path / "out/samples.jsonl")] == list(range(300))
