"""Datasets annotated by a vision-language model behind a server: nothing is lost, nothing is asked or decoded twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import FakeServer, Faults, answer_schema, is_probe, texts
from make_dataset import make_dataset
from served import KINDS, kind_of, settings

from roboscribe.cli.app import main
from roboscribe.config import (
    AnnotateSettings,
    SubtasksSettings,
    TaskAugSettings,
    TraceSettings,
    VqaSettings,
)
from roboscribe.dataset import open_dataset
from roboscribe.events import Event, RunFinished
from roboscribe.frames.store import FrameStore
from roboscribe.language import STYLES
from roboscribe.models.cache import RequestCache
from roboscribe.pipeline import annotate
from roboscribe.status import read_status
from roboscribe.validation import check_dataset

CAMERAS = ("observation.images.top", "observation.images.wrist")
FAULTS = Faults(status_500=0.05, status_429=0.05, drop=0.05, malformed=0.05, truncated=0.05)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(
        tmp_path / "data", episodes=8, frames=40, cameras=("observation.images.top",), size=(320, 240)
    )


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request cache of its own, and no proxy or key of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


def slow_probes(body: dict[str, Any]) -> float:
    """Latency of a server that takes long to be looked at."""
    return 0.5 if is_probe(body) else 0.0


def digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_with_faults_no_row_is_missing_and_bytes_are_those_of_a_good_day(
    dataset: Path, tmp_path: Path
) -> None:
    with FakeServer() as good:
        finished = annotate(settings(dataset, good, tmp_path / "good"))
    assert (finished.annotated, finished.failed) == (8, 0)
    told = {row.style for index in range(8) for row in open_dataset(tmp_path / "good").language_rows(index)}
    assert told == {*STYLES, None} - {"trace"}
    faults, struck = set[str](), set[str]()
    for seed, concurrency in enumerate((1, 7, 64, 16, 16, 16)):
        out = tmp_path / f"bad-{seed}"
        with FakeServer(faults=replace(FAULTS, seed=seed), retry_after=0) as bad:
            again = annotate(settings(dataset, bad, out, client_concurrency=concurrency, retries=20))
        assert (again.annotated, again.failed, again.rows) == (8, 0, finished.rows)
        assert digests(out) == digests(tmp_path / "good")
        faults |= set(bad.stats.faults)
        struck |= {kind_of(request.body) for request in bad.asked if request.fault}
    assert faults == {"500", "429", "drop", "malformed", "truncated"}
    assert struck == KINDS


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> list[FrameStore]:
    """Every store of frames that is made."""
    made: list[FrameStore] = []
    begin = FrameStore.__init__

    def remember(self: FrameStore, *args: Any) -> None:
        begin(self, *args)
        made.append(self)

    monkeypatch.setattr(FrameStore, "__init__", remember)
    return made


@pytest.mark.parametrize("cameras", [("observation.images.top",), CAMERAS])
def test_every_frame_is_decoded_and_encoded_once_for_all_annotators_and_sent_as_jpeg(
    cameras: tuple[str, ...], tmp_path: Path, server: FakeServer, stores: list[FrameStore]
) -> None:
    root = make_dataset(tmp_path / "seen", episodes=4, frames=40, cameras=cameras, size=(320, 240))
    trace = TraceSettings(enabled=True, seconds=1.0)
    annotate(
        replace(
            settings(root, server), subtasks=SubtasksSettings(relabel=True, relabel_frames=4), trace=trace
        )
    )
    asked = {kind_of(request.body) for request in server.asked if request.images}
    assert {"describe", "segment", "relabel", "vqa", "trace"} <= asked
    (store,) = stores
    counts = store.counts
    assert counts.passes == 4 * len(cameras)
    assert counts.decoded <= 40 * counts.passes
    assert counts.repeats == 0
    assert 0 < counts.encoded <= counts.frames
    assert counts.episodes == counts.held == 0
    assert set(server.stats.media) == {"data:image/jpeg"}


def test_thumbnails_are_as_large_as_told(dataset: Path, server: FakeServer, tmp_path: Path) -> None:
    base = replace(settings(dataset, server, tmp_path / "a"), episodes=("0",))
    annotate(base)
    annotate(replace(base, output_dir=tmp_path / "b", frames=replace(base.frames, thumbnail_side=128)))
    large, small = (request.nbytes for request in server.asked if kind_of(request.body) == "describe")
    assert small < 0.8 * large


def test_describing_and_segmenting_begin_alike(dataset: Path, server: FakeServer) -> None:
    """So that a server with prefix caching reads the pictures once."""
    annotate(replace(settings(dataset, server), episodes=("0",)))
    kinds = ("describe", "segment")
    looking = [r.body["messages"] for r in server.asked if r.images and kind_of(r.body) in kinds]
    assert len(looking) == 2
    first, second = (json.dumps(messages) for messages in looking)
    shared = next(at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    assert first[:shared].count("data:image/jpeg") == first.count("data:image/jpeg")


def test_what_can_never_be_answered_fails_its_annotator_of_its_episode_only(dataset: Path) -> None:
    def stubborn(body: dict[str, Any]) -> str:
        told = texts(body)
        return (
            "I would rather not." if "other ways" in told and "Put the sock" in told else answer_schema(body)
        )

    root = dataset.parent / "other"
    make_dataset(root, episodes=2, frames=40, tasks=("Lift the cup.", "Put the sock in the drawer."))
    with FakeServer(answer=stubborn) as server:
        finished = annotate(settings(root, server))
    assert (finished.annotated, finished.failed) == (1, 1)
    (failure,) = read_status(AnnotateSettings(root=root)).failures
    assert failure.annotator == "task_aug"
    assert "no valid answer" in failure.reason


def test_a_second_run_answers_from_the_request_cache(
    dataset: Path, tmp_path: Path, server: FakeServer
) -> None:
    annotate(settings(dataset, server, tmp_path / "a", cache=True))
    before = len(server.asked)
    finished = annotate(settings(dataset, server, tmp_path / "b", cache=True))
    assert len(server.asked) == before
    assert finished.asks == finished.spent.cached > 0
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_an_api_key_goes_to_the_server_and_nowhere_else(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOME_KEY", key := "sk-0123456789abcdef")
    out = tmp_path / "out"
    with FakeServer(key=key, faults=Faults(status_500=0.2)) as server:
        words = ["--root", str(dataset), "--output-dir", str(out), "--vlm.api-base", server.url]
        assert main(["annotate", *words, "--vlm.api-key-env", "SOME_KEY", "--log-format", "json"]) == 0
        assert {request.headers["authorization"] for request in server.asked} == {f"Bearer {key}"}
    assert main(["status", "--root", str(out)]) == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"requests.sqlite", "roboscribe.json"} <= {path.name for path in files}
    assert not any(key.encode() in path.read_bytes() for path in files)
    assert not any(key in text for text in capfd.readouterr())


def test_a_spent_budget_stops_cleanly_and_a_larger_one_goes_on(dataset: Path, server: FakeServer) -> None:
    seen: list[Event] = []
    first = annotate(replace(settings(dataset, server, cache=True), max_calls=10), seen.append)
    assert "--max-calls 10" in first.stopped
    assert isinstance(seen[-1], RunFinished)
    assert len(server.asked) == 10
    finished = annotate(settings(dataset, server, cache=True))
    assert (finished.annotated, finished.failed, finished.stopped) == (8, 0, "")
    bodies = [json.dumps(request.body) for request in server.asked]
    assert len(bodies) == len(set(bodies)) > 10, "no ask of the first run is repeated"


def test_a_long_episode_is_looked_at_in_windows(tmp_path: Path, server: FakeServer) -> None:
    root = make_dataset(tmp_path / "long", episodes=1, frames=200, size=(320, 240))
    base = settings(root, server)
    annotate(replace(base, frames=replace(base.frames, per_ask=12), subtasks=SubtasksSettings(relabel=True)))
    kinds = [kind_of(request.body) for request in server.asked if request.images]
    assert kinds.count("segment") == kinds.count("describe") == 4, "20 s at 2 Hz, at most 12 frames each"
    rows = [row for row in open_dataset(root).language_rows(0) if row.style == "subtask"]
    assert rows[0].timestamp == 0.0


@pytest.mark.parametrize("model", ["qwen2.5-vl-7b", "qwen3-vl-8b", "gemini-2.5-flash"])
def test_questions_and_traces_share_requests_and_the_pass_over_the_video(
    dataset: Path, model: str, stores: list[FrameStore]
) -> None:
    with FakeServer(models=(model,)) as server:
        base = settings(dataset, server, model_id=model)
        trace = TraceSettings(enabled=True, seconds=1.0)
        finished = annotate(replace(base, vqa=VqaSettings(consecutive=2), trace=trace))
    assert (finished.annotated, finished.failed) == (8, 0)
    asked = [(kind_of(request.body), request.images) for request in server.asked]
    assert {images for kind, images in asked if kind == "vqa"} == {4}, (
        "four pictures of 4 s at 1 Hz, one request"
    )
    assert {images for kind, images in asked if kind == "trace"} == {4, 5}, (
        "nine of 4 s at 2 Hz, two requests"
    )
    (store,) = stores
    assert (store.counts.passes, store.counts.repeats) == (8, 0)
    annotated = open_dataset(dataset)
    rows = [row for index in range(8) for row in annotated.language_rows(index)]
    assert len([row for row in rows if row.style == "vqa"]) > 8 * 2
    assert any(row.style == "trace" for row in rows)
    assert not [finding for finding in check_dataset(annotated) if finding.severity == "error"]


def test_axes_share_out_the_rephrasings(dataset: Path, server: FakeServer) -> None:
    base = settings(dataset, server)
    annotate(replace(base, episodes=("0",), task_aug=TaskAugSettings(count=7, axes=True)))
    told = [texts(request.body) for request in server.asked if kind_of(request.body) == "rephrase"]
    assert len(told) == 5
    assert sum("Write 2 variants" in text for text in told) == 2


def test_a_placeholder_task_is_derived_from_the_video(tmp_path: Path, server: FakeServer) -> None:
    root = make_dataset(tmp_path / "untold", episodes=1, frames=40, tasks=("task",), size=(320, 240))
    annotate(settings(root, server))
    derived = [request for request in server.asked if "was asked to do" in texts(request.body)]
    assert len(derived) == 1
    told = [row.content for row in open_dataset(root).language_rows(0) if row.style == "task_aug"]
    assert told
    assert "task" not in told


@pytest.mark.parametrize(
    ("server_is", "words", "named"),
    [
        ({}, ("--vlm.model-id", "gpt-none"), ["gpt-none", "--vlm.model-id"]),
        ({"key": "secret"}, (), ["OPENAI_API_KEY"]),
        ({"images": "refused"}, (), ["pictures", "subtasks, interjections and vqa would show"]),
        ({"images": "refused"}, ("--only", "memory"), ["pictures", "subtasks would show"]),
        ({}, ("--vlm.api-base", "http://127.0.0.1:9/v1"), ["127.0.0.1:9"]),
        ({}, ("--vlm.backend", "transformers", "--vlm.model-id", "/nowhere/model"), ["transformers"]),
        ({}, ("--prompts", "nowhere"), ["--prompts nowhere"]),
        ({}, ("--vlm.extra-body", "{"), ["--vlm.extra-body"]),
        ({}, ("--max-cost", "1"), ["--vlm.price-prompt"]),
    ],
)
def test_what_cannot_work_is_one_message_before_an_episode_is_spent(
    dataset: Path,
    server_is: dict[str, Any],
    words: tuple[str, ...],
    named: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = digests(dataset)
    with FakeServer(**server_is) as server:
        base = () if "--vlm.api-base" in words or "transformers" in words else ("--vlm.api-base", server.url)
        model = () if "--vlm.model-id" in words else ("--vlm.model-id", "fake-vlm")
        retries = ("--vlm.retries", "0")
        assert main(["annotate", "--root", str(dataset), *base, *model, *retries, *words]) == 2
        assert server.asked == []
    message = capsys.readouterr().err.strip()
    assert message.count("\n") == 0
    for part in named:
        assert part in message
    assert "secret" not in message
    assert digests(dataset) == before


def test_however_long_a_server_is_looked_at_nothing_is_asked_before(dataset: Path) -> None:
    with FakeServer(latency=slow_probes) as server:
        annotate(replace(settings(dataset, server), only=("task_aug", "vqa")))
    known = max(request.ended for request in server.seen if is_probe(request.body))
    assert min(request.arrived for request in server.asked) >= known


@pytest.mark.parametrize("lost", [{"images": "refused"}, {"key": "secret"}])
def test_a_server_that_is_remembered_and_cannot_be_used_any_more_is_one_message_too(
    dataset: Path, tmp_path: Path, lost: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache" / "roboscribe"
    before = digests(dataset)

    with FakeServer(latency=slow_probes) as server:
        annotate(settings(dataset, server, tmp_path / "first", cache=True))
        (cache / "requests.sqlite").unlink()
        assert "json_schema" in (cache / "servers.json").read_text()
        server.seen.clear()
        vars(server).update(lost)
        words = ["--root", str(dataset), "--vlm.api-base", server.url, "--vlm.model-id", "fake-vlm"]
        assert main(["annotate", *words, "--vlm.retries", "0"]) == 2
        answered = len(server.asked)
    assert (answered > 0) == ("images" in lost), "it was asked while it was looked at"
    assert capsys.readouterr().err.strip().count("\n") == 0
    assert digests(dataset) == before
    assert RequestCache(cache, print).count == 0
    assert "json_schema" not in (cache / "servers.json").read_text()


def test_a_server_that_is_remembered_and_answers_otherwise_changes_no_byte(
    dataset: Path, tmp_path: Path
) -> None:
    with FakeServer(structured="ignored") as server:
        annotate(settings(dataset, server, tmp_path / "cold"))
    assert not (tmp_path / "cache").exists(), "without a cache nothing is remembered"
    with FakeServer(latency=slow_probes) as server:
        told = {"cache": True, "cache_dir": tmp_path / "known"}
        annotate(settings(dataset, server, tmp_path / "first", **told))
        (tmp_path / "known" / "requests.sqlite").unlink()
        server.seen.clear()
        server.structured = "ignored"
        finished = annotate(settings(dataset, server, tmp_path / "warm", **told))
        formats = {bool(request.body.get("response_format")) for request in server.asked}
    assert (finished.annotated, finished.failed) == (8, 0)
    assert formats == {True, False}, "it was asked while it was looked at, and again afterwards"
    assert digests(tmp_path / "warm") == digests(tmp_path / "cold")


def test_a_server_without_eyes_does_for_what_shows_no_pictures(dataset: Path) -> None:
    with FakeServer(images="refused") as server:
        finished = annotate(replace(settings(dataset, server), only=("task_aug",)))
        assert (finished.annotated, finished.failed) == (8, 0)
        annotate(AnnotateSettings(root=dataset, only=("subtasks",)))
        finished = annotate(replace(settings(dataset, server), only=("memory",)))
    assert (finished.annotated, finished.failed) == (8, 0)
    assert {kind_of(request.body) for request in server.asked} == {"rephrase", "memory"}
    assert server.stats.images == 0
