"""Telling: sums by annotator go in, the estimate with hours, cost and what it rests on comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from roboscribe.config import GpuSettings
from roboscribe.estimation.rehearse import Rehearsed
from roboscribe.estimation.result import Estimate, Part
from roboscribe.estimation.sample import Floats
from roboscribe.estimation.sums import ENOUGH, SCHEMA
from roboscribe.models.ledger import Budget, Prices
from roboscribe.models.rehearsal import PROBE, Rehearsal
from roboscribe.models.request import Usage
from roboscribe.opened import Opened

ASSUMED_SECONDS = 5.0
"""How long a call is taken to last where nobody has measured."""

_SECONDS_PER_HOUR = 3600


def tell(
    opened: Opened,
    model: Rehearsal,
    prices: Prices,
    budget: Budget,
    rehearsed: Mapping[int, Rehearsed],
    sums: Mapping[str, Floats],
    seconds_per_call: float | None,
    gpus: GpuSettings,
) -> Estimate:
    """The estimate.

    Args:
        opened: What the run works on.
        model: What stood in for its model.
        prices: Of tokens.
        budget: Of the run.
        rehearsed: What became of the rehearsed episodes.
        sums: Amounts by annotator.
        seconds_per_call: How long a call lasts, if the user knows.
        gpus: That run the model.
    """
    parts = tuple(_part(name, amounts, prices) for name, amounts in sums.items())
    total = _total(parts)
    seconds, source = _seconds(model, seconds_per_call)
    rounds = max((f.rounds for e in rehearsed.values() for f in e.foreseen if not f.cached), default=0)
    # Asks that wait for each other take their time, however few there are.
    busy = max(total.calls * seconds / model.at_once, min(total.calls, rounds) * seconds)
    hours, lasting = busy / _SECONDS_PER_HOUR, _LASTING.format(seconds, model.at_once, source)
    gpu_hours = gpus.hours(total.prompt_tokens, total.completion_tokens)
    if gpu_hours is not None:
        hours, lasting = gpu_hours / gpus.count, _GPUS.format(gpus.reads, gpus.writes)
    schema_tokens = round(sum(float(amounts[SCHEMA]) for amounts in sums.values()))
    failures = Counter(episode.failure for episode in rehearsed.values() if episode.failure)
    return Estimate(
        target=str(opened.target),
        model=model.identity,
        asks_nobody=False,
        episodes=len(opened.episodes),
        rehearsed=len(rehearsed),
        parts=parts,
        total=total,
        schema_tokens=schema_tokens,
        seconds_per_call=seconds,
        at_once=model.at_once,
        hours=hours,
        gpu_hours=gpu_hours or 0.0,
        gpu_cost=(gpu_hours or 0.0) * (gpus.price or 0.0),
        assumptions=(
            *_assumptions(len(opened.episodes), len(rehearsed), model, prices),
            *([_SCHEMA.format(schema_tokens)] if schema_tokens and PROBE in sums else ()),
            lasting,
        ),
        failures=tuple(
            f"{count} of {len(rehearsed)} rehearsed episodes would fail: {reason}"
            for reason, count in failures.most_common()
        ),
        stopped=_stopped(total, budget),
    )


_SCHEMA = (
    "The server holds answers to their schema by itself; one that has to be told reads {:,} tokens more."
)

_LASTING = "A call lasts {:.3g} s while {} are under way{}."
_GPUS = (
    "A GPU reads {:,.0f} tokens a second or writes {:,.0f}, as --gpu.reads and --gpu.writes say, and never waits for"
    " work."
)


def _part(name: str, amounts: Floats, prices: Prices) -> Part:
    episodes, staged, calls, cached, images, prompt, completion = map(round, amounts[:SCHEMA].tolist())
    cost = prices.cost(Usage(prompt, completion))
    return Part(name, episodes, staged, calls, cached, images, prompt, completion, cost)


def _total(parts: tuple[Part, ...]) -> Part:
    annotators = [part for part in parts if part.name != PROBE]
    return Part(
        "total",
        max((part.episodes for part in annotators), default=0),
        min((part.staged for part in annotators), default=0),
        sum(part.calls for part in parts),
        sum(part.cached for part in parts),
        sum(part.images for part in parts),
        sum(part.prompt_tokens for part in parts),
        sum(part.completion_tokens for part in parts),
        sum(part.cost for part in parts),
    )


def _seconds(model: Rehearsal, given: float | None) -> tuple[float, str]:
    """How long a call lasts, and who says so."""
    if given is not None:
        return given, ", as --seconds-per-call says"
    replies = sum(lesson.replies for lesson in model.lessons.values())
    seconds = sum(lesson.seconds for lesson in model.lessons.values())
    if replies >= ENOUGH and seconds > 0:
        return seconds / replies, f", as did {replies} earlier calls that the request cache knows of"
    return ASSUMED_SECONDS, "; nobody has measured it: say what is true with --seconds-per-call"


def _assumptions(episodes: int, rehearsed: int, model: Rehearsal, prices: Prices) -> Iterator[str]:
    if rehearsed < episodes:
        yield f"{rehearsed} episodes were rehearsed; the others are taken to be like them, by their length."
    yield f"Tokens are counted {model.tokens.how}."
    taught = sorted(name for name, lesson in model.lessons.items() if lesson.replies >= ENOUGH)
    if taught:
        yield f"What earlier replies took corrects what is foreseen of {', '.join(taught)}."
    yield (
        "Other answers are taken to be of typical length."
        if taught
        else (
            "Answers are taken to be of typical length, and no model to think first; annotate a few episodes, and "
            "the estimate goes by what their replies took."
        )
    )
    yield "No reply has to be mended or asked for again."
    if prices.cached != prices.prompt:
        yield "No token is taken to be at a server's hand from before."


def _stopped(total: Part, budget: Budget) -> str:
    """Which limit ends the run first."""
    limits = (
        (f"--max-calls {budget.max_calls}", budget.max_calls, total.calls),
        (f"--max-cost {budget.max_cost:g}" if budget.max_cost else "", budget.max_cost, total.cost),
    )
    shares = [
        (limit / wanted, flag) for flag, limit, wanted in limits if limit is not None and wanted > limit
    ]
    if not shares:
        return ""
    share, flag = min(shares)
    return f"{flag} would stop the run after {share:.0%} of its calls; the same command with more goes on."
