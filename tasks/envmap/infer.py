"""Inference: variables that hold addresses, rewritten for another placement.

Compose's own `environment:` is the truth of the docker side. A value is rewritten only
where its form, or its name, says that it is an address, never because it merely equals the
name of a service: `REDIS_KEY_PREFIX=redis` stays, and so does a password. Each rewrite
carries the rule that made it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..stack.placement import Endpoint
from .origins import Origin

RULES: Mapping[str, str] = {
    "url": "the host and port of a URL, its user info, path and query kept",
    "host:port": "host:port, or a comma list of it",
    "host and port": "X_HOST beside X_PORT",
    "bare host": "a host alone, in a variable named X_HOST, X_HOSTS, X_HOSTNAME or X_SERVER",
    "dsn": "host=... port=... of a key-value string",
    "json": "an address inside JSON",
}

SCHEME_PORTS = {
    "http": 80,
    "https": 443,
    "ws": 80,
    "wss": 443,
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
    "rediss": 6379,
    "valkey": 6379,
    "mysql": 3306,
    "mariadb": 3306,
    "amqp": 5672,
    "amqps": 5671,
    "mongodb": 27017,
    "nats": 4222,
    "memcached": 11211,
}
"""Ports that a URL without one means (IANA, service name registry)."""

_URL = re.compile(
    # The last @ ends the user info: passwords are often written without escaping theirs.
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^/?#\s\"]*@)?"
    # A comma goes on with a host of the same URL, or begins the next URL of a list.
    r"(?P<hosts>[^/?#\s@\"'<>,]+(?:,(?![A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s@\"'<>,]+)*)"
)
_HOST_PORT = re.compile(r"(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*):(?P<port>\d{1,5})")
# Without an underscore too: PGHOST and PGPORT are libpq's own names.
_HOST_NAME = re.compile(r"(?P<stem>.*?)(?:HOST|HOSTNAME)", re.IGNORECASE)
_BARE_NAME = re.compile(r"(?:.*_|PG)?(?:HOSTS?|HOSTNAMES?|SERVERS?)", re.IGNORECASE)
_DSN_HOST = re.compile(
    r"(?P<key>(?:^|[\s;])(?:host|server|data source)\s*=\s*)(?P<host>[^\s;,]+)", re.IGNORECASE
)
_DSN_PORT = re.compile(
    r"(?P<key>(?:^|[\s;])port\s*=\s*)(?P<port>\d{1,5})(?=$|[\s;])", re.IGNORECASE
)

Resolve = Callable[[str, int | None], Endpoint | None]
"""(host, port) -> what to dial instead; None leaves the address alone. A port of None asks
for the service's own."""
Excludes = Callable[[str, str], bool]
"""(variable, rule) -> whether that rule must leave that variable alone."""


@dataclass(frozen=True)
class Variable:
    """One variable of one service for one placement."""

    name: str
    value: str
    declared: str | None = None
    """What the compose file says; None where only the mapping gives the variable."""
    rule: str | None = None
    """What made the value: a rule of inference, "mapping", or None where it is as declared."""
    origin: Origin | None = None
    """The line of the mapping."""


def _nothing(_variable: str, _rule: str) -> bool:
    return False


def rewrite(
    declared: Mapping[str, str], resolve: Resolve, excludes: Excludes = _nothing
) -> tuple[Variable, ...]:
    """Return every declared variable, with addresses rewritten by `resolve`."""
    pairs = _pairs(declared, resolve, excludes)
    return tuple(
        Variable(name, *_rewritten(name, value, pairs, resolve, excludes))
        for name, value in declared.items()
    )


def _rewritten(
    name: str,
    value: str,
    pairs: Mapping[str, str],
    resolve: Resolve,
    excludes: Excludes,
) -> tuple[str, str, str | None]:
    if name in pairs:
        new, rule = pairs[name], "host and port"
    else:
        new, rule = _by_form(name, value, resolve)
    if new == value or excludes(name, rule):
        return value, value, None
    return new, value, rule


