"""The simulated market: prices as a pure function of seed, instrument and tick.

No clock and no state take part, so the same tick has the same price on every machine, in
every process, before and after every restart. A price is the instrument's base price
moved by a long and a short wave, each with a phase of its own, and by a little noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b

from athena.trading import CENT, Quote

LONG_WAVE_TICKS = 97
SHORT_WAVE_TICKS = 31
_LONG_WAVE = 0.12
_SHORT_WAVE = 0.03
_NOISE = 0.004
_HALF_SPREAD = Decimal("0.0005")


@dataclass(frozen=True)
class Instrument:
    """What is traded, and the tick its market has come to."""

    symbol: str
    base_price: Decimal
    tick: int


@dataclass(frozen=True)
class Tick:
    """One price, and how many changed hands."""

    tick: int
    price: Decimal
    volume: int


@dataclass(frozen=True)
class Candle:
    """A number of ticks, of which candle `index` has the `index`-th such group."""

    index: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


def tick_at(seed: int, instrument: Instrument, number: int) -> Tick:
    """Return one tick of the instrument's market."""
    long_phase, short_phase = _phases(seed, instrument.symbol)
    chance = _draw(f"{seed}:{instrument.symbol}:{number}")
    move = (
        _LONG_WAVE * math.sin(math.tau * (number / LONG_WAVE_TICKS + long_phase))
        + _SHORT_WAVE * math.sin(math.tau * (number / SHORT_WAVE_TICKS + short_phase))
        + _NOISE * (2 * chance - 1)
    )
    # Eight digits of the move: beyond any difference between two mathematics libraries.
    price = instrument.base_price * (1 + Decimal(f"{move:.8f}"))
    return Tick(number, max(price.quantize(CENT), CENT), 100 + int(chance * 900))


def quote_of(seed: int, instrument: Instrument) -> Quote:
    """Return what the instrument trades at now."""
    mid = tick_at(seed, instrument, instrument.tick).price
    half_spread = max((mid * _HALF_SPREAD).quantize(CENT), CENT)
    return Quote(
        symbol=instrument.symbol,
        tick=instrument.tick,
        bid=max(mid - half_spread, CENT),
        mid=mid,
        ask=mid + half_spread,
    )


def candles_of(seed: int, instrument: Instrument, size: int, count: int) -> list[Candle]:
    """Return the last `count` complete candles of `size` ticks, fewer in a young market."""
    complete = (instrument.tick + 1) // size
    return [
        _candle(index, [tick_at(seed, instrument, index * size + n) for n in range(size)])
        for index in range(max(0, complete - count), complete)
    ]


def _candle(index: int, ticks: Sequence[Tick]) -> Candle:
    prices = [tick.price for tick in ticks]
    volume = sum(tick.volume for tick in ticks)
    return Candle(index, prices[0], max(prices), min(prices), prices[-1], volume)


@lru_cache(maxsize=1024)
def _phases(seed: int, symbol: str) -> tuple[float, float]:
    return _draw(f"{seed}:{symbol}:long"), _draw(f"{seed}:{symbol}:short")


def _draw(key: str) -> float:
    """Return a number from 0 to 1 that depends on the key alone."""
    return int.from_bytes(blake2b(key.encode(), digest_size=6).digest(), "big") / 2**48
