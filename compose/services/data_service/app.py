"""The HTTP face of the market data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Annotated

from athena.app import service_app
from athena.indicators import moving_average, relative_strength
from athena.metrics import Metrics
from athena.settings import PostgresSettings, RedisSettings
from athena.stores import (
    check_postgres,
    ensure_schema,
    postgres_pool,
    redis_client,
    refuse_without_stores,
)
from athena.trading import Price, Quote, Symbol
from fastapi import FastAPI, HTTPException, Query, Response
from pydantic import BaseModel, Field

from . import market
from .instruments import Instruments
from .market import Instrument

LISTED = {"ATHN": "100", "HERA": "48.50", "HRMS": "12.25", "ZEUS": "310"}
LISTED_AT_TICK = 500
RSI_LENGTH = 14

CandleSize = Annotated[int, Query(ge=1, le=60)]


class Settings(PostgresSettings, RedisSettings):
    """The settings of data-service."""

    market_seed: int = 7
    quote_ttl_seconds: int = Field(default=300, ge=1)


class Listing(BaseModel):
    """An instrument to be traded from now on."""

    symbol: Symbol
    base_price: Price
    tick: int = Field(default=LISTED_AT_TICK, ge=0, le=1_000_000)


class Move(BaseModel):
    """How far a market is to move on."""

    ticks: int = Field(ge=1, le=10_000)


class Indicators(BaseModel):
    """Indicators over the closes of the last complete candles."""

    symbol: Symbol
    candle: int
    close: Decimal
    fast: Decimal
    slow: Decimal
    rsi: Decimal


def create(settings: Settings) -> FastAPI:
    """Return the application."""
    pool = postgres_pool(settings.database_url)
    cache = redis_client(settings.redis_url)
    seed = settings.market_seed
    instruments = Instruments(pool, cache, seed, settings.quote_ttl_seconds)

    @contextmanager
    def resources() -> Iterator[None]:
        with closing(cache), pool:
            ensure_schema(pool)
            for symbol, base_price in LISTED.items():
                instruments.add(Instrument(symbol, Decimal(base_price), LISTED_AT_TICK))
            yield

    metrics = Metrics()
    quotes = metrics.counter("athena_quotes_total", "Quotes served.", ["cache"])
    app = service_app(
        "data-service",
        settings,
        metrics,
        checks={"postgres": lambda: check_postgres(pool), "redis": cache.ping},
        resources=resources,
    )
    refuse_without_stores(app)

    def known(symbol: str) -> Instrument:
        instrument = instruments.find(symbol)
        if instrument is None:
            raise _unknown(symbol)
        return instrument

    @app.get("/instruments")
    def listed() -> list[Instrument]:
        return instruments.all()

    @app.post("/instruments", status_code=201)
    def list_instrument(listing: Listing) -> Instrument:
        instrument = Instrument(listing.symbol, listing.base_price, listing.tick)
        if not instruments.add(instrument):
            raise HTTPException(409, f"{listing.symbol} is already listed")
        return instrument

    @app.post("/instruments/{symbol}/advance")
    def advance(symbol: Symbol, move: Move) -> Quote:
        quote = instruments.advance(symbol, move.ticks)
        if quote is None:
            raise _unknown(symbol)
        return quote

    @app.get("/quotes/{symbol}")
    def quote(symbol: Symbol, response: Response) -> Quote:
        found = instruments.quote(symbol)
        if found is None:
            raise _unknown(symbol)
        current, hit = found
        response.headers["x-cache"] = "hit" if hit else "miss"
        quotes.labels(response.headers["x-cache"]).inc()
        return current

    @app.get("/ticks/{symbol}")
    def ticks(
        symbol: Symbol, count: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[market.Tick]:
        instrument = known(symbol)
        first = max(0, instrument.tick + 1 - count)
        return [
            market.tick_at(seed, instrument, number) for number in range(first, instrument.tick + 1)
        ]

    @app.get("/candles/{symbol}")
    def candles(
        symbol: Symbol,
        size: CandleSize = 10,
        count: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[market.Candle]:
        return market.candles_of(seed, known(symbol), size, count)

    @app.get("/indicators/{symbol}")
    def indicators(
        symbol: Symbol,
        size: CandleSize = 10,
        fast: Annotated[int, Query(ge=1, le=100)] = 5,
        slow: Annotated[int, Query(ge=2, le=200)] = 20,
    ) -> Indicators:
        if fast >= slow:
            raise HTTPException(422, "fast must be less than slow")
        needed = max(slow, RSI_LENGTH + 1)
        history = market.candles_of(seed, known(symbol), size, needed)
        if len(history) < needed:
            raise HTTPException(409, f"{symbol} has {len(history)} candles of {needed} needed")
        closes = [candle.close for candle in history]
        return Indicators(
            symbol=symbol,
            candle=history[-1].index,
            close=closes[-1],
            fast=moving_average(closes, fast),
            slow=moving_average(closes, slow),
            rsi=relative_strength(closes, RSI_LENGTH),
        )

    return app


def _unknown(symbol: str) -> HTTPException:
    return HTTPException(404, f"no instrument {symbol!r}")
