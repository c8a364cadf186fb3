"""data-service: the market is a pure function of seed, symbol and tick."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from statistics import mean
from typing import Any

import httpx
import pytest
from redis import Redis

GOLDEN = [
    (497, "90.11", 345),
    (498, "91.32", 891),
    (499, "91.56", 190),
    (500, "93.27", 983),
]
"""Tick, price and volume of ZZGOLDEN under the default seed."""
CACHE_KEY = "athena:quote:{}"


@pytest.mark.smoke
def test_the_usual_instruments_are_listed(data: httpx.Client) -> None:
    symbols = {instrument["symbol"] for instrument in data.get("/instruments").json()}
    assert symbols >= {"ATHN", "HERA", "HRMS", "ZEUS"}


def test_prices_are_the_same_everywhere(data: httpx.Client) -> None:
    # Never moved on, so that every run finds the same ticks: 201 in the first, 409 after.
    listing = {"symbol": "ZZGOLDEN", "base_price": "100", "tick": 500}
    assert data.post("/instruments", json=listing).status_code in (201, 409)
    ticks = data.get("/ticks/ZZGOLDEN", params={"count": 4}).json()
    assert [(tick["tick"], tick["price"], tick["volume"]) for tick in ticks] == GOLDEN


def test_candles_sum_up_their_ticks(
    data: httpx.Client, list_instrument: Callable[..., str]
) -> None:
    symbol = list_instrument(tick=104)
    ticks = data.get(f"/ticks/{symbol}", params={"count": 105}).json()
    candles = data.get(f"/candles/{symbol}", params={"size": 10, "count": 3}).json()
    assert [candle["index"] for candle in candles] == [7, 8, 9]
    for candle in candles:
        group = ticks[candle["index"] * 10 : candle["index"] * 10 + 10]
        prices = [Decimal(tick["price"]) for tick in group]
        assert Decimal(candle["open"]) == prices[0]
        assert Decimal(candle["high"]) == max(prices)
        assert Decimal(candle["low"]) == min(prices)
        assert Decimal(candle["close"]) == prices[-1]
        assert candle["volume"] == sum(tick["volume"] for tick in group)


def test_a_candle_is_served_only_when_complete(
    data: httpx.Client, list_instrument: Callable[..., str], advance: Callable[..., None]
) -> None:
    symbol = list_instrument(tick=8)
    assert data.get(f"/candles/{symbol}", params={"size": 10}).json() == []
    advance(symbol)
    assert len(data.get(f"/candles/{symbol}", params={"size": 10}).json()) == 1


def test_indicators_have_the_right_values(data: httpx.Client, symbol: str) -> None:
    candles = data.get(f"/candles/{symbol}", params={"size": 5, "count": 21}).json()
    closes = [float(candle["close"]) for candle in candles]
    moves = [after - before for before, after in zip(closes[-15:], closes[-14:], strict=False)]
    gained = sum(move for move in moves if move > 0)
    found = data.get(f"/indicators/{symbol}", params={"size": 5, "fast": 4, "slow": 21}).json()
    assert found["candle"] == candles[-1]["index"]
    assert found["close"] == candles[-1]["close"]
    assert float(found["fast"]) == pytest.approx(mean(closes[-4:]), abs=1e-4)
    assert float(found["slow"]) == pytest.approx(mean(closes), abs=1e-4)
    assert float(found["rsi"]) == pytest.approx(
        100 * gained / sum(abs(move) for move in moves), abs=1e-4
    )


def test_indicators_of_a_young_market_are_refused(
    data: httpx.Client, list_instrument: Callable[..., str]
) -> None:
    answer = data.get(f"/indicators/{list_instrument(tick=30)}", params={"size": 10})
    assert answer.status_code == 409
    assert "3 candles of 20" in answer.json()["detail"]


def test_the_second_quote_comes_from_the_cache(
    data: httpx.Client, redis: Redis, symbol: str
) -> None:
    first, second = (data.get(f"/quotes/{symbol}") for _ in range(2))
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("miss", "hit")
    assert first.json() == second.json()
    assert redis.ttl(CACHE_KEY.format(symbol)) > 0


def test_a_lost_cache_changes_no_quote(data: httpx.Client, redis: Redis, symbol: str) -> None:
    before = data.get(f"/quotes/{symbol}").json()
    assert redis.delete(CACHE_KEY.format(symbol)) == 1
    after = data.get(f"/quotes/{symbol}")
    assert after.headers["x-cache"] == "miss"
    assert after.json() == before


def test_a_move_replaces_the_cached_quote(
    data: httpx.Client, symbol: str, quote: Callable[[str], Any], advance: Callable[..., None]
) -> None:
    before = quote(symbol)
    advance(symbol, 20)
    answer = data.get(f"/quotes/{symbol}")
    assert answer.headers["x-cache"] == "hit"
    assert answer.json()["tick"] == before["tick"] + 20
    last = data.get(f"/ticks/{symbol}", params={"count": 1}).json()[0]
    assert Decimal(answer.json()["mid"]) == Decimal(last["price"])


def test_the_bid_is_below_the_ask(symbol: str, quote: Callable[[str], Any]) -> None:
    found = quote(symbol)
    assert found["bid"] < found["mid"] < found["ask"]


@pytest.mark.parametrize("route", ["quotes", "ticks", "candles", "indicators"])
def test_an_unknown_symbol_is_not_found(data: httpx.Client, route: str) -> None:
    answer = data.get(f"/{route}/NOSUCH")
    assert answer.status_code == 404
    assert "NOSUCH" in answer.json()["detail"]


def test_a_symbol_is_listed_once(data: httpx.Client, symbol: str) -> None:
    again = data.post("/instruments", json={"symbol": symbol, "base_price": "1"})
    assert again.status_code == 409


@pytest.mark.parametrize(
    "listing",
    [
        {"symbol": "lower", "base_price": "1"},
        {"symbol": "ZZBAD", "base_price": "0"},
        {"symbol": "ZZBAD", "base_price": "NaN"},
        {"symbol": "ZZBAD"},
    ],
    ids=["symbol", "zero", "nan", "no-price"],
)
def test_a_bad_listing_is_refused(data: httpx.Client, listing: dict[str, str]) -> None:
    assert data.post("/instruments", json=listing).status_code == 422
