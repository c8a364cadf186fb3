"""The instruments in Postgres, and their quotes in the Redis cache."""

from __future__ import annotations

import logging

from athena.stores import Postgres, Row
from athena.trading import Quote, quote_key
from redis import Redis, RedisError

from .market import Instrument, quote_of

_log = logging.getLogger(__name__)


class Instruments:
    """Reads and moves instruments; every move is written through to the cache."""

    def __init__(self, pool: Postgres, cache: Redis, seed: int, ttl_seconds: int) -> None:
        self._pool = pool
        self._cache = cache
        self._seed = seed
        self._ttl_seconds = ttl_seconds

    def add(self, instrument: Instrument) -> bool:
        """Return False, and change nothing, where the symbol is taken."""
        with self._pool.connection() as connection:
            added = connection.execute(
                "INSERT INTO instruments (symbol, base_price, tick) VALUES (%s, %s, %s) "
                "ON CONFLICT DO NOTHING",
                [instrument.symbol, instrument.base_price, instrument.tick],
            )
        return added.rowcount == 1

    def all(self) -> list[Instrument]:
        """Return every instrument, in the order of the symbols."""
        with self._pool.connection() as connection:
            rows = connection.execute("SELECT * FROM instruments ORDER BY symbol").fetchall()
        return [_instrument(row) for row in rows]

    def find(self, symbol: str) -> Instrument | None:
        """Return the instrument, or None."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT * FROM instruments WHERE symbol = %s", [symbol]
            ).fetchone()
        return None if row is None else _instrument(row)

    def advance(self, symbol: str, ticks: int) -> Quote | None:
        """Move the instrument's market on and return its new quote, or None."""
        with self._pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "UPDATE instruments SET tick = tick + %s WHERE symbol = %s RETURNING *",
                [ticks, symbol],
            ).fetchone()
            if row is None:
                return None
            quote = quote_of(self._seed, _instrument(row))
            # While the row is still locked: two moves at once must not leave the older
            # quote in the cache.
            self._remember(quote)
        return quote

    def quote(self, symbol: str) -> tuple[Quote, bool] | None:
        """Return the current quote and whether the cache had it, or None."""
        cached = self._recall(symbol)
        if cached is not None:
            return cached, True
        instrument = self.find(symbol)
        if instrument is None:
            return None
        quote = quote_of(self._seed, instrument)
        self._remember(quote, only_if_absent=True)
        return quote, False

    # Without its cache the service is slower and degraded, but its answers stay right.

    def _recall(self, symbol: str) -> Quote | None:
        try:
            text = self._cache.get(quote_key(symbol))
        except RedisError:
            _log.warning("quote cache not readable", exc_info=True)
            return None
        return None if text is None else Quote.model_validate_json(str(text))

    def _remember(self, quote: Quote, only_if_absent: bool = False) -> None:
        # A reader that computed its quote before a move and stores it after must not
        # replace the newer one: readers only fill a gap.
        try:
            self._cache.set(
                quote_key(quote.symbol),
                quote.model_dump_json(),
                ex=self._ttl_seconds,
                nx=only_if_absent,
            )
        except RedisError:
            _log.warning("quote cache not writable", exc_info=True)


def _instrument(row: Row) -> Instrument:
    return Instrument(row["symbol"], row["base_price"], row["tick"])
