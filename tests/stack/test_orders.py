"""executor-service: orders, fills, positions, events."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

Json = dict[str, Any]
THREADS = 12


def together(call: Callable[[int], Any], times: int) -> list[Any]:
    """Return what the calls returned that were made at the same time."""
    with ThreadPoolExecutor(max_workers=times) as threads:
        return list(threads.map(call, range(times)))


def test_a_buy_is_filled_at_the_ask(
    account: str, symbol: str, quote: Callable[[str], Any], place: Callable[..., Json]
) -> None:
    market = quote(symbol)
    order = place(account, symbol, "buy", "2.5")
    assert order["status"] == "filled"
    assert order["reason"] is None
    assert Decimal(order["price"]) == market["ask"]
    assert order["tick"] == market["tick"]
    assert Decimal(order["quantity"]) == Decimal("2.5")


def test_a_sell_is_filled_at_the_bid_and_may_go_short(
    account: str,
    symbol: str,
    quote: Callable[[str], Any],
    place: Callable[..., Json],
    position: Callable[[str], Json | None],
) -> None:
    order = place(account, symbol, "sell", 3)
    bid = quote(symbol)["bid"]
    assert Decimal(order["price"]) == bid
    assert position(account) == {"quantity": -3, "average_price": bid, "realized": 0}


def test_an_order_can_be_read_again(
    executor: httpx.Client, account: str, symbol: str, place: Callable[..., Json]
) -> None:
    first, second = place(account, symbol, "buy", 1), place(account, symbol, "buy", 2)
    assert executor.get(f"/orders/{first['id']}").json() == first
    assert executor.get("/orders", params={"account": account}).json() == [second, first]


def test_order_fill_and_position_are_in_the_database(
    postgres: psycopg.Connection[Json], account: str, symbol: str, place: Callable[..., Json]
) -> None:
    order = place(account, symbol, "buy", 4)
    row = postgres.execute(
        "SELECT o.status, f.price, p.quantity, p.average_price FROM orders o "
        "JOIN fills f ON f.order_id = o.id "
        "JOIN positions p ON p.account = o.account AND p.symbol = o.symbol WHERE o.id = %s",
        [order["id"]],
    ).fetchone()
    price = Decimal(order["price"])
    assert row == {"status": "filled", "price": price, "quantity": 4, "average_price": price}


def test_a_position_keeps_its_average_price_and_realizes_its_profit(
    account: str,
    symbol: str,
    place: Callable[..., Json],
    advance: Callable[..., None],
    position: Callable[[str], Json | None],
) -> None:
    first = Decimal(place(account, symbol, "buy", 10)["price"])
    advance(symbol, 7)
    second = Decimal(place(account, symbol, "buy", 30)["price"])
    advance(symbol, 7)
    sold = Decimal(place(account, symbol, "sell", 15)["price"])
    average = (10 * first + 30 * second) / 40
    assert position(account) == {
        "quantity": 25,
        "average_price": average,
        "realized": 15 * (sold - average),
    }


def test_a_filled_order_is_told_to_the_stream(
    events: Callable[[str], list[dict[str, str]]],
    account: str,
    symbol: str,
    place: Callable[..., Json],
) -> None:
    order = place(account, symbol, "buy", "1.25")
    (event,) = events(account)
    assert event["type"] == "order.filled"
    assert event["id"] == order["id"]
    assert event["symbol"] == symbol
    assert Decimal(event["quantity"]) == Decimal("1.25")
    assert Decimal(event["price"]) == Decimal(order["price"])


def test_an_order_sent_twice_is_placed_once(
    executor: httpx.Client,
    events: Callable[[str], list[dict[str, str]]],
    account: str,
    symbol: str,
    place: Callable[..., Json],
    position: Callable[[str], Json | None],
) -> None:
    order = place(account, symbol, "buy", 5, client_id="morning")
    asked = {name: order[name] for name in ("account", "symbol", "side", "quantity", "client_id")}
    again = executor.post("/orders", json=asked)
    assert again.status_code == 200
    assert again.json() == order
    held = position(account)
    assert held is not None
    assert held["quantity"] == 5
    assert len(events(account)) == 1


def test_a_name_of_another_order_is_a_conflict(
    executor: httpx.Client, account: str, symbol: str, place: Callable[..., Json]
) -> None:
    order = place(account, symbol, "buy", 5, client_id="morning")
    asked = {name: order[name] for name in ("account", "symbol", "side", "client_id")}
    answer = executor.post("/orders", json={**asked, "quantity": "6"})
    assert answer.status_code == 409
    assert "morning" in answer.json()["detail"]


def test_an_order_for_an_unknown_symbol_leaves_nothing(
    executor: httpx.Client, account: str
) -> None:
    order = {"account": account, "symbol": "NOSUCH", "side": "buy", "quantity": "1"}
    assert executor.post("/orders", json=order).status_code == 404
    assert executor.get("/orders", params={"account": account}).json() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": "0"},
        {"quantity": "-1"},
        {"quantity": "0.00001"},
        {"quantity": "many"},
        {"side": "hold"},
        {"account": "Not An Account"},
        {"symbol": None},
    ],
    ids=lambda wrong: "-".join(f"{name}={value}" for name, value in wrong.items()),
)
def test_a_bad_order_is_refused(
    executor: httpx.Client, account: str, wrong: dict[str, str | None]
) -> None:
    order = {"account": account, "symbol": "ATHN", "side": "buy", "quantity": "1"} | wrong
    answer = executor.post("/orders", json=order)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", *wrong]


def test_an_unknown_order_is_not_found(executor: httpx.Client) -> None:
    assert executor.get(f"/orders/{uuid4()}").status_code == 404
    assert executor.get("/orders/not-a-uuid").status_code == 422


def test_concurrent_orders_all_count(
    events: Callable[[str], list[dict[str, str]]],
    account: str,
    symbol: str,
    place: Callable[..., Json],
    position: Callable[[str], Json | None],
) -> None:
    placed = together(lambda n: place(account, symbol, "buy", n + 1), THREADS)
    assert {order["status"] for order in placed} == {"filled"}
    held = position(account)
    assert held is not None
    assert held["quantity"] == sum(range(1, THREADS + 1))
    assert {event["id"] for event in events(account)} == {o["id"] for o in placed}


def test_concurrent_orders_do_not_slip_through_a_limit(
    account: str,
    symbol: str,
    limits: dict[str, Decimal],
    quote: Callable[[str], Any],
    place: Callable[..., Json],
    position: Callable[[str], Json | None],
) -> None:
    # Each of the orders is a quarter of the limit and a little less: four of them fit.
    quantity = (limits["total_position"] / 4 / quote(symbol)["ask"]).quantize(Decimal(1)) - 1
    assert quantity * quote(symbol)["ask"] < limits["order_size"]
    placed = together(lambda _: place(account, symbol, "buy", quantity), THREADS)
    assert sorted(order["status"] for order in placed) == ["filled"] * 4 + ["rejected"] * 8
    held = position(account)
    assert held is not None
    assert held["quantity"] == 4 * quantity


def test_one_order_sent_many_times_at_once_is_placed_once(
    executor: httpx.Client, account: str, symbol: str, position: Callable[[str], Json | None]
) -> None:
    order = {"account": account, "symbol": symbol, "side": "buy", "quantity": "1"}
    answers = together(lambda _: executor.post("/orders", json={**order, "client_id": "x"}), 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    held = position(account)
    assert held is not None
    assert held["quantity"] == 1
