"""What an estimate says: sums by annotator, and in sentences what they rest on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """What one annotator would take, or all of them together.

    Attributes:
        name: Of the annotator; ``probe`` for finding out what a server can do, ``total`` for everything.
        episodes: Episodes for which it would run.
        staged: Episodes whose result is staged and holds.
        calls: Requests to the model.
        cached: Asks that the request cache answers.
        images: Pictures.
        prompt_tokens: Tokens to be read, pictures included.
        completion_tokens: Tokens to be written.
        cost: In the currency of the prices given.
    """

    name: str
    episodes: int = 0
    staged: int = 0
    calls: int = 0
    cached: int = 0
    images: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take.

    Attributes:
        target: Folder of the dataset that would be annotated.
        model: Identity of the model.
        asks_nobody: Whether it is the builtin model, which takes no calls.
        episodes: Number of episodes.
        rehearsed: Of these, how many were rehearsed.
        parts: By annotator, in working order; annotators that put no asks are left out.
        total: All of them together, and the probes.
        schema_tokens: Tokens to be read besides, where a server has to be told the schema of answers.
        seconds_per_call: How long a call is taken to last.
        at_once: Calls that are under way at the same time.
        hours: How long the model is at work.
        gpu_hours: Hours of all GPUs together, where their speed is known.
        gpu_cost: What these cost.
        assumptions: What all this rests on, in sentences.
        failures: What would fail, as far as that can be seen beforehand, in sentences.
        stopped: Which limit of the budget would end the run, in a sentence; empty when none would.
    """

    target: str
    model: str
    asks_nobody: bool
    episodes: int
    rehearsed: int = 0
    parts: tuple[Part, ...] = ()
    total: Part = field(default_factory=lambda: Part("total"))
    schema_tokens: int = 0
    seconds_per_call: float = 0.0
    at_once: int = 1
    hours: float = 0.0
    gpu_hours: float = 0.0
    gpu_cost: float = 0.0
    assumptions: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    stopped: str = ""
