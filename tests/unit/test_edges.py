"""Calls between services: which routes there are, dialling real sockets, and the table."""

from __future__ import annotations

import ast
import http.server
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from tranship.comparison import edges_table
from tranship.comparison.diff import compare
from tranship.comparison.layout import Style
from tranship.errors import EnvironmentFailed
from tranship.modes.base import Address
from tranship.stack.model import Health, Port, Service
from tranship.trials import edges
from tranship.trials.edges import Dialled, Route, routes
from tranship.trials.record import EdgeLatency, Trial

SERVICES = (
    Service("redis", health=Health("redis", 6379)),
    Service("api", health=Health("http", 8000, "/health")),
    Service("queue", ports=(Port(5672),)),
)
REFERENCES = {
    "api": frozenset({"redis", "queue"}),
    "worker": frozenset({"redis"}),
    "redis": frozenset({"redis"}),
    "tests": frozenset({"api"}),
}
HERE = {name: Address("127.0.0.1", 40000 + i) for i, name in enumerate(("redis", "api", "queue"))}


def short(found: tuple[Route, ...]) -> list[tuple[object, ...]]:
    return [
        (r.target, r.kind, r.via, r.side, f"{r.address.host}:{r.address.port}", r.consumers)
        for r in found
    ]


def test_in_local_mode_all_is_on_the_loopback() -> None:
    sides: Any = dict.fromkeys(("redis", "api", "queue", "worker"), "local")

    assert [
        ("redis", "redis", "direct", "local", "127.0.0.1:40000", ("api", "worker")),
        ("queue", "tcp", "direct", "local", "127.0.0.1:40002", ("api",)),
    ] == short(routes(SERVICES, sides, REFERENCES, HERE))


def test_in_docker_mode_services_have_their_names_and_published_ports() -> None:
    sides: Any = dict.fromkeys(("redis", "api", "queue", "worker"), "docker")
    published = {"redis": HERE["redis"]}

    assert [
        ("redis", "redis", "direct", "docker", "redis:6379", ("api", "worker")),
        ("redis", "redis", "published", "local", "127.0.0.1:40000", ("api", "worker")),
        ("queue", "tcp", "direct", "docker", "queue:5672", ("api",)),
    ] == short(routes(SERVICES, sides, REFERENCES, published))


def test_a_hybrid_mode_dials_from_both_sides() -> None:
    sides: Any = {"redis": "docker", "api": "local", "queue": "local", "worker": "docker"}
    references = {**REFERENCES, "worker": frozenset({"redis", "queue"})}

    assert [
        ("redis", "redis", "direct", "local", "127.0.0.1:40000", ("api",)),
        ("redis", "redis", "direct", "docker", "redis:6379", ("worker",)),
        ("redis", "redis", "published", "local", "127.0.0.1:40000", ("api", "worker")),
        ("queue", "tcp", "direct", "local", "127.0.0.1:40002", ("api",)),
        ("queue", "tcp", "direct", "docker", "host.docker.internal:40002", ("worker",)),
    ] == short(routes(SERVICES, sides, references, HERE))


class _Speaks(socketserver.BaseRequestHandler):
    """Redis that asks for a password, or a Postgres: by what it is told first."""

    def handle(self) -> None:
        while said := self.request.recv(1024):
            if said.startswith(b"PING"):
                self.request.sendall(b"-NOAUTH Authentication required.\r\n")
            else:
                self.request.sendall(b"R\0\0\0\x08\0\0\0\x03")


