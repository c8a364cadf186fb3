"""What outlives a process: everything that was answered for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Json = dict[str, Any]


def healthy_instance(client: httpx.Client) -> str | None:
    """Return the instance that answers and is well, or None while there is none."""
    try:
        answer = client.get("/health", timeout=2)
    except httpx.TransportError:
        return None
    return answer.json()["instance"] if answer.status_code == 200 else None


def test_orders_and_positions_survive_a_restart(
    executor: httpx.Client,
    events: Callable[[str], list[dict[str, str]]],
    exit_token: str,
    account: str,
    symbol: str,
    place: Callable[..., Json],
    position: Callable[[str], Json | None],
    eventually: Callable[[Callable[[], str | None]], str],
) -> None:
    order = place(account, symbol, "buy", 3, client_id="before")
    held = position(account)
    before = healthy_instance(executor)
    assert before is not None

    answer = executor.post("/admin/exit", headers={"authorization": f"Bearer {exit_token}"})
    assert (answer.status_code, answer.json()["instance"]) == (202, before)

    def another() -> str | None:
        instance = healthy_instance(executor)
        return instance if instance != before else None

    eventually(another)
    assert executor.get(f"/orders/{order['id']}").json() == order
    assert position(account) == held
    asked = {name: order[name] for name in ("account", "symbol", "side", "quantity", "client_id")}
    assert executor.post("/orders", json=asked).status_code == 200
    assert place(account, symbol, "sell", 3)["status"] == "filled"
    assert [event["type"] for event in events(account)] == ["order.filled", "order.filled"]


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer guessed-wrong"}])
def test_a_stranger_cannot_end_the_service(executor: httpx.Client, header: dict[str, str]) -> None:
    assert executor.post("/admin/exit", headers=header).status_code == 403


def test_a_service_without_a_token_has_no_exit(data: httpx.Client, exit_token: str) -> None:
    header = {"authorization": f"Bearer {exit_token}"}
    assert data.post("/admin/exit", headers=header).status_code == 404
