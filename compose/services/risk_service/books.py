"""An account's book: its positions from Postgres, valued at the quotes in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from athena.stores import Postgres
from athena.trading import Quote, quote_key
from redis import Redis

from .limits import Holding


class Books:
    """Reads books, and keeps the peak of each account's equity."""

    def __init__(self, pool: Postgres, cache: Redis) -> None:
        self._pool = pool
        self._cache = cache

    def read(self, account: str, prices: Mapping[str, Decimal]) -> list[Holding]:
        """Return the account's positions, valued at the given prices, else at the cached quote.

        A position whose quote nobody has asked for in a while is valued at what was paid.
        """
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT symbol, quantity, average_price, realized FROM positions "
                "WHERE account = %s",
                [account],
            ).fetchall()
        paid = {row["symbol"]: row["average_price"] for row in rows}
        marks = {**paid, **self._cached_prices(list(paid)), **prices}
        return [Holding(**row, mark=marks[row["symbol"]]) for row in rows]

    def raise_peak(self, account: str, equity: Decimal) -> Decimal:
        """Return the account's highest equity so far, this one included."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "INSERT INTO equity_peaks AS peaks (account, equity) VALUES (%s, %s) "
                "ON CONFLICT (account) DO UPDATE "
                "SET equity = greatest(peaks.equity, excluded.equity) RETURNING equity",
                [account, equity],
            ).fetchone()
        assert row is not None  # RETURNING after an upsert always has a row
        peak: Decimal = row["equity"]
        return peak

    def _cached_prices(self, symbols: list[str]) -> dict[str, Decimal]:
        if not symbols:
            return {}
        texts = self._cache.mget([quote_key(symbol) for symbol in symbols])
        quotes = [Quote.model_validate_json(text) for text in texts if text is not None]
        return {quote.symbol: quote.mid for quote in quotes}
