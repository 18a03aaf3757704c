"""Decoding of a batch: the scores of each next token go in, the token chosen for every row comes out.

Every row keeps to a grammar of its own and draws from a random source of its own, so that what it says does
not depend on the rows beside it. (What it computes may, in the last digits: a batch adds up in another order.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Any, Literal

import torch
import xgrammar
from transformers import LogitsProcessor, StoppingCriteria

_NEVER = float("-inf")


class NotNumbers(ArithmeticError):  # noqa: N818 - says what was found
    """A model's scores are not numbers: its calculation has gone beyond what its kind of numbers can hold."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a token is drawn.

    Attributes:
        temperature: 0 takes the likeliest token.
        top_p: Only the likeliest tokens that together have this probability.
        top_k: Only this many of the likeliest tokens; 0 for all.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0


@dataclass(eq=False)
class Row:
    """One reply that is being written.

    Attributes:
        limit: Most tokens.
        seed: Of its random source.
        grammar: What it must keep to, compiled; None for free text.
        tokens: What it has so far, the end mark left out.
        finish: ``stop`` once it has ended by itself, ``length`` once it is cut off; None before.
    """

    limit: int
    seed: int
    grammar: Any = None
    tokens: list[int] = field(default_factory=list[int])
    finish: Literal["stop", "length"] | None = None

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        # An answer that is whole needs no end mark: one token less to wait for.
        self._matcher: Any = (
            xgrammar.GrammarMatcher(self.grammar, terminate_without_stop_token=True) if self.grammar else None
        )

    def draw(self) -> float:
        """The next number of its random source, in [0, 1)."""
        # 32 bits, so that it stays below 1 when it is multiplied.
        return self._random.getrandbits(32) / 2**32

    def mask(self, allowed: torch.Tensor, index: int) -> None:
        """Mark in row ``index`` of a bit mask which tokens may come next."""
        if self._matcher is not None:
            self._matcher.fill_next_token_bitmask(allowed, index)

    def take(self, token: int, ends: frozenset[int]) -> None:
        """Add a token; ``ends`` are end marks."""
        if token in ends:
            self.finish = "stop"
            return
        self.tokens.append(token)
        if self._matcher is not None:
            self._matcher.accept_token(token)
            if self._matcher.is_terminated():
                self.finish = "stop"
        if self.finish is None and len(self.tokens) >= self.limit:
            self.finish = "length"


class Steering(LogitsProcessor):
    """Chooses the next token of every row, and leaves the model no other.

    Args:
        rows: The replies, in the order of the batch.
        sampling: How tokens are drawn.
        vocabulary: Number of tokens the grammars know.
        ends: End marks.
        marks: Other marks of the template, such as those around pictures. They are no text, so that a reply could
            hold them where its grammar has room for letters, and would not fit its schema without them.
        pad: What a row that is finished is filled up with.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        sampling: Sampling,
        vocabulary: int,
        *,
        ends: frozenset[int],
        marks: Sequence[int],
        pad: int,
    ) -> None:
        self.rows = rows
        self._sampling = sampling
        self._ends = ends
        self._marks = list(marks)
        self._pad = pad
        self._allowed = xgrammar.allocate_token_bitmask(len(rows), vocabulary)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores, shape [rows, vocabulary], with all but the chosen token of each row at minus infinity.

        Raises:
            NotNumbers: Some scores are not.
        """
        # No token can be drawn of these, and a GPU could not be used any more once it had tried.
        if scores.isnan().any():
            raise NotNumbers
        # Apple's GPUs have no double precision.
        scores_here = scores.cpu() if scores.device.type == "mps" else scores
        for index, row in enumerate(self.rows):
            if row.finish is None:
                row.mask(self._allowed, index)
        scores_here[:, self._marks] = _NEVER
        xgrammar.apply_token_bitmask_inplace(
            scores_here, self._allowed.to(scores_here.device), backend=kernels_of(scores_here.device)
        )
        draws = torch.tensor(
            [row.draw() for row in self.rows], dtype=torch.float64, device=scores_here.device
        )
        chosen = choose(scores_here, draws, self._sampling).tolist()
        for index, row in enumerate(self.rows):
            if row.finish is None:
                row.take(chosen[index], self._ends)
            else:
                chosen[index] = self._pad
        forced = torch.full_like(scores, _NEVER)
        return forced.scatter_(1, torch.tensor(chosen, device=scores.device)[:, None], 0.0)


class Finished(StoppingCriteria):
    """Ends a row once its reply is finished, and all of them when they are no longer wanted.

    Args:
        rows: The replies, in the order of the batch.
        unwanted: Set when nobody waits for them any more.
    """

    def __init__(self, rows: Sequence[Row], unwanted: Event) -> None:
        self._rows = rows
        self._unwanted = unwanted

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Whether each row is at its end, shape [rows]."""
        over = self._unwanted.is_set()
        return torch.tensor([over or row.finish is not None for row in self._rows], device=input_ids.device)


def kernels_of(device: torch.device) -> Literal["cpu", "torch_native"]:
    """Those of xgrammar that rule tokens out on a device."""
    # What xgrammar takes on a GPU by itself is compiled at the first call, which needs Triton and a C compiler: not
    # every machine has them. Beside a model, plain torch is as good.
    return "cpu" if device.type == "cpu" else "torch_native"


def choose(scores: torch.Tensor, draws: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The token of each row: the likeliest, or the one on which its draw falls.

    The draw is looked up in the cumulative distribution in the order of the vocabulary, so that tiny
    differences of the scores hardly ever change the choice, which sorting by probability would amplify.

    Args:
        scores: Logits, shape [rows, vocabulary].
        draws: Numbers in [0, 1), float64, shape [rows].
        sampling: How tokens are drawn.

    Returns:
        Token numbers, shape [rows].
    """
    if sampling.temperature == 0:
        return scores.argmax(-1)
    chances = torch.softmax(scores.double() / sampling.temperature, -1)
    if 0 < sampling.top_k < chances.shape[-1]:
        least = chances.topk(sampling.top_k).values[:, -1:]
        chances = torch.where(chances >= least, chances, 0.0)
    if sampling.top_p < 1:
        ordered = chances.sort(descending=True).values
        before = ordered.cumsum(-1) - ordered
        wanted = before < sampling.top_p * ordered.sum(-1, keepdim=True)
        least = ordered.where(wanted, 1.0).min(-1, keepdim=True).values
        chances = torch.where(chances >= least, chances, 0.0)
    cumulative = chances.cumsum(-1)
    return torch.searchsorted(cumulative, draws[:, None] * cumulative[:, -1:], right=True)[:, 0]
