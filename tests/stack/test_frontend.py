"""frontend: the page, and the way through it to the services."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

SERVICES = ["data-service", "risk-service", "executor-service", "strategy-service"]


@pytest.mark.smoke
def test_the_page_needs_nothing_from_elsewhere(frontend: httpx.Client) -> None:
    page = frontend.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "<title>Athena</title>" in page.text
    assert re.findall(r"""(?:src|href|@import)\s*=?\s*["'](?:https?:)?//""", page.text) == []


@pytest.mark.smoke
def test_the_overview_shows_every_service(frontend: httpx.Client) -> None:
    overview = frontend.get("/overview").json()
    assert [(each["service"], each["status"]) for each in overview] == [(s, "ok") for s in SERVICES]


def test_a_read_goes_through(frontend: httpx.Client, data: httpx.Client, symbol: str) -> None:
    path = f"/candles/{symbol}?size=5&count=2"
    through = frontend.get(f"/api/data-service{path}")
    assert through.json() == data.get(path).json()
    assert len(through.json()) == 2


def test_an_order_goes_through(
    frontend: httpx.Client, executor: httpx.Client, account: str, symbol: str
) -> None:
    order: dict[str, Any] = {"account": account, "symbol": symbol, "side": "buy", "quantity": "1"}
    placed = frontend.post("/api/executor-service/orders", json=order)
    assert placed.status_code == 201
    assert executor.get(f"/orders/{placed.json()['id']}").json() == placed.json()


def test_a_refusal_comes_back_as_it_is(frontend: httpx.Client, executor: httpx.Client) -> None:
    through = frontend.post("/api/executor-service/orders", json={})
    direct = executor.post("/orders", json={})
    assert (through.status_code, through.json()) == (direct.status_code, direct.json())


def test_credentials_do_not_go_through(frontend: httpx.Client, exit_token: str) -> None:
    header = {"authorization": f"Bearer {exit_token}"}
    answer = frontend.post("/api/executor-service/admin/exit", headers=header)
    assert answer.status_code == 403


def test_an_unknown_service_is_not_found(frontend: httpx.Client) -> None:
    assert frontend.get("/api/no-such-service/health").status_code == 404
