"""strategy-service: the crossover, and the order that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx

Json = dict[str, Any]
CANDLE = 10
LONG_WAVE_CANDLES = 10
"""The market's longer wave, in candles: within it the averages cross both ways."""


def test_a_crossover_places_one_order(
    strategy: httpx.Client,
    executor: httpx.Client,
    account: str,
    symbol: str,
    advance: Callable[..., None],
) -> None:
    run = {"account": account, "symbol": symbol, "quantity": "2", "candle_size": CANDLE}
    for _ in range(LONG_WAVE_CANDLES + 2):
        evaluation = strategy.post("/run", json=run).raise_for_status().json()
        if evaluation["signal"] != "hold":
            break
        assert evaluation["order"] is None
        advance(symbol, CANDLE)
    order = evaluation["order"]
    assert order["side"] == evaluation["signal"] in ("buy", "sell")
    assert (order["status"], order["symbol"]) == ("filled", symbol)
    assert Decimal(order["quantity"]) == 2
    again = strategy.post("/run", json=run).json()
    assert again == evaluation
    assert executor.get("/orders", params={"account": account}).json() == [order]


def test_the_signal_follows_from_the_candles(
    strategy: httpx.Client, data: httpx.Client, account: str, symbol: str
) -> None:
    run = {"account": account, "symbol": symbol, "candle_size": 5, "fast": 2, "slow": 6}
    wanted = {"size": 5, "count": 7}
    closes = [Decimal(c["close"]) for c in data.get(f"/candles/{symbol}", params=wanted).json()]

    def above(upto: int) -> bool:
        return sum(closes[upto - 2 : upto]) / 2 > sum(closes[upto - 6 : upto]) / 6

    expected = "hold" if above(6) == above(7) else "buy" if above(7) else "sell"
    assert strategy.post("/run", json=run).json()["signal"] == expected


def test_a_young_market_has_no_signal(
    strategy: httpx.Client, account: str, list_instrument: Callable[..., str]
) -> None:
    run = {"account": account, "symbol": list_instrument(tick=0)}
    assert strategy.post("/run", json=run).status_code == 409


def test_what_another_service_refuses_is_passed_on(strategy: httpx.Client, account: str) -> None:
    answer = strategy.post("/run", json={"account": account, "symbol": "NOSUCH"})
    assert answer.status_code == 404
    assert "NOSUCH" in answer.json()["detail"]


def test_averages_the_wrong_way_round_are_refused(strategy: httpx.Client, account: str) -> None:
    run = {"account": account, "symbol": "ATHN", "fast": 9, "slow": 9}
    assert strategy.post("/run", json=run).status_code == 422
