"""A server that fails in every way at once, for one request in four: nothing is missing, and nothing changes."""

import pytest
from fake_openai_server import FakeServer, Faults
from talking import looks_at, run_asks

FAULTY = Faults(status_500=0.05, status_429=0.05, drop=0.05, malformed=0.05, truncated=0.05)
ASKS = 300


@pytest.fixture(scope="module")
def sound() -> list[object]:
    """Answers of a server without faults."""
    with FakeServer(keep=False) as server:
        return list(run_asks(server, looks_at(ASKS, pictures=1), looks=True).answers)


@pytest.mark.parametrize("concurrency", [1, 7, 64])
def test_every_ask_is_answered_as_without_faults(sound: list[object], concurrency: int) -> None:
    with FakeServer(faults=FAULTY, keep=False) as server:
        run = run_asks(server, looks_at(ASKS, pictures=1), looks=True, client_concurrency=concurrency)
    assert run.answers == sound
    assert set(server.stats.faults) == {"500", "429", "drop", "malformed", "truncated"}
    assert sum(server.stats.faults.values()) > ASKS / 6
    assert run.ledger.failures == 0


@pytest.mark.parametrize("structured", ["json_object", "ignored", "rejected"])
def test_neither_faults_nor_a_simple_server_lose_an_ask(sound: list[object], structured: str) -> None:
    with FakeServer(faults=FAULTY, structured=structured, keep=False) as server:  # pyright: ignore[reportArgumentType]
        run = run_asks(server, looks_at(ASKS, pictures=1), looks=True)
    assert run.answers == sound


def test_the_same_seed_gives_the_same_answers_at_any_concurrency() -> None:
    def answers(seed: int, concurrency: int) -> list[object]:
        with FakeServer(faults=FAULTY, keep=False) as server:
            run = run_asks(server, looks_at(100, seed=seed), temperature=0.7, client_concurrency=concurrency)
            return list(run.answers)

    first = answers(seed=1, concurrency=1)
    assert answers(seed=1, concurrency=7) == first
    assert answers(seed=1, concurrency=64) == first
    assert answers(seed=2, concurrency=7) != first


def test_two_faulty_servers_answer_as_one(sound: list[object]) -> None:
    with FakeServer(faults=FAULTY, keep=False) as one, FakeServer(faults=FAULTY, keep=False) as two:
        run = run_asks([one, two], looks_at(ASKS, pictures=1), looks=True)
    assert run.answers == sound
    assert min(one.stats.calls, two.stats.calls) > ASKS / 4
