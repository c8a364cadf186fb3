"""Addresses inside of values: only where the form, or the name, says that one is dialled."""

from __future__ import annotations

import functools
import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..infer import SCHEME_PORTS

_URL = re.compile(
    # The last @ ends the user info: passwords are often written without escaping theirs.
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#\s\"]*@)?"
    # A comma goes on with a host of the same URL, or begins the next URL of a list.
    r"(?P<hosts>[^/?#\s@\"'<>,]+(?:,(?![A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s@\"'<>,]+)*)"
)
_NO_NETWORK = {"file", "unix", "npipe", "ipc", "memory", "data"}
_AUTHORITY = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::(?P<port>\d{1,5}))?"
)
_HOST_PORT = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):(?P<port>\d{1,5})(?:/\S*)?"
)
_HOST_NAME = re.compile(r"(?P<stem>.*_)?HOST(?:NAME)?|(?P<client>PG)HOST", re.IGNORECASE)
_BARE_NAME = re.compile(r"(?:.*_)?(?:HOSTS?|HOSTNAMES?|SERVERS?)|PGHOST", re.IGNORECASE)
_DSN_HOST = re.compile(r"(?:^|[\s;])(?:host|server|data source)\s*=\s*([^\s;,]+)", re.IGNORECASE)
_DSN_PORT = re.compile(r"(?:^|[\s;])port\s*=\s*(\d{1,5})(?=$|[\s;])", re.IGNORECASE)

_LOOPBACK_NAMES = {"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"}


@dataclass(frozen=True)
class Address:
    """A host that a value names, and its port where one is known."""

    host: str
    port: int | None = None
    written_port: bool = False
    """Whether the value names the port, rather than its URL's scheme."""

    @property
    def loopback(self) -> bool:
        """Whether it leads back to whoever dials it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port and self.written_port else self.host


def is_loopback(host: str) -> bool:
    """Return whether `host` is localhost, 127.0.0.0/8 or ::1 (RFC 1122, RFC 4291)."""
    bare = host.strip("[]").lower()
    if bare in _LOOPBACK_NAMES:
        return True
    if not bare.startswith("127.") and bare != "::1":
        return False
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def dialled(variables: Mapping[str, str]) -> Iterator[tuple[str, Address]]:
    """Yield each address that the variables of one service name, with its variable.

    The port of X_HOST is that of the X_PORT beside it.
    """
    upper = {name.upper(): value for name, value in variables.items()}
    for name, value in variables.items():
        if not value:
            continue
        beside = None
        match = _HOST_NAME.fullmatch(name)
        if match is not None:
            stem = (match["stem"] or match["client"] or "").upper()
            text = upper.get(f"{stem}PORT", "")
            beside = int(text) if text.isdigit() else None
        for address in addresses(name, value):
            if beside is not None and address.port is None:
                address = Address(address.host, beside, written_port=True)
            yield name, address


@functools.lru_cache(maxsize=65_536)
def addresses(name: str, value: str) -> tuple[Address, ...]:
    """Return the addresses of one value; `name` decides whether a lone host is one."""
    return tuple(_addresses(name, value))


def _addresses(name: str, value: str) -> Iterator[Address]:
    if value[0] in "[{":
        try:
            yield from _in_document(json.loads(value))
        except (ValueError, RecursionError):
            pass
        else:
            return
    if "://" in value:
        yield from _in_urls(value)
        return
    parts = [part.strip() for part in value.split(",")]
    if ":" in value and all(_HOST_PORT.fullmatch(part) for part in parts):
        for part in parts:
            match = _HOST_PORT.fullmatch(part)
            assert match is not None  # noqa: S101 - just matched
            yield Address(match["host"], int(match["port"]), written_port=True)
    elif "=" in value:
        yield from _in_dsn(value)
    elif _BARE_NAME.fullmatch(name):
        # "::1" without brackets has no port to tell apart.
        yield from (Address(part) for part in parts if _AUTHORITY.fullmatch(part) or part == "::1")


def _in_urls(value: str) -> Iterator[Address]:
    for match in _URL.finditer(value):
        if match["scheme"].lower() in _NO_NETWORK:
            continue
        # A URL in another one's query is passed on, not dialled: `?redirect_uri=http://...`.
        word = re.split(r"\s", value[: match.start()])[-1]
        if "?" in word:
            continue
        default = SCHEME_PORTS.get(match["scheme"].lower().split("+")[0])
        for part in match["hosts"].split(","):
            authority = _AUTHORITY.fullmatch(part)
            if authority is not None:
                port = authority["port"]
                yield Address(authority["host"], int(port) if port else default, bool(port))


def _in_dsn(value: str) -> Iterator[Address]:
    host = _DSN_HOST.search(value)
    if host is not None and not host[1].startswith("/"):  # a path is a socket's folder
        port = _DSN_PORT.search(value)
        yield Address(host[1], int(port[1]) if port else None, port is not None)


def _in_document(value: Any) -> Iterator[Address]:
    if isinstance(value, dict):
        keys = {str(key).lower(): key for key in value}
        host = value.get(keys.get("host"))
        if isinstance(host, str) and host:
            port = str(value.get(keys.get("port")))
            yield Address(host, int(port) if port.isdigit() else None, port.isdigit())
        for item in value.values():
            yield from _in_document(item)
    elif isinstance(value, list):
        for item in value:
            yield from _in_document(item)
    elif isinstance(value, str) and value:
        yield from _addresses("", value)
