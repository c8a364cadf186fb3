"""The HTTP face of the limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated

from athena.app import service_app
from athena.metrics import Metrics
from athena.settings import PostgresSettings, RedisSettings
from athena.stores import (
    check_postgres,
    ensure_schema,
    postgres_pool,
    redis_client,
    refuse_without_stores,
)
from athena.trading import Account, Price, Quantity, Side, Symbol, signed
from fastapi import FastAPI, Path
from pydantic import BaseModel, Field

from .books import Books
from .limits import Holding, Intent, Limits, Rule, drawdown, exposure, judge, profit

Money = Annotated[Decimal, Field(gt=0)]


class Settings(PostgresSettings, RedisSettings):
    """The settings of risk-service."""

    starting_equity: Money = Decimal(20_000)
    max_order_size: Money = Decimal(10_000)
    max_total_position: Money = Decimal(25_000)
    max_drawdown: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.05")


class Check(BaseModel):
    """An order as executor-service would fill it."""

    account: Account
    symbol: Symbol
    side: Side
    quantity: Quantity
    price: Price


class Standing(BaseModel):
    """Where an account stands."""

    exposure: Decimal
    equity: Decimal
    peak: Decimal
    drawdown: Decimal


class Decision(BaseModel):
    """The verdict on an order, and the standing it was given at."""

    accepted: bool
    rule: Rule | None
    reason: str | None
    standing: Standing


def create(settings: Settings) -> FastAPI:
    """Return the application."""
    pool = postgres_pool(settings.database_url)
    cache = redis_client(settings.redis_url)
    books = Books(pool, cache)
    limits = Limits(settings.max_order_size, settings.max_total_position, settings.max_drawdown)

    @contextmanager
    def resources() -> Iterator[None]:
        with closing(cache), pool:
            ensure_schema(pool)
            yield

    metrics = Metrics()
    decisions = metrics.counter("athena_risk_decisions_total", "Orders judged.", ["rule"])
    app = service_app(
        "risk-service",
        settings,
        metrics,
        checks={"postgres": lambda: check_postgres(pool), "redis": cache.ping},
        resources=resources,
    )
    refuse_without_stores(app)

    def look(account: str, prices: Mapping[str, Decimal]) -> tuple[list[Holding], Standing]:
        book = books.read(account, prices)
        equity = settings.starting_equity + profit(book)
        peak = books.raise_peak(account, max(equity, settings.starting_equity))
        standing = Standing(
            exposure=exposure(book), equity=equity, peak=peak, drawdown=drawdown(equity, peak)
        )
        return book, standing

    @app.get("/limits")
    def shown() -> Limits:
        return limits

    @app.get("/standing/{account}")
    def standing(account: Annotated[Account, Path()]) -> Standing:
        return look(account, {})[1]

    @app.post("/check")
    def check(order: Check) -> Decision:
        book, standing = look(order.account, {order.symbol: order.price})
        intent = Intent(order.symbol, signed(order.side, order.quantity), order.price)
        verdict = judge(limits, book, standing.drawdown, intent)
        decisions.labels(verdict.rule or "accepted").inc()
        return Decision(**asdict(verdict), standing=standing)

    return app
