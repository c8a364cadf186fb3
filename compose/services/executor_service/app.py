"""The HTTP face of the orders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID, uuid4

from athena.app import service_app
from athena.metrics import Metrics
from athena.peers import Peer
from athena.settings import PostgresSettings, RedisSettings
from athena.stores import (
    Row,
    check_postgres,
    ensure_schema,
    postgres_pool,
    redis_client,
    refuse_without_stores,
)
from athena.trading import Account, Quantity, Quote, Side, Symbol
from fastapi import FastAPI, HTTPException, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from . import ledger
from .events import Events

ClientId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]


class Settings(PostgresSettings, RedisSettings):
    """The settings of executor-service."""

    data_url: str
    risk_url: str


class NewOrder(BaseModel):
    """A market order."""

    account: Account
    symbol: Symbol
    side: Side
    quantity: Quantity
    client_id: ClientId = Field(default_factory=lambda: uuid4().hex)
    """The caller's own name for the order: sent twice, it is placed once."""


class Order(BaseModel):
    """An order and, where it was filled, at which price."""

    id: UUID
    number: int
    account: Account
    client_id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    status: Literal["filled", "rejected"]
    reason: str | None
    price: Decimal | None
    tick: int | None
    placed_at: datetime


class Position(BaseModel):
    """What an account holds of an instrument."""

    account: Account
    symbol: Symbol
    quantity: Decimal
    average_price: Decimal
    realized: Decimal


def create(settings: Settings) -> FastAPI:
    """Return the application."""
    pool = postgres_pool(settings.database_url)
    redis = redis_client(settings.redis_url)
    data = Peer("data-service", settings.data_url)
    risk = Peer("risk-service", settings.risk_url)

    @contextmanager
    def resources() -> Iterator[None]:
        with closing(data), closing(risk), closing(redis), pool:
            ensure_schema(pool)
            yield

    metrics = Metrics()
    orders = metrics.counter("athena_orders_total", "Orders taken.", ["status"])
    published = metrics.counter("athena_order_events_total", "Events sent.", ["outcome"])
    events = Events(redis, published)
    app = service_app(
        "executor-service",
        settings,
        metrics,
        checks={
            "postgres": lambda: check_postgres(pool),
            "redis": redis.ping,
            "data-service": data.check,
            "risk-service": risk.check,
        },
        resources=resources,
    )
    refuse_without_stores(app)

    def place(transaction: ledger.Transaction, new: NewOrder) -> Row:
        """Ask, fill and write, in the account's turn; return the order."""
        quote = Quote.model_validate(data.call("GET", f"/quotes/{new.symbol}"))
        asked = new.model_dump(mode="json", exclude={"client_id"})
        decision = risk.call(
            "POST", "/check", json={**asked, "price": str(quote.for_side(new.side))}
        )
        reason = None if decision["accepted"] else f"{decision['rule']}: {decision['reason']}"
        order_id = uuid4()
        ledger.record_order(transaction, order_id, **dict(new), rejected_because=reason)
        if reason is None:
            ledger.record_fill(transaction, order_id, new.account, new.side, new.quantity, quote)
        order = ledger.find_order(transaction, order_id)
        assert order is not None  # written in this transaction
        return order

    @app.post("/orders", status_code=201)
    def order(new: NewOrder, response: Response) -> Order:
        with pool.connection() as connection, connection.transaction():
            ledger.lock_account(connection, new.account)
            earlier = ledger.find_by_client_id(connection, new.account, new.client_id)
            placed = place(connection, new) if earlier is None else None
        if placed is not None:
            events.publish(placed)
            orders.labels(placed["status"]).inc()
            return Order.model_validate(placed)
        assert earlier is not None  # else an order was placed
        if any(earlier[name] != value for name, value in new):
            raise HTTPException(409, f"{new.client_id!r} names another order of {new.account}")
        response.status_code = 200
        return Order.model_validate(earlier)

    @app.get("/orders")
    def recent(
        account: Account | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> list[Order]:
        with pool.connection() as connection:
            rows = ledger.recent_orders(connection, account, limit)
        return [Order.model_validate(row) for row in rows]

    @app.get("/orders/{order_id}")
    def one(order_id: UUID) -> Order:
        with pool.connection() as connection:
            row = ledger.find_order(connection, order_id)
        if row is None:
            raise HTTPException(404, f"no order {order_id}")
        return Order.model_validate(row)

    @app.get("/positions")
    def held(account: Account | None = None) -> list[Position]:
        with pool.connection() as connection:
            rows = ledger.positions(connection, account)
        return [Position.model_validate(row) for row in rows]

    return app
