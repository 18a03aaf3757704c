"""What is foreseen of a run is what the run then takes; and foreseeing it takes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import Body, FakeServer, image_urls, texts
from make_dataset import make_dataset
from plausible import MODEL, Annotator, tokens_of, tokens_of_picture, usage
from written import digests

from roboscribe.config import (
    AnnotateSettings,
    FramesSettings,
    MemorySettings,
    SubtasksSettings,
    TaskAugSettings,
    TaskSettings,
    VlmSettings,
    VqaSettings,
)
from roboscribe.errors import RoboscribeError
from roboscribe.estimation import Estimate, estimate
from roboscribe.estimation.telling import ASSUMED_SECONDS
from roboscribe.events import Spent
from roboscribe.frames import store as store_module
from roboscribe.frames.store import FrameStore
from roboscribe.pipeline import annotate

PRICES = {"price_prompt": 0.5, "price_completion": 2.0}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request cache of its own, and no proxy or key of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["g1_bottle_v21", "so101_sim_bricks"])
def shared(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    return shared_data / request.param


@pytest.fixture
def g1(shared_data: Path) -> Path:
    """The smaller of the two."""
    return shared_data / "g1_bottle_v21"


@pytest.fixture
def annotator(request: pytest.FixtureRequest) -> Annotator:
    """Who answers; of the simulated dataset, which has gold, as its gold says."""
    named = request.getfixturevalue("shared") if "shared" in request.fixturenames else Path()
    gold = named.parent / f"{named.name}_ground_truth.json"
    return Annotator.of(gold) if gold.exists() else Annotator()


@pytest.fixture
def server(annotator: Annotator) -> Iterator[FakeServer]:
    with FakeServer(answer=annotator, usage=usage, models=(MODEL,)) as running:
        yield running


def settings(root: Path, server: FakeServer, out: Path, **sections: Any) -> AnnotateSettings:
    vlm = {"api_base": (server.url,), "model_id": MODEL} | PRICES | sections.pop("vlm", {})
    return AnnotateSettings(root=root, output_dir=out, vlm=VlmSettings(**vlm), **sections)


def off(found: Estimate, spent: Spent) -> dict[str, float]:
    """How far each amount that was foreseen is from the one that was spent, as a share of it."""
    total = found.total
    pairs = {
        "calls": (total.calls, spent.calls),
        "images": (total.images, spent.images),
        "prompt tokens": (total.prompt_tokens, spent.prompt_tokens),
        "completion tokens": (total.completion_tokens, spent.completion_tokens),
        "cost": (total.cost, spent.cost),
    }
    return {name: foreseen / real - 1 for name, (foreseen, real) in pairs.items() if foreseen or real}


def assert_near(found: Estimate, spent: Spent, share: float = 0.15) -> None:
    far = {name: f"{distance:+.1%}" for name, distance in off(found, spent).items() if abs(distance) > share}
    assert far == {}, f"{found.total} against {spent}"


VARIANTS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "small windows, two cameras at most, labels checked": {
        "frames": FramesSettings(per_ask=12, columns=3, rows=2, thumbnail_side=200),
        "subtasks": SubtasksSettings(relabel=True, hints=False),
        "memory": MemorySettings(chained=True),
    },
    "tasks from the video, rephrased along axes": {
        "task": TaskSettings(derive="always"),
        "task_aug": TaskAugSettings(count=7, axes=True),
        "subtasks": SubtasksSettings(describe=False),
        "vqa": VqaSettings(emission_hz=2.0, pictures_per_ask=2, kinds=("bbox", "count")),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_takes_what_was_foreseen(
    variant: str, shared: Path, server: FakeServer, tmp_path: Path
) -> None:
    chosen = settings(shared, server, tmp_path / "out", **VARIANTS[variant])
    found = estimate(chosen)
    assert found.failures == ()
    finished = annotate(chosen)
    assert finished.failed == 0
    assert_near(found, finished.spent)


def test_foreseeing_asks_nobody_writes_nothing_and_decodes_nothing(
    shared: Path, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores: list[FrameStore] = []
    begin = FrameStore.__init__

    def remember(self: FrameStore, *args: Any) -> None:
        begin(self, *args)
        stores.append(self)

    def refuse(*args: Any) -> Any:
        raise AssertionError("a frame is read")

    monkeypatch.setattr(FrameStore, "__init__", remember)
    monkeypatch.setattr(store_module, "read_frames", refuse)
    before, here = digests(shared), sorted(path.name for path in tmp_path.iterdir())
    found = estimate(settings(shared, server, tmp_path / "out"))
    assert found.total.images > 0
    assert server.seen == []
    assert digests(shared) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == here
    assert [store.counts.decoded for store in stores] == [0]


def test_what_is_staged_is_not_counted_again(g1: Path, server: FakeServer, tmp_path: Path) -> None:
    whole = settings(g1, server, tmp_path / "out", vlm={"cache": False})
    at_first = estimate(whole)
    annotate(replace(whole, episodes=("0-1",)))
    then = estimate(whole)
    staged = {part.name: part.staged for part in then.parts if part.name != "probe"}
    assert set(staged.values()) == {2}
    assert 0 < then.total.calls < at_first.total.calls
    finished = annotate(whole)
    assert_near(then, finished.spent)
    last = estimate(whole)
    assert (last.total.calls, last.total.cached) == (0, 0)
    assert annotate(whole).spent.calls == 0


def test_only_what_changed_settings_touch_is_counted(g1: Path, server: FakeServer, tmp_path: Path) -> None:
    whole = settings(g1, server, tmp_path / "out", vlm={"cache": False})
    annotate(whole)
    changed = replace(whole, task_aug=TaskAugSettings(count=4))
    found = estimate(changed)
    assert {part.name for part in found.parts if part.calls} == {"task_aug"}
    assert_near(found, annotate(changed).spent)


def test_what_the_cache_holds_is_counted_as_such(g1: Path, server: FakeServer, tmp_path: Path) -> None:
    first = settings(g1, server, tmp_path / "first", episodes=("1",))
    annotate(first)
    again = replace(first, output_dir=tmp_path / "again", episodes=())
    found = estimate(again)
    finished = annotate(again)
    assert found.total.cached == finished.spent.cached > 0
    assert_near(found, finished.spent)
    without = replace(again, output_dir=tmp_path / "without", vlm=replace(again.vlm, cache=False))
    assert estimate(without).total.cached == 0
    assert_near(estimate(without), annotate(without).spent)


def test_asking_anew_is_not_cached(g1: Path, server: FakeServer, tmp_path: Path) -> None:
    whole = settings(g1, server, tmp_path / "out")
    annotate(whole)
    anew = replace(whole, redo=("task_aug",))
    found = estimate(anew)
    assert {part.name: (part.calls > 0, part.cached) for part in found.parts if part.calls} == {
        "task_aug": (True, 0)
    }
    assert_near(found, annotate(anew).spent)


def test_earlier_replies_teach_what_was_not_known(g1: Path, annotator: Annotator, tmp_path: Path) -> None:
    """A server has to be told schemas, and its model of an unknown kind counts otherwise and thinks aloud."""

    def strange(body: Body, content: str) -> tuple[int, int]:
        return len(texts(body)) // 2 + 900 * len(image_urls(body)), 3 * tokens_of(content)

    with FakeServer(
        answer=annotator, usage=strange, models=("strange-1",), structured="ignored", latency=0.01
    ) as server:
        whole = settings(g1, server, tmp_path / "out", vlm={"model_id": "strange-1"})
        blind = estimate(whole)
        annotate(replace(whole, episodes=("0-1",)))
        taught = estimate(whole)
        finished = annotate(whole)
    assert_near(taught, finished.spent)
    a_call = blind.total.completion_tokens / blind.total.calls
    assert a_call * 2 < finished.spent.completion_tokens / finished.spent.calls
    assert 0.01 <= taught.seconds_per_call < ASSUMED_SECONDS
    assert "earlier calls" in taught.assumptions[-1]


def test_the_server_counts_words_where_it_can(g1: Path, annotator: Annotator, tmp_path: Path) -> None:
    """One whose vocabulary is twice as fine as usual."""

    def fine(body: Body, content: str) -> tuple[int, int]:
        read, written = usage(body, content)
        pictures = sum(map(tokens_of_picture, image_urls(body)))
        return 2 * (read - pictures) + pictures, 2 * written

    with FakeServer(answer=annotator, usage=fine, models=(MODEL,), tokenize=True) as server:
        chosen = settings(g1, server, tmp_path / "out")
        found = estimate(chosen)
        assert server.seen == []
        assert_near(found, annotate(chosen).spent)
    assert "by the server" in " ".join(found.assumptions)


@pytest.mark.slow
def test_a_sample_stands_for_all_episodes(server: FakeServer, tmp_path: Path) -> None:
    root = make_dataset(
        tmp_path / "many",
        episodes=30,
        frames=[40 + 23 * (index % 7) for index in range(30)],
        size=(320, 240),
    )
    chosen = settings(root, server, tmp_path / "out", vqa=VqaSettings(enabled=False))
    whole, part = estimate(chosen, sample=30), estimate(chosen, sample=12)
    assert (whole.rehearsed, part.rehearsed) == (30, 12)
    for name in ("calls", "images", "prompt_tokens", "completion_tokens"):
        assert getattr(part.total, name) == pytest.approx(getattr(whole.total, name), rel=0.1), name
    assert estimate(chosen, sample=12) == part, "drawn by seed"
    assert estimate(replace(chosen, seed=1), sample=12) != part


def test_a_sample_sees_what_few_episodes_still_lack(server: FakeServer, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "many", episodes=24, frames=30, size=(320, 240))
    chosen = settings(root, server, tmp_path / "out", vqa=VqaSettings(enabled=False), vlm={"cache": False})
    annotate(replace(chosen, episodes=("0-19",)))
    found = estimate(chosen, sample=4)
    assert found.rehearsed < 24
    assert_near(found, annotate(chosen).spent)


def test_hours_follow_from_calls_and_places(g1: Path, server: FakeServer, tmp_path: Path) -> None:
    chosen = settings(g1, server, tmp_path / "out", vlm={"client_concurrency": 2})
    found = estimate(chosen, seconds_per_call=36.0)
    assert found.hours == pytest.approx(found.total.calls * 36 / 2 / 3600)
    alone = estimate(
        replace(chosen, vlm=replace(chosen.vlm, client_concurrency=10_000)), seconds_per_call=36.0
    )
    assert alone.hours == pytest.approx(0.04), (
        "four asks wait for each other: describe, segment, remember and speak"
    )


@pytest.mark.parametrize(
    ("limit", "flag"), [({"max_calls": 3}, "--max-calls 3"), ({"max_cost": 1e-4}, "--max-cost")]
)
def test_a_budget_that_will_not_do_is_told(
    g1: Path, server: FakeServer, tmp_path: Path, limit: dict[str, Any], flag: str
) -> None:
    chosen = settings(g1, server, tmp_path / "out", **limit)
    assert flag in estimate(chosen).stopped
    assert annotate(chosen).stopped
    ample = dict.fromkeys(limit, 10**6)
    assert estimate(replace(chosen, **ample)).stopped == ""


def test_episodes_that_cannot_be_shown_are_told(server: FakeServer, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "blind", episodes=3, frames=30, cameras=(), kind=None)
    found = estimate(settings(root, server, tmp_path / "out"))
    assert found.total.calls == 0
    (failure,) = found.failures
    assert failure.startswith("3 of 3 rehearsed episodes would fail: There is no camera")
    assert "There is no camera to look through." in failure


def test_the_builtin_model_takes_nothing(g1: Path, tmp_path: Path) -> None:
    found = estimate(AnnotateSettings(root=g1, output_dir=tmp_path / "out"))
    assert found.asks_nobody
    assert (found.total.calls, found.total.cost, found.hours) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sample": 0}, "--sample"),
        ({"seconds_per_call": -1.0}, "--seconds-per-call"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    g1: Path, server: FakeServer, tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    with pytest.raises(RoboscribeError, match=named):
        estimate(settings(g1, server, tmp_path / "out"), **change)
