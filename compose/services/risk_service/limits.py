"""The rules: pure arithmetic on an account's book and the order that would change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Rule = Literal["order-size", "total-position", "drawdown"]


@dataclass(frozen=True)
class Limits:
    """What an account may do; amounts of money, and a ratio."""

    order_size: Decimal
    """Value of one order."""
    total_position: Decimal
    """Value of all positions, the short ones counted like the long ones."""
    drawdown: Decimal
    """Loss since the highest equity, as a share of it."""


@dataclass(frozen=True)
class Holding:
    """One position and the price it is valued at."""

    symbol: str
    quantity: Decimal
    average_price: Decimal
    realized: Decimal
    mark: Decimal


@dataclass(frozen=True)
class Intent:
    """An order not yet placed; the quantity of a sell is negative."""

    symbol: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True)
class Verdict:
    """Whether the order may be placed, and if not, by which rule and why."""

    accepted: bool
    rule: Rule | None = None
    reason: str | None = None


def exposure(book: Sequence[Holding]) -> Decimal:
    """Return the value of all positions."""
    return sum((abs(held.quantity) * held.mark for held in book), Decimal(0))


def profit(book: Sequence[Holding]) -> Decimal:
    """Return what the account has gained or lost: realized, and at the marks."""
    return sum(
        (held.realized + held.quantity * (held.mark - held.average_price) for held in book),
        Decimal(0),
    )


def drawdown(equity: Decimal, peak: Decimal) -> Decimal:
    """Return the share of the peak that is lost; 0 at the peak."""
    return max(Decimal(0), (peak - equity) / peak)


def judge(limits: Limits, book: Sequence[Holding], lost: Decimal, intent: Intent) -> Verdict:
    """Return the verdict on an order of an account with this book and drawdown.

    An order that makes a position smaller passes the position and drawdown limits: who is
    over a limit must be able to come back under it.
    """
    size = abs(intent.quantity) * intent.price
    if size > limits.order_size:
        return _reject("order-size", f"order of {size:.2f} is over {limits.order_size}")
    held = next((h.quantity for h in book if h.symbol == intent.symbol), Decimal(0))
    increase = (abs(held + intent.quantity) - abs(held)) * intent.price
    if increase <= 0:
        return Verdict(accepted=True)
    total = exposure(book) + increase
    if total > limits.total_position:
        return _reject("total-position", f"position of {total:.2f} is over {limits.total_position}")
    if lost > limits.drawdown:
        return _reject("drawdown", f"drawdown of {lost:.2%} is over {limits.drawdown:.2%}")
    return Verdict(accepted=True)


def _reject(rule: Rule, reason: str) -> Verdict:
    return Verdict(accepted=False, rule=rule, reason=reason)
