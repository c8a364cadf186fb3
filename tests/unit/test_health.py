"""Probes against small real servers, and waiting for several of them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tranship.modes.base import Address
from tranship.modes.health import Prober
from tranship.modes.watch import Watch
from tranship.stack.model import Health, HealthKind
from tranship.trials.probes import health_samples


class Server:
    """Answers each connection with the same bytes; with None it says nothing."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address("127.0.0.1", self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._ending:
                    return
                self.heard.append(connection.recv(4096))
                if self.answer is not None:
                    connection.sendall(self.answer)
                else:
                    connection.recv(4096)  # until the prober gives up

    _ending = False

    def close(self) -> None:
        self._ending = True
        socket.create_connection((self.address.host, self.address.port)).close()
        self._thread.join()
        self._listener.close()


@contextmanager
def serving(answer: bytes | None) -> Iterator[Server]:
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()


def asked(
    kind: HealthKind, address: Address, path: str = "/", timeout: float = 30.0
) -> tuple[bool, str]:
    prober = Prober(Health(kind, 0, path), address, timeout)
    try:
        answer = prober.ask()
    finally:
        prober.close()
    assert answer.seconds > 0
    return answer.healthy, answer.detail


def http(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def postgres_error(code: str) -> bytes:
    fields = f"SFATAL\0C{code}\0Mthe message\0\0".encode()
    return b"E" + (len(fields) + 4).to_bytes(4) + fields


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        ("http", http("200 OK"), (True, "HTTP 200")),
        ("http", http("204 No Content"), (True, "HTTP 204")),
        ("http", http("302 Found"), (False, "HTTP 302")),
        ("http", http("503 Service Unavailable"), (False, "HTTP 503")),
        ("postgres", b"R\0\0\0\x08\0\0\0\0", (True, "asks for authentication")),
        ("postgres", postgres_error("57P03"), (False, "SQLSTATE 57P03")),
        ("postgres", postgres_error("28000"), (True, "SQLSTATE 28000")),
        ("postgres", b"HTTP/1.1 400\r\n\r\n", (False, "no answer of a PostgreSQL server")),
        ("postgres", b"", (False, "no answer of a PostgreSQL server")),
        ("redis", b"+PONG\r\n", (True, "+PONG")),
        ("redis", b"-NOAUTH Authentication required.\r\n", (True, "asks for a password")),
        (
            "redis",
            b"-LOADING Redis is loading the dataset in memory\r\n",
            (False, "-LOADING Redis is loading the dataset in memory"),
        ),
        ("redis", b"", (False, "no answer")),
        ("redis", b"\xff\xfe", (False, "\ufffd\ufffd")),
    ],
)
def test_answers(kind: HealthKind, answer: bytes, expected: tuple[bool, str]) -> None:
    with serving(answer) as server:
        assert expected == asked(kind, server.address)


def test_postgres_is_left_without_a_word() -> None:
    # Terminate in the midst of a login stands in its log as an error, every 2 s of a watch.
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(asked, "postgres", Address(*listener.getsockname()))
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(4096)[4:8] == b"\0\3\0\0"
            connection.sendall(b"R\0\0\0\x08\0\0\0\0")
            assert connection.recv(4096) == b""
        assert asking.result() == (True, "asks for authentication")


def test_garbage_is_no_http() -> None:
    with serving(b"\x00garbage\r\n\r\n") as server:
        assert not asked("http", server.address)[0]


def test_the_path_is_asked_for() -> None:
    with serving(http("200 OK")) as server:
        asked("http", server.address, "/health?deep=1")

    assert server.heard[0].startswith(b"GET /health?deep=1 HTTP/1.1\r\n")


def test_a_proxy_of_the_shell_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(http("200 OK")) as server:
        assert (True, "HTTP 200") == asked("http", server.address)


def test_a_port_that_accepts_is_enough_for_tcp() -> None:
    with serving(None) as server:
        assert (True, "accepts connections") == asked("tcp", server.address)


@pytest.fixture
def nobody() -> Address:
    """An address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Address("127.0.0.1", listener.getsockname()[1])


@pytest.mark.parametrize("kind", ["http", "tcp", "postgres", "redis"])
def test_a_refusal_is_an_answer(kind: HealthKind, nobody: Address) -> None:
    healthy, detail = asked(kind, nobody)

    assert not healthy
    assert "refused" in detail


@pytest.mark.parametrize("kind", ["http", "postgres", "redis"])
def test_a_server_that_says_nothing_is_given_up(kind: HealthKind) -> None:
    with serving(None) as server:
        healthy, detail = asked(kind, server.address, timeout=0.05)

    assert (False, "timed out") == (healthy, detail)


def test_a_closed_prober_says_so() -> None:
    prober = Prober(Health("http", 80), Address("127.0.0.1", 1))
    prober.close()
    prober._client = None

    assert "the prober is closed" == prober.ask().detail


def test_a_watch_tells_each_service_once_when_it_answers(nobody: Address) -> None:
    watch = Watch()
    before = time.time()
    with serving(http("503 no")) as slow, serving(b"+PONG\r\n") as fast:
        try:
            watch.begin("fast", Prober(Health("redis", 0), fast.address))
            watch.begin("never", Prober(Health("tcp", 0), nobody))
            first = watch.next_ready(timeout=30)
            watch.begin("slow", Prober(Health("http", 0), slow.address))
            assert watch.next_ready(timeout=0.05) is None
            slow.answer = http("200 OK")
            second = watch.next_ready(timeout=30)
            assert watch.next_ready(timeout=0) is None
            answers = watch.last_answers
        finally:
            watch.close()

    assert first is not None
    assert second is not None
    assert ["fast", "slow"] == [first[0], second[0]]
    assert before <= first[1] <= second[1] <= time.time()
    assert {"fast": "+PONG", "slow": "HTTP 200"} == {
        name: answer for name, answer in answers.items() if name != "never"
    }
    assert "refused" in answers["never"]
    names = [thread.name for thread in threading.enumerate()]
    assert [] == [name for name in names if name.startswith("health-")]


def test_samples_count_what_passed_and_leave_out_the_warm_up(nobody: Address) -> None:
    from tranship.stack.model import Service

    services = [
        Service("cache", health=Health("redis", 0)),
        Service("dead", health=Health("tcp", 0)),
        Service("elsewhere", health=Health("tcp", 0)),
        Service("unasked"),
    ]
    with serving(b"+PONG\r\n") as server:
        addresses = {"cache": server.address, "dead": nobody, "unasked": nobody}
        found = health_samples(services, addresses, samples=5)

    cache, dead = found["cache"], found["dead"]
    assert {"cache", "dead"} == set(found)
    assert (5, 5, 8) == (cache.samples, cache.passed, len(server.heard))
    assert cache.p50_seconds is not None
    assert cache.p95_seconds is not None
    assert 0 < cache.p50_seconds <= cache.p95_seconds
    assert cache.p99_seconds is None, "too few for it"
    assert (5, 0, None, None) == (dead.samples, dead.passed, dead.p50_seconds, dead.p95_seconds)