def _by_form(name: str, value: str, resolve: Resolve) -> tuple[str, str]:
    if value[:1] in "[{" and value:
        return _in_json(value, resolve), "json"
    if "://" in value:
        return _URL.sub(lambda match: _url(match, resolve), value), "url"
    if ":" in value and all(_HOST_PORT.fullmatch(part.strip()) for part in value.split(",")):
        return _HOST_PORT.sub(lambda match: _host_port(match, resolve), value), "host:port"
    if "=" in value:
        return _dsn(value, resolve), "dsn"
    if _BARE_NAME.fullmatch(name):
        hosts = [_bare(part, resolve) for part in value.split(",")]
        return ",".join(hosts), "bare host"
    return value, ""


def _url(match: re.Match[str], resolve: Resolve) -> str:
    scheme_port = SCHEME_PORTS.get(match["scheme"].lower().split("+")[0])
    hosts = []
    for part in match["hosts"].split(","):
        host, _, port = part.partition(":")
        number = _number(port)
        if port and number is None:
            hosts.append(part)
            continue
        found = resolve(host, number if port else scheme_port)
        if found is None and not port:
            # `http://data-service` may mean the service's own port where 80 leads nowhere.
            found = resolve(host, None)
        same = found is not None and found.host == host and not port
        hosts.append(part if found is None or same else f"{found.host}:{found.port}")
    return f"{match['scheme']}://{match['user'] or ''}{','.join(hosts)}"


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 5 else None


def _host_port(match: re.Match[str], resolve: Resolve) -> str:
    found = resolve(match["host"], int(match["port"]))
    return match[0] if found is None else f"{found.host}:{found.port}"


def _bare(part: str, resolve: Resolve) -> str:
    host = part.strip()
    found = resolve(host, None) if host else None
    return part if found is None else part.replace(host, found.host)


def _dsn(value: str, resolve: Resolve) -> str:
    host = _DSN_HOST.search(value)
    if host is None:
        return value
    port = _DSN_PORT.search(value)
    found = resolve(host["host"], int(port["port"]) if port else None)
    if found is None:
        return value
    replaced = _DSN_HOST.sub(lambda match: f"{match['key']}{found.host}", value, count=1)
    if port is not None:
        return _DSN_PORT.sub(lambda match: f"{match['key']}{found.port}", replaced, count=1)
    if found.host == host["host"]:
        return replaced
    # libpq's own port would be dialled where the DSN names none; say the right one.
    separator = ";" if ";" in value else " "
    return f"{replaced.rstrip(separator)}{separator}port={found.port}"


def _in_json(value: str, resolve: Resolve) -> str:
    try:
        document = json.loads(value)
    except ValueError:
        return value
    changed = _walk(document, resolve)
    if changed == document:
        return value
    # Written as it was, as far as that can be told.
    for separators in ((",", ":"), (", ", ": ")):
        for ascii_only in (False, True):
            written = partial(json.dumps, separators=separators, ensure_ascii=ascii_only)
            if written(document) == value:
                return written(changed)
    separators = (", ", ": ") if re.search(r"[:,]\s", value) else (",", ":")
    return json.dumps(changed, separators=separators, ensure_ascii=False)


def _walk(value: Any, resolve: Resolve) -> Any:
    if isinstance(value, dict):
        result = {key: _walk(item, resolve) for key, item in value.items()}
        keys = {key.lower(): key for key in value}
        host, port = keys.get("host"), keys.get("port")
        if host is not None and isinstance(value[host], str):
            number: Any = value[port] if port is not None else ""
            wanted = _number(str(number))
            found = resolve(value[host], wanted)
            if found is not None:
                result[host] = found.host
                if port is not None and wanted is not None:
                    result[port] = type(number)(found.port)
        return result
    if isinstance(value, list):
        return [_walk(item, resolve) for item in value]
    if isinstance(value, str):
        return _by_form("", value, resolve)[0]
    return value


def _pairs(declared: Mapping[str, str], resolve: Resolve, excludes: Excludes) -> dict[str, str]:
    """Return the new values of X_HOST and the X_PORT beside it."""
    result: dict[str, str] = {}
    upper = {name.upper(): name for name in declared}
    for name, value in declared.items():
        match = _HOST_NAME.fullmatch(name)
        if match is None or excludes(name, "host and port"):
            continue
        port_name = upper.get(f"{match['stem'] or ''}PORT".upper())
        number = _number(declared[port_name]) if port_name is not None else None
        if port_name is None or number is None:
            continue
        found = resolve(value, number)
        # A pair that leads nowhere is left as a pair: its host is no bare host.
        result[name] = value if found is None else found.host
        if found is not None:
            result[port_name] = str(found.port)
    return result
