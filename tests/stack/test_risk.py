"""risk-service: each limit, alone and through an order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

import httpx

Json = dict[str, Any]


def whole(quantity: Decimal) -> Decimal:
    return quantity.quantize(Decimal(1), ROUND_DOWN)


def test_a_new_account_stands_at_its_starting_equity(risk: httpx.Client, account: str) -> None:
    standing = risk.get(f"/standing/{account}").json()
    assert Decimal(standing["equity"]) == Decimal(standing["peak"]) > 0
    assert Decimal(standing["exposure"]) == Decimal(standing["drawdown"]) == 0


def test_a_check_says_why(risk: httpx.Client, account: str, limits: dict[str, Decimal]) -> None:
    order = {"account": account, "symbol": "ATHN", "side": "buy", "quantity": "1"}
    at_limit = risk.post("/check", json={**order, "price": str(limits["order_size"])}).json()
    assert (at_limit["accepted"], at_limit["rule"]) == (True, None)
    over = risk.post("/check", json={**order, "price": str(limits["order_size"] + 1)}).json()
    assert (over["accepted"], over["rule"]) == (False, "order-size")
    assert str(limits["order_size"]) in over["reason"]


def test_a_bad_check_is_refused(risk: httpx.Client, account: str) -> None:
    order = {"account": account, "symbol": "ATHN", "side": "buy", "quantity": "1", "price": "0"}
    assert risk.post("/check", json=order).status_code == 422


def test_an_order_over_the_size_limit_is_rejected(
    events: Callable[[str], list[dict[str, str]]],
    account: str,
    symbol: str,
    limits: dict[str, Decimal],
    quote: Callable[[str], Any],
    place: Callable[..., Json],
    position: Callable[[str], Json | None],
) -> None:
    order = place(account, symbol, "buy", whole(limits["order_size"] / quote(symbol)["ask"]) + 1)
    assert order["status"] == "rejected"
    assert order["reason"].startswith("order-size: ")
    assert order["price"] is None
    assert position(account) is None
    (event,) = events(account)
    assert (event["type"], event["id"]) == ("order.rejected", order["id"])


def test_a_position_over_the_limit_is_rejected_and_may_be_reduced(
    account: str,
    list_instrument: Callable[..., str],
    limits: dict[str, Decimal],
    quote: Callable[[str], Any],
    place: Callable[..., Json],
) -> None:
    # Two instruments, one of them sold short: the limit is on all positions together.
    bought, sold = list_instrument(), list_instrument()
    size = limits["order_size"] - 1
    room = limits["total_position"]
    for symbol, side, price in ((bought, "buy", "ask"), (sold, "sell", "bid")):
        quantity = whole(size / quote(symbol)[price])
        assert place(account, symbol, side, quantity)["status"] == "filled"
        room -= quantity * quote(symbol)["mid"]
    assert size > room
    more = whole(size / quote(bought)["ask"])
    rejected = place(account, bought, "buy", more)
    assert rejected["status"] == "rejected"
    assert rejected["reason"].startswith("total-position: ")
    assert place(account, bought, "sell", more)["status"] == "filled"


def test_an_account_in_drawdown_may_only_reduce(
    risk: httpx.Client,
    account: str,
    symbol: str,
    limits: dict[str, Decimal],
    quote: Callable[[str], Any],
    place: Callable[..., Json],
    advance: Callable[..., None],
    data: httpx.Client,
) -> None:
    # Take the side that the market is about to move against: the price swings around its
    # base of 100 by more than the loss that is allowed.
    side, other, against = ("buy", "sell", -1) if quote(symbol)["mid"] > 100 else ("sell", "buy", 1)
    quantity = whole(limits["order_size"] * Decimal("0.9") / quote(symbol)["ask"])
    for _ in range(2):
        assert place(account, symbol, side, quantity)["status"] == "filled"
    standing = risk.get(f"/standing/{account}").json()
    enough = Decimal("1.05") * limits["drawdown"] * Decimal(standing["peak"]) / (2 * quantity)
    entered = quote(symbol)["mid"]
    for _ in range(40):
        if (quote(symbol)["mid"] - entered) * against > enough:
            break
        advance(symbol, 5)
    assert Decimal(risk.get(f"/standing/{account}").json()["drawdown"]) > limits["drawdown"]
    increasing = place(account, symbol, side, 1)
    assert increasing["status"] == "rejected"
    assert increasing["reason"].startswith("drawdown: ")
    assert place(account, symbol, other, 1)["status"] == "filled"
