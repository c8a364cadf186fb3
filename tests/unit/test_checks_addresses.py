from __future__ import annotations

import pytest
from tranship.envmap.checks.addresses import Address, addresses, dialled, is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::1]", True),
        ("ip6-localhost", True),
        ("0.0.0.0", False),
        ("app.localhost", False),
        ("127.0.0.1.nip.io", False),
        ("localhost.example.com", False),
        ("postgres", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert expected == is_loopback(host)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("URL", "http://a", [Address("a", 80)]),
        ("URL", "https://a:8443/x?y=1", [Address("a", 8443, True)]),
        ("URL", "postgresql+psycopg://u:p@a/x", [Address("a", 5432)]),
        ("URL", "redis://:p%40@a:1/0", [Address("a", 1, True)]),
        ("URL", "http://[::1]:80", [Address("[::1]", 80, True)]),
        ("URL", "mongodb://a:1,b:2/x", [Address("a", 1, True), Address("b", 2, True)]),
        ("URL", "jdbc:postgresql://a:1/x", [Address("a", 1, True)]),
        ("URL", "http://a:1,http://b:2", [Address("a", 1, True), Address("b", 2, True)]),
        ("URL", "redis://:p@ss@a:1/0", [Address("a", 1, True)]),
        ("URL", "http://a http://b", [Address("a", 80), Address("b", 80)]),
        ("URL", "http://a/?next=http://localhost:3000", [Address("a", 80)]),
        ("URL", "sqlite:///localhost", []),
        ("URL", "file://localhost/etc", []),
        ("URL", "unix://localhost/x.sock", []),
        ("ADDR", "a:1", [Address("a", 1, True)]),
        ("ADDR", "a:1, b:2", [Address("a", 1, True), Address("b", 2, True)]),
        ("ADDR", "a:1/path", [Address("a", 1, True)]),
        ("ADDR", "[::1]:1", [Address("[::1]", 1, True)]),
        ("DB_HOST", "a", [Address("a")]),
        ("DB_HOST", "::1", [Address("::1")]),
        ("DB_HOSTS", "a,b", [Address("a"), Address("b")]),
        ("PGHOST", "a", [Address("a")]),
        ("DSN", "host=a port=1 dbname=x", [Address("a", 1, True)]),
        ("DSN", "Server=a;Database=x", [Address("a")]),
        ("DSN", "host=/var/run/postgresql", []),
        ("JSON", '{"url": "http://a:1"}', [Address("a", 1, True)]),
        ("JSON", '{"host": "a", "port": 1}', [Address("a", 1, True)]),
        ("JSON", '[{"Host": "a", "Port": "1"}]', [Address("a", 1, True)]),
        ("JSON", '["localhost"]', []),
        ("JSON", '{"host": null, "port": 1}', []),
        ("TEXT", "localhost", []),
        ("MESSAGE", "see localhost for more", []),
        ("KEY_PREFIX", "redis", []),
        ("TIME", "10:30:00", []),
    ],
)
def test_addresses(name: str, value: str, expected: list[Address]) -> None:
    assert expected == list(addresses(name, value))


def test_a_host_has_the_port_beside_it() -> None:
    variables = {"DB_HOST": "a", "DB_PORT": "1", "PGHOST": "b", "PGPORT": "2", "X_HOST": "c"}
    expected = [
        ("DB_HOST", Address("a", 1, True)),
        ("PGHOST", Address("b", 2, True)),
        ("X_HOST", Address("c")),
    ]
    assert expected == list(dialled(variables))


def test_a_deep_document_is_no_address() -> None:
    assert () == addresses("X", "[" * 100_000)
