"""A login to Redis and a few commands, with no driver to install.

Source: Redis documentation, "Redis serialization protocol specification" (RESP2).
"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from ...modes.base import Address
from .postgresclient import Refused


class RedisClient:
    """One connection. Raises Refused for what the server refuses, OSError for the network."""

    def __init__(
        self, address: Address, user: str, password: str, database: str, seconds: float
    ) -> None:
        self._socket = socket.create_connection((address.host, address.port), timeout=seconds)
        self._stream = self._socket.makefile("rb")
        try:
            if password:
                self.call("AUTH", *([user] if user else []), password)
            if database:
                self.call("SELECT", database)
            self.call("PING")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """End the connection."""
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._stream.close()
        self._socket.close()

    def call(self, *words: str) -> str | None:
        """Send one command whose answer is one value; return it."""
        parts = [f"*{len(words)}\r\n".encode()]
        for word in words:
            raw = word.encode()
            parts.append(f"${len(raw)}\r\n".encode() + raw + b"\r\n")
        self._socket.sendall(b"".join(parts))
        line = self._stream.readline().rstrip(b"\r\n")
        if not line:
            raise ConnectionError("the server ended the connection")
        kind, rest = line[:1], line[1:].decode(errors="replace")
        if kind == b"-":
            raise Refused(rest)
        if kind != b"$":
            return rest
        if int(rest) < 0:
            return None
        return self._stream.read(int(rest) + 2)[:-2].decode(errors="replace")
