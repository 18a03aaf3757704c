"""The account of a run: calls and tokens go in; sums, cost and the end of the budget come out."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from roboscribe.config import VlmSettings
from roboscribe.errors import BudgetSpent, SettingsError
from roboscribe.models.request import Usage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a million tokens each; nothing is charged at 0."""

    prompt: float = 0.0
    completion: float = 0.0
    cached: float = 0.0

    @classmethod
    def of(cls, vlm: VlmSettings) -> Prices:
        """Prices as the settings give them; prompt tokens that were cached cost as others unless they say."""
        prompt = vlm.price_prompt or 0.0
        return cls(
            prompt, vlm.price_completion or 0.0, prompt if vlm.price_cached is None else vlm.price_cached
        )

    def cost(self, usage: Usage) -> float:
        """What these tokens cost."""
        fresh = max(0, usage.prompt_tokens - usage.cached_tokens)
        return (
            fresh * self.prompt
            + usage.cached_tokens * self.cached
            + usage.completion_tokens * self.completion
        ) / _MILLION


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a run may spend; None is without limit.

    Raises:
        SettingsError: A limit that is not positive.
    """

    max_cost: float | None = None
    max_calls: int | None = None

    def __post_init__(self) -> None:
        for flag, limit in (("--max-cost", self.max_cost), ("--max-calls", self.max_calls)):
            if limit is not None and not limit > 0:
                raise SettingsError(f"{flag} is {limit}, but must be more than 0.")


@dataclass
class Ledger:
    """Counts what a run asks of its model.

    Attributes:
        calls: Requests the model answered, repairs included.
        cached: Asks answered from the request cache, without a call.
        images: Pictures sent, again with every retry.
        bytes_sent: Bytes of the bodies sent, again with every retry.
        usage: Tokens of all replies, probes included.
        retries: Requests sent again after a fault of the server or the network.
        repairs: Replies sent back to the model to be mended.
        failures: Asks that got no valid answer.
        probes: Requests that only found out what a server can do.
    """

    prices: Prices = Prices()
    budget: Budget = Budget()
    calls: int = 0
    cached: int = 0
    images: int = 0
    bytes_sent: int = 0
    usage: Usage = field(default_factory=Usage)
    retries: int = 0
    repairs: int = 0
    failures: int = 0
    probes: int = 0
    _open: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        if self.budget.max_cost is not None and not any((self.prices.prompt, self.prices.completion)):
            raise SettingsError(
                "--max-cost needs prices to reckon with.",
                "Give --vlm.price-prompt and --vlm.price-completion.",
            )

    @property
    def cost(self) -> float:
        """What the run has cost so far."""
        return self.prices.cost(self.usage)

    @contextmanager
    def call(self) -> Generator[None, None, None]:
        """Around one call of the model; counts it when it brings a reply.

        Requests in flight are reckoned with at the mean cost so far, so that many of them together do not
        run far over the budget.

        Raises:
            BudgetSpent: The budget does not allow one more.
        """
        limit = self.budget
        if limit.max_calls is not None and self.calls + self._open >= limit.max_calls:
            raise BudgetSpent(
                f"--max-calls {limit.max_calls} is used up.", "The same command with a larger one goes on."
            )
        expected = self.cost + (self._open + 1) * self.cost / max(1, self.calls)
        if limit.max_cost is not None and expected > limit.max_cost:
            raise BudgetSpent(
                f"--max-cost {limit.max_cost:g} is used up: {self.cost:.4g} spent in {self.calls} calls.",
                "The same command with a larger one goes on.",
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
        self.calls += 1

    def sent(self, nbytes: int, images: int) -> None:
        """Note a body that goes out over the network."""
        self.bytes_sent += nbytes
        self.images += images

    def used(self, usage: Usage) -> None:
        """Note the tokens of a reply."""
        total = self.usage
        self.usage = Usage(
            total.prompt_tokens + usage.prompt_tokens,
            total.completion_tokens + usage.completion_tokens,
            total.cached_tokens + usage.cached_tokens,
        )
