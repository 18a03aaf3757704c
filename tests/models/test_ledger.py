"""Costs follow the tokens, and a budget stops the next request, not those under way."""

import pytest

from roboscribe.config import VlmSettings
from roboscribe.errors import BudgetSpent, SettingsError
from roboscribe.models.ledger import Budget, Ledger, Prices
from roboscribe.models.request import Usage


def test_cached_tokens_have_their_own_price() -> None:
    prices = Prices.of(VlmSettings(price_prompt=1.0, price_completion=10.0, price_cached=0.1))
    assert prices.cost(Usage(1_000_000, 100_000, 600_000)) == pytest.approx(0.4 + 0.06 + 1.0)
    without = Prices.of(VlmSettings(price_prompt=1.0, price_completion=10.0))
    assert without.cost(Usage(1_000_000, 100_000, 600_000)) == pytest.approx(2.0)


def test_requests_under_way_count_against_the_calls() -> None:
    ledger = Ledger(budget=Budget(max_calls=2))
    with ledger.call(), ledger.call(), pytest.raises(BudgetSpent, match="--max-calls 2"), ledger.call():
        pass
    assert ledger.calls == 2


def test_a_call_that_brought_nothing_is_not_counted() -> None:
    ledger = Ledger(budget=Budget(max_calls=1))
    with pytest.raises(OSError, match="gone"), ledger.call():
        raise OSError("gone")
    with ledger.call():
        pass
    assert ledger.calls == 1


def test_the_cost_is_kept_to_by_reckoning_with_what_is_under_way() -> None:
    ledger = Ledger(Prices(prompt=1.0), Budget(max_cost=3.0))
    with ledger.call():
        ledger.used(Usage(1_000_000))
    with ledger.call(), ledger.call(), pytest.raises(BudgetSpent, match="--max-cost 3"), ledger.call():
        pass


def test_a_cost_limit_without_prices_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"--vlm.price-prompt"):
        Ledger(budget=Budget(max_cost=1.0))


@pytest.mark.parametrize("budget", [{"max_calls": 0}, {"max_cost": -1.0}])
def test_a_budget_of_nothing_is_refused(budget: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="more than 0"):
        Budget(**budget)  # pyright: ignore[reportArgumentType]
