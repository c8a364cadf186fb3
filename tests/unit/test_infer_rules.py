"""Inference: every form of an address, in every direction, and what is no address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from envmaps import PORTS, Envs, of_api, placed, stack_of, stack_with
from tranship.envmap.infer import RULES, SCHEME_PORTS, Variable, rewrite
from tranship.envmap.resolve import EnvMap
from tranship.stack.placement import Endpoint, Placement, Ports, Side

DIRECTIONS: list[tuple[Side, Side, str, Mapping[str, int]]] = [
    ("local", "local", "127.0.0.1", {"postgres": 25432, "redis": 26379, "data-service": 28000}),
    ("local", "docker", "127.0.0.1", {"postgres": 15432, "redis": 16379, "data-service": 18000}),
    (
        "docker",
        "local",
        "host.docker.internal",
        {"postgres": 25432, "redis": 26379, "data-service": 28000},
    ),
]

# In the expected text, `<name>` stands for a service's host and port, and `<name.host>` and
# `<name.port>` for one of them.
URLS = [
    ("http://data-service:8000", "http://<data-service>"),
    ("http://data-service:8000/", "http://<data-service>/"),
    (
        "http://data-service:8000/a/redis:6379?x=redis:6379#postgres:5432",
        "http://<data-service>/a/redis:6379?x=redis:6379#postgres:5432",
    ),
    ("http://data-service:8000?q=1", "http://<data-service>?q=1"),
    ("http://data-service", "http://<data-service>"),
    ("https://data-service/health", "https://<data-service>/health"),
    (
        "postgresql://athena:p%40ss@postgres:5432/athena?sslmode=disable",
        "postgresql://athena:p%40ss@<postgres>/athena?sslmode=disable",
    ),
    (
        "postgresql://postgres:postgres@postgres/postgres",
        "postgresql://postgres:postgres@<postgres>/postgres",
    ),
    ("postgresql+psycopg://u@postgres/db", "postgresql+psycopg://u@<postgres>/db"),
    ("postgres://u:p@ss@postgres:5432/db", "postgres://u:p@ss@<postgres>/db"),
    ("postgres://u:it's@postgres:5432/db", "postgres://u:it's@<postgres>/db"),
    ("postgres://u@postgres:5432,redis:6379/db", "postgres://u@<postgres>,<redis>/db"),
    ("postgres://postgres,elsewhere:1/db", "postgres://<postgres>,elsewhere:1/db"),
    ("jdbc:postgresql://postgres:5432/db", "jdbc:postgresql://<postgres>/db"),
    ("redis://:redis@redis:6379/0", "redis://:redis@<redis>/0"),
    ("rediss://redis/1", "rediss://<redis>/1"),
    ("custom+x.y-z://redis:6379", "custom+x.y-z://<redis>"),
    ("REDIS://redis:6379", "REDIS://<redis>"),
    (
        "http://data-service:8000,http://data-service:8000/x,http://foreign:1",
        "http://<data-service>,http://<data-service>/x,http://foreign:1",
    ),
    ("http://data-service:8000 redis://redis", "http://<data-service> redis://<redis>"),
    ("--url=http://data-service:8000 -v", "--url=http://<data-service> -v"),
    ("'http://data-service:8000'", "'http://<data-service>'"),
    ("<http://data-service:8000>", "<http://<data-service>>"),
]
LISTS = [
    ("redis:6379", "<redis>"),
    ("postgres:5432,redis:6379", "<postgres>,<redis>"),
    ("postgres:5432, foreign:5432 ,redis:6379", "<postgres>, foreign:5432 ,<redis>"),
]
DSNS = [
    (
        "host=postgres port=5432 dbname=postgres password=postgres",
        "host=<postgres.host> port=<postgres.port> dbname=postgres password=postgres",
    ),
    ("port=5432 host=postgres", "port=<postgres.port> host=<postgres.host>"),
    ("host=postgres user=u", "host=<postgres.host> user=u port=<postgres.port>"),
    (
        "Server=postgres;Port=5432;Database=x",
        "Server=<postgres.host>;Port=<postgres.port>;Database=x",
    ),
    ("Host=postgres;User=u;", "Host=<postgres.host>;User=u;port=<postgres.port>"),
    ("HOST = postgres PORT = 5432", "HOST = <postgres.host> PORT = <postgres.port>"),
]
JSONS = [
    ('{"url":"redis://redis:6379/0"}', '{"url":"redis://<redis>/0"}'),
    ('{"url": "redis://redis:6379", "n": 1}', '{"url": "redis://<redis>", "n": 1}'),
    ('["redis:6379","postgres:5432"]', '["<redis>","<postgres>"]'),
    (
        '{"db":{"host":"postgres","port":5432,"name":"postgres"}}',
        '{"db":{"host":"<postgres.host>","port":<postgres.port>,"name":"postgres"}}',
    ),
    (
        '{"Host":"postgres","Port":"5432"}',
        '{"Host":"<postgres.host>","Port":"<postgres.port>"}',
    ),
    ('{"host":"redis"}', '{"host":"<redis.host>"}'),
    ('{"ü":"redis:6379","t":true,"f":1.50}', '{"ü":"<redis>","t":true,"f":1.5}'),
    ('[{"a":["dsn host=redis port=6379"]}]', None),
    ('["host=redis port=6379"]', '["host=<redis.host> port=<redis.port>"]'),
]


def filled(expected: str, host: str, ports: Mapping[str, int]) -> str:
    for name, port in ports.items():
        expected = expected.replace(f"<{name}>", f"{host}:{port}")
        expected = expected.replace(f"<{name}.host>", host).replace(f"<{name}.port>", str(port))
    return expected


def rule_of(value: str, api: Side = "local", others: Side = "local") -> str | None:
    envmap = EnvMap(stack_with({"X": value}), Path())
    (found,) = envmap.environment("api", placed(envmap.stack, api, others), PORTS)
    return found.rule


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        *(("url", *pair) for pair in URLS),
        *(("host:port", *pair) for pair in LISTS),
        *(("dsn", *pair) for pair in DSNS),
        *(("json", value, expected) for value, expected in JSONS if expected is not None),
    ],
)
def test_an_address_is_rewritten_in_every_direction(rule: str, value: str, expected: str) -> None:
    envmap = EnvMap(stack_with({"X": value}), Path())

    for api, others, host, ports in DIRECTIONS:
        assert {"X": filled(expected, host, ports)} == of_api(envmap, api, others)
    assert {"X": value} == of_api(envmap), "between containers it is as declared"
    assert rule == rule_of(value)
    assert rule_of(value, "docker", "docker") is None


PAIRS = [
    {"REDIS_HOST": "redis", "REDIS_PORT": "6379"},
    {"db_hostname": "postgres", "DB_PORT": "5432"},
    {"PGHOST": "postgres", "PGPORT": "5432"},
    {"HOST": "redis", "PORT": "6379"},
]


@pytest.mark.parametrize("declared", PAIRS)
def test_a_host_beside_its_port_in_every_direction(declared: dict[str, str]) -> None:
    envmap = EnvMap(stack_with(declared), Path())
    (host_name, service), (port_name, _) = declared.items()

    for api, others, host, ports in DIRECTIONS:
        assert {host_name: host, port_name: str(ports[service])} == of_api(envmap, api, others)
    assert dict(sorted(declared.items())) == of_api(envmap)
    rules = {item.rule for item in envmap.environment("api", placed(envmap.stack, "local"), PORTS)}
    assert {"host and port"} == rules


BARE = [
    ("REDIS_HOST", "redis", "<h>"),
    ("redis_host", "redis", "<h>"),
    ("HOSTS", "redis,elsewhere, postgres", "<h>,elsewhere, <h>"),
    ("CACHE_HOSTNAME", "redis", "<h>"),
    ("CACHE_SERVER", "redis", "<h>"),
    ("MEMCACHE_SERVERS", " redis ", " <h> "),
    ("PGHOST", "postgres", "<h>"),
]


@pytest.mark.parametrize(("name", "value", "expected"), BARE)
def test_a_host_alone_where_its_name_says_so(name: str, value: str, expected: str) -> None:
    envmap = EnvMap(stack_with({name: value}), Path())

    for api, others, host, _ in DIRECTIONS:
        assert {name: expected.replace("<h>", host)} == of_api(envmap, api, others)
    assert {name: value} == of_api(envmap)
    (found,) = envmap.environment("api", placed(envmap.stack, "local"), PORTS)
    assert "bare host" == found.rule


LEFT = [
    {"REDIS_KEY_PREFIX": "redis"},
    {"REDIS_KEY_PREFIX": "redis", "REDIS_PORT": "6379"},
    {"POSTGRES_PASSWORD": "postgres", "POSTGRES_DB": "postgres", "POSTGRES_USER": "postgres"},
    {"PASSWORD": "redis"},
    {"GHOST": "redis"},
    {"HOST_NAME": "redis"},
    {"HOST": "0.0.0.0", "PORT": "8000"},
    {"REDIS_HOST": "redis", "REDIS_PORT": "7777"},
    {"REDIS_HOST": "elsewhere", "REDIS_PORT": "6379"},
    {"REDIS_HOST": "", "REDIS_PORT": "6379"},
    {"REDIS_HOST": "Redis"},
    *(
        {"X": value}
        for value in (
            "",
            "redis",
            "redis:",
            "redis:7",
            "redis:7.2-alpine",
            "redis:6379 and more",
            "redis:6379/0",
            "see redis at redis:6379",
            "my-redis:6379",
            "redis.example.com:6379",
            "http://example.com:8000/data-service",
            "https://data-service.example.com",
            "http://data-service:9999",
            "http://portless",
            "http://portless:80",
            "http://localhost:8000",
            "http://127.0.0.1:8000",
            "http://[::1]:8000",
            "http://${HOST}:8000",
            "http://data-service:port",
            "http://data-service:²",
            "http://data-service:0",
            "http://data-service:" + "9" * 5000,
            "http://redis@elsewhere/",
            "file:///data-service/redis",
            "12:30",
            "redis=6379",
            "--host redis --port 6379",
            "--host=redis",
            "ghost=redis port=6379",
            "host=redis.example.com port=6379",
            "host='redis'",
            '{"cache":"redis"}',
            '{"host":"elsewhere","port":6379}',
            '{"host":"redis","port":7777}',
            '{"host":6379}',
            '{"redis:6379":1}',
            '{"broken":"redis:6379"',
            "[redis:6379]",
            '["redis"]',
            "{}",
        )
    ),
    {"REDIS_HOST": "elsewhere", "REDIS_PORT": "²"},
    {"REDIS_HOST": "elsewhere", "REDIS_PORT": "9" * 5000},
]


@pytest.mark.parametrize("declared", LEFT, ids=lambda value: str(value)[:40])
def test_what_is_no_address_of_the_stack_is_left(declared: dict[str, str]) -> None:
    stack = stack_with(declared)
    stack = type(stack)("small", {**stack.services, **stack_of({"portless": {}}).services})

    envmap = EnvMap(stack, Path())
    for api, others, _, _ in DIRECTIONS:
        placement = placed(stack, api, others)
        found = envmap.environment("api", placement, PORTS)
        changed = {item.name: item.value for item in found if item.rule not in (None, "bare host")}
        assert {} == changed


def test_a_port_that_is_no_number_leaves_the_host_to_its_name() -> None:
    envmap = EnvMap(stack_with({"REDIS_HOST": "redis", "REDIS_PORT": "default"}), Path())

    assert {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "default"} == of_api(envmap, "local", "local")


@pytest.mark.parametrize("scheme", sorted(SCHEME_PORTS))
def test_a_url_without_a_port_means_its_schemes_own(scheme: str) -> None:
    port = SCHEME_PORTS[scheme]
    services = {
        "both": {"ports": [{"target": 1111}, {"target": port}]},
        "api": {"environment": {"URL": f"{scheme}://both/x"}},
    }
    stack = stack_of(services)
    ports = Ports(local={("both", port): 2222, ("both", 1111): 3333}, published={})

    (found,) = EnvMap(stack, Path()).environment(
        "api", Placement(dict.fromkeys(stack.services, "local")), ports
    )

    assert f"{scheme}://127.0.0.1:2222/x" == found.value


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("URL", {"URL"}),
        ("api.URL", {"URL"}),
        ("postgres.URL", set()),
        ("rule:url", {"URL", "OTHER"}),
        ("rule:host:port", {"AT"}),
        ("rule:host and port", {"DB_PORT"}),
        ("DB_HOST", {"DB_HOST", "DB_PORT"}),
        ("rule:bare host", {"CACHE_HOST"}),
        ("rule:dsn", {"DSN"}),
        ("rule:json", {"JSON"}),
    ],
)
def test_exclusion_by_variable_by_service_and_by_rule(
    tmp_path: Path, entry: str, expected: set[str]
) -> None:
    declared = {
        "URL": "http://data-service:8000",
        "OTHER": "redis://redis:6379",
        "AT": "redis:6379",
        "DB_HOST": "postgres",
        "DB_PORT": "5432",
        "CACHE_HOST": "redis",
        "DSN": "host=redis port=6379",
        "JSON": '["redis:6379"]',
    }
    envs = Envs(tmp_path)
    envs.mapping(f"[infer]\nexclude = {json.dumps([entry])}\n")
    envmap = envs.open(stack_with(declared))

    found = of_api(envmap, "local", "local")

    assert expected == {name for name, value in found.items() if value == declared[name]}


def test_every_rule_is_described() -> None:
    assert {"url", "host:port", "host and port", "bare host", "dsn", "json"} == set(RULES)
    assert all(RULES.values())


def test_each_rewrite_says_what_was_declared_and_by_which_rule() -> None:
    def resolve(host: str, port: int | None) -> Endpoint | None:
        return Endpoint(host, "127.0.0.1", 1) if host == "db" else None

    declared = {
        "URL": "http://db:80",
        "AT": "db:80",
        "DB_HOST": "db",
        "DB_PORT": "80",
        "X_HOST": "db",
        "DSN": "host=db",
        "JSON": '{"host": "db"}',
        "FOREIGN": "http://x",
        "TEXT": "db",
    }

    assert (
        Variable("URL", "http://127.0.0.1:1", "http://db:80", "url"),
        Variable("AT", "127.0.0.1:1", "db:80", "host:port"),
        Variable("DB_HOST", "127.0.0.1", "db", "host and port"),
        Variable("DB_PORT", "1", "80", "host and port"),
        Variable("X_HOST", "127.0.0.1", "db", "bare host"),
        Variable("DSN", "host=127.0.0.1 port=1", "host=db", "dsn"),
        Variable("JSON", '{"host": "127.0.0.1"}', '{"host": "db"}', "json"),
        Variable("FOREIGN", "http://x", "http://x", None),
        Variable("TEXT", "db", "db", None),
    ) == rewrite(declared, resolve)
