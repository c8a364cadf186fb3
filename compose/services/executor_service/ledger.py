"""Orders, fills and positions in Postgres.

A caller holds the account's lock from reading its position to writing the new one, so
that concurrent orders of one account take turns: they see each other's fills and cannot
slip through a limit together.
"""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from uuid import UUID

from athena.stores import Row
from athena.trading import Quote, Side, signed
from psycopg import Connection

from .positions import Position, after_fill

_SELECT_ORDERS = (
    "SELECT id, number, account, client_id, symbol, side, orders.quantity, status, reason, "
    "fills.price, fills.tick, placed_at FROM orders LEFT JOIN fills ON order_id = id "
)
_LOCK_SPACE = 1  # the first of the two numbers that name an account's lock

Transaction = Connection[Row]


def lock_account(transaction: Transaction, account: str) -> None:
    """Wait for the account's turn, and keep it until the transaction ends."""
    transaction.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_SPACE, account])


def find_order(connection: Transaction, order_id: UUID) -> Row | None:
    """Return the order with its fill, or None."""
    return connection.execute(_SELECT_ORDERS + "WHERE id = %s", [order_id]).fetchone()


def find_by_client_id(connection: Transaction, account: str, client_id: str) -> Row | None:
    """Return the order that the account placed under this name, or None."""
    return connection.execute(
        _SELECT_ORDERS + "WHERE account = %s AND client_id = %s", [account, client_id]
    ).fetchone()


def recent_orders(connection: Transaction, account: str | None, limit: int) -> list[Row]:
    """Return the latest orders of the account, or of all, the newest first."""
    return connection.execute(
        _SELECT_ORDERS
        + "WHERE %(account)s::text IS NULL OR account = %(account)s "
        + "ORDER BY number DESC LIMIT %(limit)s",
        {"account": account, "limit": limit},
    ).fetchall()


def positions(connection: Transaction, account: str | None) -> list[Row]:
    """Return the positions of the account, or of all."""
    return connection.execute(
        "SELECT account, symbol, quantity, average_price, realized FROM positions "
        "WHERE %(account)s::text IS NULL OR account = %(account)s ORDER BY account, symbol",
        {"account": account},
    ).fetchall()


def record_order(
    transaction: Transaction,
    order_id: UUID,
    account: str,
    client_id: str,
    symbol: str,
    side: Side,
    quantity: Decimal,
    rejected_because: str | None,
) -> None:
    """Write the order, as filled or as rejected."""
    status = "filled" if rejected_because is None else "rejected"
    transaction.execute(
        "INSERT INTO orders (id, account, client_id, symbol, side, quantity, status, reason) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [order_id, account, client_id, symbol, side, quantity, status, rejected_because],
    )


def record_fill(
    transaction: Transaction,
    order_id: UUID,
    account: str,
    side: Side,
    quantity: Decimal,
    quote: Quote,
) -> None:
    """Write the fill at the quote and what it makes of the position."""
    price = quote.for_side(side)
    transaction.execute(
        "INSERT INTO fills (order_id, price, quantity, tick) VALUES (%s, %s, %s, %s)",
        [order_id, price, quantity, quote.tick],
    )
    row = transaction.execute(
        "SELECT quantity, average_price, realized FROM positions "
        "WHERE account = %s AND symbol = %s",
        [account, quote.symbol],
    ).fetchone()
    position = after_fill(Position(**(row or {})), signed(side, quantity), price)
    transaction.execute(
        "INSERT INTO positions (account, symbol, quantity, average_price, realized) VALUES "
        "(%(account)s, %(symbol)s, %(quantity)s, %(average_price)s, %(realized)s) "
        "ON CONFLICT (account, symbol) DO UPDATE SET quantity = excluded.quantity, "
        "average_price = excluded.average_price, realized = excluded.realized",
        {"account": account, "symbol": quote.symbol, **asdict(position)},
    )
