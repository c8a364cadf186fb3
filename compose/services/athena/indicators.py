"""Indicators over a list of prices, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

_PLACES = Decimal("0.0001")


def moving_average(prices: Sequence[Decimal], length: int) -> Decimal:
    """Return the mean of the last `length` prices; there must be as many."""
    return (sum(prices[-length:], Decimal(0)) / length).quantize(_PLACES)


def relative_strength(prices: Sequence[Decimal], length: int) -> Decimal:
    """Return the relative strength index (Cutler's, by plain means) of the last moves, 0 to 100.

    There must be `length + 1` prices. With no move at all it is 50.
    """
    recent = prices[-length - 1 :]
    moves = [after - before for before, after in pairwise(recent)]
    gains = sum((move for move in moves if move > 0), Decimal(0))
    losses = -sum((move for move in moves if move < 0), Decimal(0))
    if gains + losses == 0:
        return Decimal(50)
    return (100 * gains / (gains + losses)).quantize(_PLACES)
