"""Health probes, sent from this host the same way to either side."""

from __future__ import annotations

import logging
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..stack.model import Health
from .base import Address

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class Answer:
    """What one probe found."""

    healthy: bool
    seconds: float
    detail: str


class Prober:
    """Asks one service; not to be shared between threads."""

    def __init__(self, health: Health, address: Address, timeout: float = TIMEOUT_SECONDS) -> None:
        self.health = health
        self.address = address
        self._timeout = timeout
        self._client: httpx.Client | None = None
        if health.kind == "http":
            import httpx

            for noisy in ("httpx", "httpcore"):  # nox turns logging up to DEBUG
                logging.getLogger(noisy).setLevel(logging.WARNING)
            # verify=False: plain HTTP to loopback; loading the CA bundle takes 20 ms.
            # trust_env=False: a proxy of the caller's shell must not answer for the service.
            self._client = httpx.Client(trust_env=False, verify=False, timeout=timeout)  # noqa: S501

    def ask(self) -> Answer:
        """Send one probe and return what came back; a refusal is an answer, not an error."""
        began = time.perf_counter()
        try:
            healthy, detail = self._ask()
        except (OSError, ValueError) as error:
            healthy, detail = False, str(error) or type(error).__name__
        return Answer(healthy, time.perf_counter() - began, detail)

    def close(self) -> None:
        """Close the connection that HTTP probes keep."""
        if self._client is not None:
            self._client.close()

    def _ask(self) -> tuple[bool, str]:
        if self.health.kind == "http":
            return self._http()
        pair = (self.address.host, self.address.port)
        with socket.create_connection(pair, timeout=self._timeout) as connection:
            if self.health.kind == "postgres":
                return _postgres(connection)
            if self.health.kind == "redis":
                return _redis(connection)
            return True, "accepts connections"

    def _http(self) -> tuple[bool, str]:
        import httpx

        if self._client is None:
            raise ValueError("the prober is closed")
        url = f"http://{self.address.host}:{self.address.port}{self.health.path}"
        try:
            response = self._client.get(url)
        except httpx.HTTPError as error:
            return False, str(error) or type(error).__name__
        return response.is_success, f"HTTP {response.status_code}"


def _postgres(connection: socket.socket) -> tuple[bool, str]:
    """Say hello without logging in: a server that asks for authentication is up.

    57P03 is "the database system is starting up". Source: PostgreSQL documentation,
    "Message Formats" (StartupMessage, ErrorResponse) and "Error Codes".
    """
    body = struct.pack("!i", 196_608) + b"user\0postgres\0database\0postgres\0\0"
    connection.sendall(struct.pack("!i", len(body) + 4) + body)
    answer = connection.recv(1024)
    if answer[:1] == b"R":
        # To hang up is no error to it; the message Terminate would stand in its log as one.
        return True, "asks for authentication"
    if answer[:1] == b"E":
        code = next((part[1:] for part in answer[5:].split(b"\0") if part[:1] == b"C"), b"")
        return code != b"57P03", f"SQLSTATE {code.decode(errors='replace')}"
    return False, "no answer of a PostgreSQL server"


def _redis(connection: socket.socket) -> tuple[bool, str]:
    connection.sendall(b"PING\r\n")
    line = connection.recv(256).split(b"\r\n")[0].decode(errors="replace")
    # A server that asks for a password is up; one that says -LOADING is not yet.
    if line.startswith("-NOAUTH"):
        return True, "asks for a password"
    return line.startswith("+PONG"), line or "no answer"
