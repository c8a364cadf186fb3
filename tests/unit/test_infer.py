"""Addresses in variables, rewritten for another placement."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tranship.envmap.infer import Variable, rewrite
from tranship.envmap.resolve import EnvMap
from tranship.stack.model import Stack, parse
from tranship.stack.placement import Endpoint, Placement, Ports

SERVICES = {
    "postgres": (5432, 25432),
    "replica": (5432, 25433),
    "redis": (6379, 26379),
    "data-service": (8000, 28000),
    "nginx": (80, 20080),
    "mail.internal": (25, 20025),
}
LOCAL = Ports(
    local={(name, port): chosen for name, (port, chosen) in SERVICES.items()}, published={}
)


def stack_with(environment: Mapping[str, str | None]) -> Stack:
    services: dict[str, dict[str, object]] = {
        name: {"ports": [{"target": port}]} for name, (port, _) in SERVICES.items()
    }
    services["api"] = {"environment": environment}
    services["portless"] = {}
    return parse({"services": services}, [Path("compose.yaml")], confirmed=True)


def rewritten(environment: Mapping[str, str | None], side: str = "local") -> dict[str, str]:
    stack = stack_with(environment)
    placement = Placement(dict.fromkeys(stack.services, side))  # type: ignore[arg-type]
    return {
        item.name: item.value for item in EnvMap(stack, Path()).environment("api", placement, LOCAL)
    }


URLS = [
    ("http://data-service:8000", "http://127.0.0.1:28000"),
    ("http://data-service:8000/", "http://127.0.0.1:28000/"),
    (
        "http://data-service:8000/a/redis:6379?x=redis#postgres",
        "http://127.0.0.1:28000/a/redis:6379?x=redis#postgres",
    ),
    ("http://data-service", "http://127.0.0.1:28000"),
    ("http://data-service/health", "http://127.0.0.1:28000/health"),
    ("http://nginx", "http://127.0.0.1:20080"),
    (
        "postgresql://athena:pw@postgres:5432/athena?sslmode=disable",
        "postgresql://athena:pw@127.0.0.1:25432/athena?sslmode=disable",
    ),
    ("postgresql://postgres:postgres@postgres/postgres", None),
    (
        "postgresql+psycopg://u:p%40ss@postgres/db",
        "postgresql+psycopg://u:p%40ss@127.0.0.1:25432/db",
    ),
    ("postgres://u:p@ss@postgres:5432/db", "postgres://u:p@ss@127.0.0.1:25432/db"),
    ("postgres://u@postgres,replica:5432/db", "postgres://u@127.0.0.1:25432,127.0.0.1:25433/db"),
    ("postgres://postgres,elsewhere:1/db", "postgres://127.0.0.1:25432,elsewhere:1/db"),
    ("jdbc:postgresql://postgres:5432/db", "jdbc:postgresql://127.0.0.1:25432/db"),
    ("redis://:redis@redis:6379/0", "redis://:redis@127.0.0.1:26379/0"),
    ("rediss://redis/1", "rediss://127.0.0.1:26379/1"),
    ("smtp://mail.internal", "smtp://127.0.0.1:20025"),
    (
        "http://data-service:8000,http://nginx:80/x,http://foreign:1",
        "http://127.0.0.1:28000,http://127.0.0.1:20080/x,http://foreign:1",
    ),
    ("http://data-service:8000 http://nginx", "http://127.0.0.1:28000 http://127.0.0.1:20080"),
]
LISTS = [
    ("redis:6379", "127.0.0.1:26379"),
    ("postgres:5432,replica:5432", "127.0.0.1:25432,127.0.0.1:25433"),
    ("postgres:5432, foreign:5432", "127.0.0.1:25432, foreign:5432"),
]
LEFT = [
    "redis",
    "",
    "http://example.com:8000/data-service",
    "https://data-service.example.com",
    "http://data-service:9999",
    "http://portless",
    "http://portless:80",
    "http://localhost:8000",
    "http://[::1]:8000",
    "http://${HOST}:8000",
    "file:///data-service/redis",
    "redis:7",
    "redis:6379 and more",
    "12:30",
    "see redis at redis:6379",
]


@pytest.mark.parametrize(("declared", "expected"), [*URLS, *LISTS])
def test_an_address_leads_to_the_local_process(declared: str, expected: str | None) -> None:
    if expected is None:
        expected = "postgresql://postgres:postgres@127.0.0.1:25432/postgres"

    assert {"X": expected} == rewritten({"X": declared})


@pytest.mark.parametrize("value", LEFT)
def test_what_is_no_address_of_the_stack_is_left(value: str) -> None:
    assert {"X": value} == rewritten({"X": value})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (
            {"REDIS_HOST": "redis", "REDIS_PORT": "6379"},
            {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "26379"},
        ),
        (
            {"db_hostname": "postgres", "DB_PORT": "5432"},
            {"db_hostname": "127.0.0.1", "DB_PORT": "25432"},
        ),
        ({"PGHOST": "postgres", "PGPORT": "5432"}, {"PGHOST": "127.0.0.1", "PGPORT": "25432"}),
        ({"HOST": "redis", "PORT": "6379"}, {"HOST": "127.0.0.1", "PORT": "26379"}),
        ({"HOST": "0.0.0.0", "PORT": "8000"}, None),
        ({"REDIS_HOST": "redis"}, {"REDIS_HOST": "127.0.0.1"}),
        (
            {"REDIS_HOST": "redis", "REDIS_PORT": ""},
            {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": ""},
        ),
        ({"REDIS_HOST": "redis", "REDIS_PORT": "7777"}, None),
        ({"REDIS_HOST": "elsewhere", "REDIS_PORT": "6379"}, None),
        (
            {"REDIS_HOST": "redis", "OTHER_PORT": "6379"},
            {"REDIS_HOST": "127.0.0.1", "OTHER_PORT": "6379"},
        ),
        ({"REDIS_KEY_PREFIX": "redis", "REDIS_PORT": "6379"}, None),
        ({"POSTGRES_PASSWORD": "postgres", "POSTGRES_DB": "postgres"}, None),
    ],
)
def test_a_host_beside_its_port(
    environment: dict[str, str], expected: dict[str, str] | None
) -> None:
    assert (expected or environment) == rewritten(environment)


@pytest.mark.parametrize("value", [*(pair[0] for pair in [*URLS, *LISTS]), *LEFT])
def test_on_the_docker_side_every_value_is_as_declared(value: str) -> None:
    environment = {"X": value, "REDIS_HOST": "redis", "REDIS_PORT": "6379"}

    assert environment == rewritten(environment, "docker")


def test_a_variable_without_a_value_is_left_out() -> None:
    assert {"A": ""} == rewritten({"A": "", "B": None})


def test_each_rewriting_names_its_rule() -> None:
    def resolve(host: str, port: int | None) -> Endpoint | None:
        return Endpoint(host, "127.0.0.1", 1) if host == "db" else None

    declared = {
        "URL": "http://db:80",
        "ADDRESS": "db:80",
        "DB_HOST": "db",
        "DB_PORT": "80",
        "FOREIGN": "http://x",
        "TEXT": "db",
    }

    assert (
        Variable("URL", "http://127.0.0.1:1", "http://db:80", "url"),
        Variable("ADDRESS", "127.0.0.1:1", "db:80", "host:port"),
        Variable("DB_HOST", "127.0.0.1", "db", "host and port"),
        Variable("DB_PORT", "1", "80", "host and port"),
        Variable("FOREIGN", "http://x", "http://x", None),
        Variable("TEXT", "db", "db", None),
    ) == rewrite(declared, resolve)


@pytest.mark.parametrize(
    ("side", "expected"),
    [("local", "redis://127.0.0.1:26379"), ("docker", "redis://host.docker.internal:26379")],
)
def test_the_consumer_may_stand_on_another_side(side: str, expected: str) -> None:
    stack = stack_with({"X": "redis://redis:6379"})
    placement = Placement({"redis": "local"})

    (found,) = EnvMap(stack, Path()).environment("api", placement, LOCAL, side)  # type: ignore[arg-type]

    assert expected == found.value


def test_a_service_that_nobody_placed_runs_in_docker() -> None:
    stack = stack_with({"X": "redis://redis:6379"})
    ports = Ports(local={}, published={("redis", 6379): 36379})

    (found,) = EnvMap(stack, Path()).environment("api", Placement({"api": "local"}), ports)

    assert "redis://127.0.0.1:36379" == found.value
