"""The crossover: a pure function of closing prices."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from athena.indicators import moving_average

Signal = Literal["buy", "sell", "hold"]


def signal(closes: Sequence[Decimal], fast: int, slow: int) -> Signal:
    """Return what to do after the last close: buy or sell where the averages have crossed.

    There must be `slow + 1` closes, the oldest first.
    """
    before = _above(closes[:-1], fast, slow)
    after = _above(closes, fast, slow)
    if before == after:
        return "hold"
    return "buy" if after else "sell"


def _above(closes: Sequence[Decimal], fast: int, slow: int) -> bool:
    return moving_average(closes, fast) > moving_average(closes, slow)
