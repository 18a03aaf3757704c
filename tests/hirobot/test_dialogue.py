"""`roboscribe dialogue`: each sample becomes a line, a row and a number on its frames, and is asked for once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pyarrow.parquet as pq
import pytest
from imagining import STILL, asked, column, lines, model, reach_and_lift, rows, rule, said, with_skills
from make_dataset import make_dataset
from written import digests, why_not_loadable

from roboscribe.asks import Ask, ImagineDialogue, ImagineDialogues
from roboscribe.asks.dialogue import TYPES
from roboscribe.cli.app import main
from roboscribe.config import DialogueSettings, SkillsSettings
from roboscribe.dataset.metadata import read_tasks
from roboscribe.english.gist import gist
from roboscribe.errors import AnswerError, DatasetError
from roboscribe.events import EpisodeFailed, EpisodeStaged, Event
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.hirobot.skills import make_skills
from roboscribe.skills import read_skills
from roboscribe.status import read_status

WANTED = ["episode_id", "frame_index", "timestamp", "skill_current", "skill_history", "task_description"]
TYPED = ["scenario_type", "response_type"]
SPOKEN = ["user_prompt", "robot_utterance"]


@pytest.fixture(params=["v2.1", "v3.0"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return with_skills(tmp_path / "data", version=request.param)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return with_skills(tmp_path / "data")


def finished_name(root: Path) -> Path:
    return root.with_name(root.name + "_with_high_level_tasks")


def test_lines_table_and_feature_say_the_same(dataset: Path) -> None:
    source = digests(dataset)
    finished = make_dialogue(DialogueSettings(root=dataset), model=model())
    out = finished_name(dataset)
    assert (finished.annotated, finished.failed, finished.rows) == (3, 0, 12)
    assert (finished.target, digests(dataset)) == (str(out), source)
    assert why_not_loadable(out) == ""
    table = rows(out / "meta/tasks_high_level.parquet")
    assert [row["task_index"] for row in table] == list(range(len(table)))
    numbers = column(out, "task_index_high_level")
    for line in said(out):
        assert list(line) == [*WANTED, *TYPED, *SPOKEN]
        row = table[numbers[line["episode_id"]][line["frame_index"]]]
        assert row["task"] == f"{line['user_prompt']} | {line['robot_utterance']}"
        assert [row[name] for name in TYPED + SPOKEN] == [line[name] for name in TYPED + SPOKEN]
        assert row["skill"] == line["skill_current"]
        assert line["timestamp"] == pytest.approx(line["frame_index"] / 10)
        late = line["frame_index"] >= 20
        assert line["skill_current"] == ("lift the cup" if late else "reach for the cup")
        assert line["skill_history"] == (["reach for the cup"] if late else [])
        assert line["task_description"] == "Lift the cup."
    assert json.loads((out / "meta/info.json").read_text())["features"]["task_index_high_level"] == {
        "dtype": "int64",
        "shape": [1],
        "names": None,
    }
    assert "dialogue" in {
        e["annotator"] for e in json.loads((out / "meta/roboscribe.json").read_text())["annotators"]
    }


@pytest.mark.parametrize("fps", [20, 30, 50])
def test_the_interval_holds_and_frames_between_samples_have_the_number_of_the_last(
    fps: int, tmp_path: Path
) -> None:
    lengths = [3, 2 * fps, fps + 1]
    root = with_skills(tmp_path / "data", fps=fps, frames=lengths)
    make_dialogue(DialogueSettings(root=root, sample_interval=0.7), model=model())
    out = finished_name(root)
    frames: dict[int, list[int]] = {}
    for line in said(out):
        frames.setdefault(line["episode_id"], []).append(line["frame_index"])
    step = round(0.7 * fps)
    assert frames == {0: [0], 1: [0, step, 2 * step], 2: [0, step]}
    for episode, numbers in column(out, "task_index_high_level").items():
        starts = frames[episode]
        ends = [*starts[1:], lengths[episode]]
        assert min(numbers) >= 0
        assert all(len(set(numbers[a:b])) == 1 for a, b in zip(starts, ends, strict=True))


def test_two_hundred_samples_have_every_pair_of_types_and_none_too_often(tmp_path: Path) -> None:
    root = with_skills(tmp_path / "data", episodes=5, frames=40)
    make_dialogue(DialogueSettings(root=root, sample_interval=0.1), model=model())
    found = Counter((line["scenario_type"], line["response_type"]) for line in said(finished_name(root)))
    assert found.total() == 200
    assert set(found) == set(TYPES)
    assert max(found.values()) <= 2 * 200 / 20


def test_a_second_run_asks_nothing_and_changes_no_byte(dataset: Path) -> None:
    make_dialogue(DialogueSettings(root=dataset), model=model())
    before = digests(finished_name(dataset))
    again = model()
    finished = make_dialogue(DialogueSettings(root=dataset), model=again)
    assert (again.asked, finished.asks, finished.files_written) == ([], 0, 0)
    assert digests(finished_name(dataset)) == before


def test_some_episodes_first_and_the_others_later_keep_their_numbers(dataset: Path) -> None:
    out = finished_name(dataset)
    make_dialogue(DialogueSettings(root=dataset, episodes=("1",)), model=model())
    first = column(out, "task_index_high_level")
    assert set(first[0]) == set(first[2]) == {-1}
    assert min(first[1]) == 0
    table = rows(out / "meta/tasks_high_level.parquet")
    others = model()
    make_dialogue(DialogueSettings(root=dataset, episodes=("0", "2")), model=others)
    assert {ask.episode for ask in others.asked} == {0, 2}
    then = column(out, "task_index_high_level")
    assert then[1] == first[1]
    assert rows(out / "meta/tasks_high_level.parquet")[: len(table)] == table
    assert min(min(numbers) for numbers in then.values()) == 0
    assert [line["episode_id"] for line in said(out)] == [0] * 4 + [1] * 4 + [2] * 4


def test_which_episodes_are_chosen_changes_nothing_that_is_wanted(plain: Path, tmp_path: Path) -> None:
    make_dialogue(DialogueSettings(root=plain, output_dir=tmp_path / "all"), model=model())
    make_dialogue(DialogueSettings(root=plain, output_dir=tmp_path / "one", episodes=("2",)), model=model())
    assert said(tmp_path / "one") == [line for line in said(tmp_path / "all") if line["episode_id"] == 2]


def test_what_says_the_same_again_is_asked_for_once_more(plain: Path) -> None:
    def short_of_words(ask: Ask[Any]) -> Any:
        assert isinstance(ask, ImagineDialogue)
        answer = rule(ask)
        known = "Please, not the tray: the cup."
        return answer if ask.occasion.avoid else answer.model_copy(update={"user_prompt": known})

    short = model(short_of_words)
    make_dialogue(DialogueSettings(root=plain), model=short)
    counts = asked(short)
    assert set(counts.values()) == {1}
    assert Counter(kind for kind, *_ in counts) == {"one": 12, "again": 11}
    assert len({gist(line["user_prompt"]) for line in said(finished_name(plain))}) == 12
    known = [set(ask.occasion.avoid) for ask in short.asked if ask.occasion.avoid]
    assert known == [{"Please, not the tray: the cup."}] * 11


def test_where_nothing_else_comes_to_mind_the_dialogue_stays(plain: Path) -> None:
    def stuck(ask: Ask[Any]) -> Any:
        same = {"user_prompt": "Please, not the tray: the cup."}
        return AnswerError("I have said it all.") if ask.occasion.avoid else rule(ask).model_copy(update=same)

    finished = make_dialogue(DialogueSettings(root=plain), model=model(stuck))
    assert (finished.annotated, finished.failed, finished.rows) == (3, 0, 12)


def test_in_video_mode_an_episode_is_one_ask(plain: Path, tmp_path: Path) -> None:
    whole = model()
    settings = DialogueSettings(root=plain, video_mode=True, output_dir=tmp_path / "whole")
    assert make_dialogue(settings, model=whole).rows == 12
    assert asked(whole) == {("all", 0, 0): 1, ("all", 1, 4): 1, ("all", 2, 8): 1}
    make_dialogue(replace(settings, video_mode=False, output_dir=tmp_path / "parts"), model=model())
    wanted = [
        [[line[name] for name in WANTED + TYPED] for line in said(tmp_path / part)]
        for part in ("parts", "whole")
    ]
    assert wanted[0] == wanted[1]


def test_without_skills_it_says_how_to_make_them(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", kind=None)
    with pytest.raises(DatasetError, match="no skills") as raised:
        make_dialogue(DialogueSettings(root=root), model=model())
    assert "roboscribe subtasks" in str(raised.value.hint)
    assert "--skills auto" in str(raised.value.hint)
    assert not finished_name(root).exists()


def test_skills_can_be_made_on_the_way(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", frames=40, **STILL)
    seen: list[Event] = []
    both = model(reach_and_lift(root))
    finished = make_dialogue(DialogueSettings(root=root, skills="auto"), seen.append, both)
    out = finished_name(root)
    assert (finished.asks, finished.rows) == (3 + 12, 12)
    assert [event.asks for event in seen if isinstance(event, EpisodeStaged)] == [5, 5, 5]
    book = read_skills(out)
    assert book is not None
    assert book.names == ("reach for the cup", "lift the cup")
    assert column(out, "subtask_index")[0] == [0] * 20 + [1] * 20
    assert read_skills(root) is None
    makers = {e["annotator"] for e in json.loads((out / "meta/roboscribe.json").read_text())["annotators"]}
    assert {"skills", "dialogue"} <= makers


def test_skills_that_a_dataset_got_after_it_was_copied_are_used_and_copied_too(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", frames=40, **STILL)
    two = model(reach_and_lift(root))
    make_skills(SkillsSettings(root=root, episodes=("0",)), model=two)
    make_dialogue(DialogueSettings(root=root, episodes=("0",)), model=model())
    make_skills(SkillsSettings(root=root), model=two)
    finished = make_dialogue(DialogueSettings(root=root), model=model())
    assert (finished.annotated, finished.failed) == (3, 0)
    assert column(finished_name(root), "subtask_index") == column(root, "subtask_index")


def test_the_subtasks_of_language_columns_are_skills(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", kind=None, frames=40)
    assert main(["annotate", "--root", str(root), "--only", "subtasks"]) == 0
    assert main(["dialogue", "--root", str(root)]) == 0
    assert min(min(numbers) for numbers in column(finished_name(root), "task_index_high_level").values()) == 0


def test_numbers_that_another_tool_named_are_skills(plain: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    copytree(plain, other)
    (other / "meta/skills.json").unlink()
    for root in (plain, other):
        make_dialogue(DialogueSettings(root=root), model=model())
    assert said(finished_name(other)) == said(finished_name(plain))


def test_tasks_stay_byte_for_byte_or_get_the_dialogues_at_their_end(dataset: Path, tmp_path: Path) -> None:
    (tasks,) = dataset.glob("meta/tasks.*")
    name = tasks.relative_to(dataset)
    before, version = (
        tasks.read_bytes(),
        json.loads((dataset / "meta/info.json").read_text())["codebase_version"],
    )
    make_dialogue(DialogueSettings(root=dataset), model=model())
    out = finished_name(dataset)
    assert (out / name).read_bytes() == before
    for written in (2, 0):
        finished = make_dialogue(DialogueSettings(root=dataset, tasks="append"), model=model())
        assert (finished.shards_written, finished.files_written) == (0, written), "the tasks and info.json"
        assert tasks.read_bytes() == before
        texts = [row["task"] for row in rows(out / "meta/tasks_high_level.parquet")]
        assert read_tasks(out, version) == dict(enumerate(["Lift the cup.", *texts]))
        assert json.loads((out / "meta/info.json").read_text())["total_tasks"] == 1 + len(texts)


def test_an_episode_without_an_answer_fails_alone_and_only_that_answer_is_asked_for_again(
    plain: Path,
) -> None:
    def broken(ask: Ask[Any]) -> Any:
        return AnswerError("The server said no.") if ask.occasion.number == 6 else rule(ask)

    seen: list[Event] = []
    finished = make_dialogue(DialogueSettings(root=plain), seen.append, model(broken))
    assert (finished.annotated, finished.failed, finished.rows, finished.asks) == (2, 1, 8, 12)
    assert [e for e in seen if isinstance(e, EpisodeFailed)] == [
        EpisodeFailed(1, "dialogue", "The server said no.")
    ]
    out = finished_name(plain)
    assert set(column(out, "task_index_high_level")[1]) == {-1}
    (failure,) = read_status(SkillsSettings(root=out)).failures
    assert (failure.episode, failure.annotator) == (1, "dialogue")
    healed = model()
    assert make_dialogue(DialogueSettings(root=plain), model=healed).failed == 0
    assert asked(healed) == {("one", 1, 6): 1}
    assert read_status(SkillsSettings(root=out)).failures == []


@pytest.mark.parametrize(
    ("keys", "views", "shown"),
    [
        ((), None, ["front"]),
        ((), 2, ["front", "side"]),
        (("side",), None, ["side"]),
        (("side",), 2, ["side", "front"]),
        (("side", "front"), None, ["side", "front"]),
    ],
)
def test_each_sample_shows_the_frame_of_each_camera_that_is_wanted(
    keys: tuple[str, ...], views: int | None, shown: list[str], tmp_path: Path
) -> None:
    root = with_skills(tmp_path / "data", kind="video", episodes=1, cameras=("front", "side"))
    looking = model(looks=True)
    settings = DialogueSettings(root=root, image_key=keys, num_image_views_per_sample=views)
    assert make_dialogue(settings, model=looking).failed == 0
    for ask in looking.asked:
        assert isinstance(ask, ImagineDialogue)
        assert [shot.camera for shot in ask.shots] == shown


def test_in_video_mode_the_whole_episode_is_seen(tmp_path: Path) -> None:
    root = with_skills(tmp_path / "data", kind="video", episodes=1, cameras=("front", "side"))
    looking = model(looks=True)
    words = DialogueSettings(root=root, video_mode=True)
    frames = replace(words.frames, cameras=("side",))
    assert make_dialogue(replace(words, frames=frames), model=looking).failed == 0
    (ask,) = looking.asked
    assert isinstance(ask, ImagineDialogues)
    assert ask.sheets is not None
    assert ask.sheets.cameras == ("side",)


def test_other_files_and_columns_are_untouched(dataset: Path) -> None:
    make_dialogue(DialogueSettings(root=dataset), model=model())
    out = finished_name(dataset)
    for path in dataset.glob("data/*/*.parquet"):
        new = pq.read_table(out / path.relative_to(dataset)).drop_columns(["task_index_high_level"])
        assert new.equals(pq.read_table(path))
    assert lines(out / "meta/syn_annotations.jsonl") == said(out)
