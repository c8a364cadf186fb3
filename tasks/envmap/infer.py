"""Inference: the compose file's own `environment:`, rewritten for another placement.

Compose's variables are the truth of the docker side. A value is rewritten only where it
is an address by its form (a URL, `host:port`, a host beside its port), never because it
merely equals the name of a service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..stack.model import Stack
from ..stack.placement import Endpoint, Placement, Ports, Side, endpoint

_SCHEME_PORTS = {
    "http": 80,
    "https": 443,
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
    "rediss": 6379,
    "valkey": 6379,
    "mysql": 3306,
    "amqp": 5672,
    "mongodb": 27017,
    "nats": 4222,
}
"""Ports that a URL without one means (IANA's service name registry)."""

_URL = re.compile(
    # The last @ ends the user info: passwords are often written without escaping theirs.
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^/?#\s]*@)?"
    # A comma goes on with a host of the same URL, or begins the next URL of a list.
    r"(?P<hosts>[^/?#\s@,]+(?:,(?![A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s@,]+)*)"
)
_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*):(?P<port>\d{1,5})")

Resolve = Callable[[str, int | None], Endpoint | None]


@dataclass(frozen=True)
class Variable:
    """One variable of one service for one placement."""

    name: str
    value: str
    declared: str
    """What the compose file says."""
    rule: str | None = None
    """The rule that rewrote it; None when the value is as declared."""


def environment_of(
    service: str, stack: Stack, placement: Placement, ports: Ports, side: Side | None = None
) -> tuple[Variable, ...]:
    """Return the variables of `service` in this placement.

    `side` is where the consumer runs; without it, where the placement has it. A variable
    that Compose declares with no value and the shell does not give is left out, as Compose
    does.
    """
    consumer = side or placement.sides[service]

    def resolve(target: str, port: int | None) -> Endpoint | None:
        known = stack.services.get(target)
        if known is None:
            return None
        wanted = port or known.container_port
        if wanted is None:
            return None
        where = placement.sides.get(target, "docker")
        return endpoint(target, wanted, consumer=consumer, target=where, ports=ports)

    declared = {
        name: value
        for name, value in stack.services[service].environment.items()
        if value is not None
    }
    return rewrite(declared, resolve)


def rewrite(declared: Mapping[str, str], resolve: Resolve) -> tuple[Variable, ...]:
    """Return every declared variable, with addresses rewritten by `resolve`.

    `resolve(host, port)` gives the endpoint of a service, or None for a foreign host; a
    port of None asks for the service's own.
    """
    pairs = _pairs(declared, resolve)
    result = []
    for name, value in declared.items():
        if name in pairs:
            new, rule = pairs[name]
        elif "://" in value:
            new, rule = _URL.sub(lambda match: _url(match, resolve), value), "url"
        elif all(_ADDRESS.fullmatch(part.strip()) for part in value.split(",")):
            new, rule = _ADDRESS.sub(lambda match: _address(match, resolve), value), "host:port"
        else:
            new, rule = value, ""
        result.append(Variable(name, new, value, rule if new != value else None))
    return tuple(result)


def _url(match: re.Match[str], resolve: Resolve) -> str:
    scheme_port = _SCHEME_PORTS.get(match["scheme"].lower().split("+")[0])
    hosts = []
    for part in match["hosts"].split(","):
        host, _, port = part.partition(":")
        found = resolve(host, int(port) if port.isdigit() else scheme_port)
        if found is None and not port:
            # `http://data-service` may mean the service's own port, where 80 leads nowhere.
            found = resolve(host, None)
        hosts.append(part if found is None else _joined(found, host, port))
    return f"{match['scheme']}://{match['user'] or ''}{','.join(hosts)}"


def _address(match: re.Match[str], resolve: Resolve) -> str:
    found = resolve(match["host"], int(match["port"]))
    return match[0] if found is None else f"{found.host}:{found.port}"


def _joined(found: Endpoint, host: str, port: str) -> str:
    same = found.host == host and not port
    return host if same else f"{found.host}:{found.port}"


def _pairs(declared: Mapping[str, str], resolve: Resolve) -> dict[str, tuple[str, str]]:
    """Return the rewritten X_HOST variables whose X_PORT stands beside them, and both values."""
    result: dict[str, tuple[str, str]] = {}
    for name, value in declared.items():
        # Without an underscore too: PGHOST and PGPORT are libpq's own names.
        match = re.fullmatch(r"(.*?)(HOST|HOSTNAME)", name, re.IGNORECASE)
        if not match:
            continue
        stem = match[1]
        port_name = next((key for key in declared if key.upper() == f"{stem}PORT".upper()), None)
        if port_name is None or not declared[port_name].isdigit():
            continue
        found = resolve(value, int(declared[port_name]))
        if found is not None:
            result[name] = (found.host, "host and port")
            result[port_name] = (str(found.port), "host and port")
    return result
