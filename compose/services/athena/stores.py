"""Clients of the two stores: a Postgres pool and Redis."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg import Connection, OperationalError
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from .health import CHECK_TIMEOUT_SECONDS

Row = dict[str, Any]
Postgres = ConnectionPool[Connection[Row]]

_log = logging.getLogger(__name__)

_SCHEMA = Path(__file__).with_name("schema.sql")
_SCHEMA_LOCK = 0x617468656E61  # "athena": any number that nothing else here locks


def postgres_pool(url: str) -> Postgres:
    """Return a closed pool of connections whose rows are dicts.

    They are in autocommit: a single statement needs no transaction of its own, and what
    must be atomic says so with `connection.transaction()`.
    """
    return ConnectionPool(
        url,
        kwargs={
            "autocommit": True,
            "row_factory": dict_row,
            "connect_timeout": 5,
            "options": "-c statement_timeout=10s",
        },
        min_size=1,
        max_size=10,
        timeout=5,
        # By default the pause between two attempts to connect doubles for five minutes, and
        # a store that is back goes unnoticed as long; so, the next request tries anew.
        reconnect_timeout=2,
        check=ConnectionPool.check_connection,
        open=False,
    )


def ensure_schema(pool: Postgres) -> None:
    """Create the tables unless they are there.

    Several services start at once and `CREATE TABLE IF NOT EXISTS` races with itself
    (two of them may both see no table), hence the lock.
    """
    pool.wait(timeout=10)  # else the pool, asked before it is full, opens a connection too many
    with pool.connection() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
        found = connection.execute("SELECT to_regclass('equity_peaks') AS it").fetchone()
        if found is None or found["it"] is None:
            connection.execute(_SCHEMA.read_bytes())


def redis_client(url: str) -> Redis:
    """Return a client that decodes texts and gives up soon."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=CHECK_TIMEOUT_SECONDS,
        socket_timeout=CHECK_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


def refuse_without_stores(app: FastAPI) -> None:
    """Answer 503, not 500, to a request that needs a store which does not answer."""

    @app.exception_handler(OperationalError)
    @app.exception_handler(RedisError)
    async def refuse(_: Request, error: Exception) -> JSONResponse:
        _log.error("store does not answer", exc_info=error)
        store = "redis" if isinstance(error, RedisError) else "postgres"
        return JSONResponse({"detail": f"{store} does not answer"}, status_code=503)


def check_postgres(pool: Postgres) -> None:
    """Raise unless Postgres answers."""
    with pool.connection(timeout=CHECK_TIMEOUT_SECONDS) as connection:
        connection.execute("SELECT 1")
