"""A login to PostgreSQL and one query: what a probe needs, with no driver to install.

Source: PostgreSQL documentation, "Frontend/Backend Protocol"; RFC 5802 and 7677 for
SCRAM-SHA-256. Text is UTF-8, and no TLS: the probes dial loopback.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from types import TracebackType
from typing import Self

from ...modes.base import Address

_PROTOCOL = 196_608
_OK, _PASSWORD, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 3, 5, 10, 11, 12


class Refused(Exception):
    """The server said no, in its own words."""


class PostgresClient:
    """One connection. Raises Refused for what the server refuses, OSError for the network."""

    def __init__(
        self, address: Address, user: str, password: str, database: str, seconds: float
    ) -> None:
        self._socket = socket.create_connection((address.host, address.port), timeout=seconds)
        self._stream = self._socket.makefile("rb")
        try:
            self._log_in(user, password, database)
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

    def query(self, text: str) -> list[str | None]:
        """Run statements; return the first column of each row."""
        self._send(b"Q", text.encode() + b"\0")
        found: list[str | None] = []
        refused = ""
        while True:
            kind, body = self._receive()
            if kind == b"D":
                (length,) = struct.unpack("!i", body[2:6])
                found.append(None if length < 0 else body[6 : 6 + length].decode())
            elif kind == b"E":
                refused = _said(body)
            elif kind == b"Z":
                if refused:
                    raise Refused(refused)
                return found

    def _log_in(self, user: str, password: str, database: str) -> None:
        pairs = f"user\0{user}\0database\0{database}\0\0".encode()
        self._socket.sendall(
            struct.pack("!i", len(pairs) + 8) + struct.pack("!i", _PROTOCOL) + pairs
        )
        scram: _Scram | None = None
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise Refused(_said(body))
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            (asked,) = struct.unpack("!i", body[:4])
            if asked == _PASSWORD:
                self._send(b"p", password.encode() + b"\0")
            elif asked == _MD5:
                inner = hashlib.md5(password.encode() + user.encode()).hexdigest()  # noqa: S324
                outer = hashlib.md5(inner.encode() + body[4:8]).hexdigest()  # noqa: S324
                self._send(b"p", f"md5{outer}".encode() + b"\0")
            elif asked == _SASL:
                scram = _Scram(password)
                first = scram.first()
                self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
            elif asked == _SASL_CONTINUE and scram is not None:
                self._send(b"p", scram.final(body[4:]))
            elif asked not in (_OK, _SASL_FINAL):
                raise Refused(f"asks for a login of kind {asked}, which this probe does not know")

    def _send(self, kind: bytes, body: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._stream.read(5)
        if len(head) < 5:
            raise ConnectionError("the server ended the connection")
        (length,) = struct.unpack("!i", head[1:])
        return head[:1], self._stream.read(length - 4)


class _Scram:
    def __init__(self, password: str, user: str = "", nonce: str = "") -> None:
        self._password = password.encode()
        # PostgreSQL knows the user from the start message, and ignores this one.
        self._bare = f"n={user},r={nonce or secrets.token_urlsafe(18)}"

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    def final(self, challenge: bytes) -> bytes:
        told = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self._password, base64.b64decode(told["s"]), int(told["i"])
        )
        key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={told['r']}"
        signed = f"{self._bare},{challenge.decode()},{without_proof}"
        stored = hashlib.sha256(key).digest()
        signature = hmac.digest(stored, signed.encode(), "sha256")
        proof = bytes(left ^ right for left, right in zip(key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


def _said(body: bytes) -> str:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return f"{fields.get(b'M', 'refused')} (SQLSTATE {fields.get(b'C', '?')})"
