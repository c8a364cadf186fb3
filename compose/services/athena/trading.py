"""The words that the services say to each other: symbols, sides, quantities, quotes."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9.]{0,15}$")]
Account = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Side = Literal["buy", "sell"]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=4)]
Price = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=4)]

CENT = Decimal("0.01")
EVENT_STREAM = "athena:orders"


class Quote(BaseModel):
    """What an instrument trades at, at one tick of its market."""

    symbol: Symbol
    tick: int
    bid: Price
    mid: Price
    ask: Price

    def for_side(self, side: Side) -> Decimal:
        """Return the price that an order of this side is filled at."""
        return self.ask if side == "buy" else self.bid


def quote_key(symbol: str) -> str:
    """Return the Redis key that holds the instrument's quote, as JSON of `Quote`."""
    return f"athena:quote:{symbol}"


def signed(side: Side, quantity: Decimal) -> Decimal:
    """Return what an order adds to a position."""
    return quantity if side == "buy" else -quantity