class _Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(handler: Any, kind: Any = socketserver.ThreadingTCPServer) -> Iterator[Address]:
    with kind(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Address("127.0.0.1", server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def route(kind: Any, address: Address, path: str = "/health", via: Any = "direct") -> Route:
    return Route("target", kind, via, "local", address, ("api",), path)


def run(source: str) -> str:
    done = subprocess.run(
        [sys.executable, "-IS", "-c", source], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges, "SAMPLES", 5)


def test_the_program_dials_every_kind_and_needs_nothing_but_python(few: None) -> None:
    with (
        serving(_Speaks) as speaks,
        serving(_Pages, http.server.ThreadingHTTPServer) as pages,
        socket.create_server(("127.0.0.1", 0)) as taken,
    ):
        nobody = Address("127.0.0.1", taken.getsockname()[1])
        taken.close()
        asked = [
            route("redis", speaks),
            route("postgres", speaks),
            route("tcp", speaks),
            route("http", pages),
            route("http", pages, "/ill"),
            route("redis", pages),
            route("tcp", nobody),
        ]
        found = edges.read(run(edges.program(asked)))

    assert [(5, 0)] * 4 + [(0, 1)] * 3 == [(len(one.times), one.failed) for one in found]
    assert all(0 < seconds < 2 for one in found for seconds in one.times)


def test_the_program_is_for_old_interpreters_too() -> None:
    source = edges.program([route("tcp", HERE["api"])])

    names = {
        alias.name
        for node in ast.walk(ast.parse(source, feature_version=(3, 7)))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert names == {"http.client", "json", "socket", "struct", "time"}


def test_dialling_that_breaks_leaves_what_was_printed_before() -> None:
    broken = edges.program([route("nonsense", Address("127.0.0.1", 1))])

    assert run(f"print('before')\n{broken}") == "before\n[]\n"


@pytest.mark.parametrize("output", ["", "Traceback", "3", "[[1]]", '[["a", null, 0]]', "{}"])
def test_output_that_is_no_answer_gives_nothing(output: str) -> None:
    assert edges.read(output) == ()


def test_percentiles_are_shared_by_the_consumers_and_need_samples() -> None:
    both = Route("redis", "redis", "direct", "docker", Address("redis", 1), ("a", "b"))
    many, few = tuple(i / 1000 for i in range(101)), (0.001, 0.003)

    first, second = edges.latencies([both], [Dialled(many, 2)])
    (scarce,) = edges.latencies([route("tcp", HERE["api"])], [Dialled(few, 0)])
    (none,) = edges.latencies([route("tcp", HERE["api"])], [Dialled((), 1)])

    assert ("a", "b") == (first.consumer, second.consumer)
    assert (103, 2) == (first.samples, first.failed)
    assert (0.05, 0.095, 0.099) == (first.p50_seconds, first.p95_seconds, first.p99_seconds)
    assert (0.002, None) == (scarce.p50_seconds, scarce.p99_seconds)
    assert (1, 1, None) == (none.samples, none.failed, none.p50_seconds)


def test_a_side_that_cannot_be_asked_has_no_figures(few: None) -> None:
    def fails(source: str) -> str:
        raise EnvironmentFailed("no such container")

    mode: Any = SimpleNamespace(pythons={"local": fails})
    with serving(_Speaks) as speaks:
        known = [route("tcp", speaks), route("redis", speaks, via="published")]

        (only,) = edges.measured(mode, known)

    assert ("redis", "published", 5, 0) == (only.kind, only.via, only.samples, only.failed)


def latency(consumer: str, target: str, p50: float | None, **more: Any) -> EdgeLatency:
    given = {"kind": "redis", "via": "direct", "samples": 100, "failed": 0} | more
    return EdgeLatency(consumer, target, p50_seconds=p50, **given)


def trial(mode: str, *found: EdgeLatency) -> Trial:
    return Trial(mode[0], mode, {}, "2026-05-01T10:00:00+00:00", "p", edges=found)


LOCAL = trial("local", latency("a", "redis", 0.001), latency("b", "redis", 0.001))
DOCKER = trial(
    "docker",
    latency("a", "redis", 0.002),
    latency("b", "redis", 0.002),
    latency("a", "redis", 0.0025, via="published", p95_seconds=0.1),
    latency("b", "redis", 0.0025, via="published", p95_seconds=0.1),
    latency("c", "pg", None, failed=3, samples=3),
)


def test_consumers_that_share_a_measurement_share_a_row() -> None:
    redis, lost = edges_table.edge_rows(LOCAL, DOCKER)

    assert ("redis", ("a", "b"), 2.0) == (redis.target, redis.consumers, redis.ratio)
    assert redis.proxy_seconds == pytest.approx(0.0005)
    assert ("pg", None, None) == (lost.target, lost.ratio, lost.proxy_seconds)


def test_the_table_shows_both_sides_the_proxy_and_what_failed() -> None:
    heading, table, proxy, failed = edges_table.blocks(compare(LOCAL, DOCKER), Style())

    assert heading.startswith("Calls between services")
    assert "1.00 / - / -  2.00 / - / -        2.00x  2.50 / 100.00 / -" in table
    assert proxy.startswith("The published port adds 0.5 ms to the median of redis")
    assert failed == "- docker: 3 of 3 calls to pg (direct) failed"


def test_records_without_edges_give_no_table() -> None:
    assert [] == list(edges_table.blocks(compare(trial("local"), None), Style()))
