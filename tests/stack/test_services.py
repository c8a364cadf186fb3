"""What every service has: health and metrics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

CHECKS = {
    "data": {"postgres", "redis"},
    "risk": {"postgres", "redis"},
    "executor": {"postgres", "redis", "data-service", "risk-service"},
    "strategy": {"data-service", "executor-service"},
    "frontend": {"data-service", "risk-service", "executor-service", "strategy-service"},
}


@pytest.fixture(params=CHECKS)
def client(request: pytest.FixtureRequest) -> httpx.Client:
    return request.getfixturevalue(request.param)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return request.node.callspec.params["client"]


@pytest.mark.smoke
def test_health_reports_each_dependency(client: httpx.Client, name: str) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    report = answer.json()
    assert report["status"] == "ok"
    assert report["service"].removesuffix("-service") == name
    assert datetime.fromisoformat(report["started_at"]) < datetime.now(UTC)
    assert {check for check, found in report["checks"].items() if found["ok"]} == CHECKS[name]


def test_metrics_count_requests(client: httpx.Client) -> None:
    client.get("/live").raise_for_status()
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    line = 'athena_requests_total{method="GET",route="/live",status="200"} '
    (counted,) = (row for row in answer.text.splitlines() if row.startswith(line))
    assert float(counted.removeprefix(line)) >= 1
    assert "athena_request_seconds_bucket{" in answer.text


def test_orders_and_quotes_are_counted(
    data: httpx.Client, executor: httpx.Client, account: str, symbol: str, place: Callable[..., Any]
) -> None:
    place(account, symbol, "buy", 1)
    assert 'athena_orders_total{status="filled"}' in executor.get("/metrics").text
    assert 'athena_quotes_total{cache="miss"}' in data.get("/metrics").text
