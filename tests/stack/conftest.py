"""The stack as the suite sees it: addresses from the environment, and nothing else.

The same suite runs against local processes and, in a container, against containers. Every
test lists instruments and opens accounts of its own, so that tests depend neither on their
order nor on what an earlier run left in the database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from redis import Redis

T = TypeVar("T")
Json = dict[str, Any]

RESTART_SECONDS = 30.0


def pytest_configure(config: pytest.Config) -> None:
    # Here, for the suite's container has no pyproject.toml.
    config.addinivalue_line("markers", "smoke: only reads, and so may run on live data")


def setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.exit(
            f"{name} is not set: the suite takes its addresses from the environment", returncode=2
        )
    return value


def client_of(variable: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=setting(variable), trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def data() -> Iterator[httpx.Client]:
    yield from client_of("DATA_URL")


@pytest.fixture(scope="session")
def risk() -> Iterator[httpx.Client]:
    yield from client_of("RISK_URL")


@pytest.fixture(scope="session")
def executor() -> Iterator[httpx.Client]:
    yield from client_of("EXECUTOR_URL")


@pytest.fixture(scope="session")
def strategy() -> Iterator[httpx.Client]:
    yield from client_of("STRATEGY_URL")


@pytest.fixture(scope="session")
def frontend() -> Iterator[httpx.Client]:
    yield from client_of("FRONTEND_URL")


@pytest.fixture(scope="session")
def postgres() -> Iterator[psycopg.Connection[Json]]:
    url = setting("DATABASE_URL")
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with Redis.from_url(setting("REDIS_URL"), decode_responses=True) as client:
        yield client


@pytest.fixture(scope="session")
def exit_token() -> str:
    return setting("EXIT_TOKEN")


@pytest.fixture
def account() -> str:
    return f"t-{uuid4().hex[:20]}"


@pytest.fixture
def list_instrument(data: httpx.Client) -> Callable[..., str]:
    """List a new instrument; its symbol sorts after those that the page shows."""

    def listed(base_price: str = "100", tick: int = 500) -> str:
        symbol = f"ZZ{uuid4().hex[:12].upper()}"
        listing = {"symbol": symbol, "base_price": base_price, "tick": tick}
        answer = data.post("/instruments", json=listing)
        assert answer.status_code == 201, answer.text
        return symbol

    return listed


@pytest.fixture
def symbol(list_instrument: Callable[..., str]) -> str:
    return list_instrument()


@pytest.fixture
def quote(data: httpx.Client) -> Callable[[str], Json]:
    def read(symbol: str) -> Json:
        answer = data.get(f"/quotes/{symbol}").raise_for_status().json()
        return answer | {name: Decimal(answer[name]) for name in ("bid", "mid", "ask")}

    return read


@pytest.fixture
def advance(data: httpx.Client) -> Callable[..., None]:
    def move(symbol: str, ticks: int = 1) -> None:
        data.post(f"/instruments/{symbol}/advance", json={"ticks": ticks}).raise_for_status()

    return move


@pytest.fixture
def place(executor: httpx.Client) -> Callable[..., Json]:
    """Place an order, which is expected to be taken (filled or rejected by risk)."""

    def order(account: str, symbol: str, side: str, quantity: object, **more: str) -> Json:
        asked = {"account": account, "symbol": symbol, "side": side, "quantity": str(quantity)}
        answer = executor.post("/orders", json=asked | more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return order


@pytest.fixture
def position(executor: httpx.Client) -> Callable[[str], Json | None]:
    """Return the only position of an account as decimals, or None."""

    def held(account: str) -> Json | None:
        found = executor.get("/positions", params={"account": account}).raise_for_status().json()
        assert len(found) <= 1
        names = ("quantity", "average_price", "realized")
        return {name: Decimal(found[0][name]) for name in names} if found else None

    return held


@pytest.fixture
def events(redis: Redis) -> Callable[[str], list[dict[str, str]]]:
    """Return what the stream was told about an account, the oldest first."""

    def told(account: str) -> list[dict[str, str]]:
        entries: Any = redis.xrange("athena:orders")
        return [fields for _, fields in entries if fields["account"] == account]

    return told


@pytest.fixture
def limits(risk: httpx.Client) -> dict[str, Decimal]:
    shown = risk.get("/limits").raise_for_status().json()
    return {name: Decimal(value) for name, value in shown.items()}


@pytest.fixture
def eventually() -> Callable[[Callable[[], T | None]], T]:
    """Return a function that returns a probe's first answer that is not None."""

    def wait(probe: Callable[[], T | None]) -> T:
        deadline = time.monotonic() + RESTART_SECONDS
        while (answer := probe()) is None:
            if time.monotonic() > deadline:
                pytest.fail(f"nothing within {RESTART_SECONDS:.0f} s")
            time.sleep(0.02)  # the pace of the probe, not a guess at how long it takes
        return answer

    return wait
