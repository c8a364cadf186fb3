"""What a fill does to a position: average cost, and profit when it is closed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Position:
    """A holding of one instrument; short when the quantity is negative."""

    quantity: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)
    realized: Decimal = Decimal(0)


def after_fill(position: Position, quantity: Decimal, price: Decimal) -> Position:
    """Return the position after a fill; the quantity of a sell is negative."""
    held = position.quantity
    total = held + quantity
    if held == 0 or (held > 0) == (quantity > 0):
        cost = abs(held) * position.average_price + abs(quantity) * price
        return Position(total, cost / abs(total), position.realized)
    closed = min(abs(held), abs(quantity))
    gain = closed * (price - position.average_price) * (1 if held > 0 else -1)
    if total == 0:
        average_price = Decimal(0)
    elif (total > 0) == (held > 0):
        average_price = position.average_price
    else:  # closed and opened the other way round, at this price
        average_price = price
    return Position(total, average_price, position.realized + gain)
