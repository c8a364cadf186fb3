"""Dials services and prints how long each answer took. Runs on its own, Python 3.7+.

The interpreter of the consumers' side runs this file's text with one more line, a call of
`dial`. HTTP and Redis are asked on one connection, as clients keep theirs; Postgres's
greeting and a plain connect need a new one each time.
"""

import http.client
import json
import socket
import struct
import time
from typing import Any, Sequence  # noqa: UP035 - Python 3.7 has no other to subscript

TIMEOUT = 2.0
WARM_UP = 3
MOST_FAILURES = 5


class Target:
    """One address, and the times that it took to answer."""

    def __init__(self, name: int, kind: str, host: str, port: int, path: str) -> None:
        self.name, self.kind, self.host, self.port, self.path = name, kind, host, port, path
        self.times: list[float] = []
        self.failed = 0
        self._kept: Any = None

    def ask(self, counted: bool) -> None:
        """Ask once; a failure is counted, and the connection begun anew."""
        began = time.perf_counter()
        try:
            getattr(self, "_" + self.kind)()
        except (OSError, ValueError, http.client.HTTPException):
            self.failed += 1
            self.close()
            return
        if counted:
            self.times.append(time.perf_counter() - began)

    def close(self) -> None:
        """Close the connection that is kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _connect(self) -> socket.socket:
        found = socket.create_connection((self.host, self.port), timeout=TIMEOUT)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    def _http(self) -> None:
        if self._kept is None:
            self._kept = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        self._kept.request("GET", self.path)
        answer = self._kept.getresponse()
        answer.read()
        if answer.status >= 400:
            raise ValueError(answer.status)

    def _redis(self) -> None:
        if self._kept is None:
            self._kept = self._connect()
        self._kept.sendall(b"PING\r\n")
        # A server that asks for a password answers, too.
        if self._kept.recv(256)[:5] not in (b"+PONG", b"-NOAU"):
            raise ValueError("no answer of a Redis server")

    def _postgres(self) -> None:
        # The start-up message without a login: the server answers how it would be asked.
        body = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
        with self._connect() as connection:
            connection.sendall(struct.pack("!i", len(body) + 4) + body)
            if connection.recv(1024)[:1] not in (b"R", b"E"):
                raise ValueError("no answer of a PostgreSQL server")

    def _tcp(self) -> None:
        self._connect().close()


def dial(targets: Sequence[Any], rounds: int, seconds: float) -> None:
    """Ask all targets in turns, so that drift hits all, and print the times as JSON.

    Ends after so many rounds, or so many seconds.
    """
    found = [Target(*target) for target in targets]
    for target in found:
        for _ in range(WARM_UP):
            if not target.failed:
                target.ask(False)
    deadline = time.monotonic() + seconds
    for _ in range(rounds):
        for target in found:
            # A time-out for each round would cost minutes: it is gone.
            if target.failed < MOST_FAILURES and (target.times or not target.failed):
                target.ask(True)
        if time.monotonic() > deadline:
            break
    for target in found:
        target.close()
    print(json.dumps([[target.name, target.times, target.failed] for target in found]))  # noqa: T201
