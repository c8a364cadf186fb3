"""The stack's PostgreSQL and Redis services, and how those that use them log in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from ...envmap.project import Project
from ...envmap.subject import resolved
from ...modes.base import Address
from ...stack.model import Service
from ...stack.placement import HOST_GATEWAY, LOOPBACK, Side, declared_ports
from ..analysis.stores import store_of
from .postgresclient import PostgresClient
from .redisclient import RedisClient

Kind = Literal["postgres", "redis"]
KINDS: tuple[Kind, ...] = ("postgres", "redis")
NAMES = {"postgres": "PostgreSQL", "redis": "Redis"}
_SCHEMES = {"postgres": "postgres", "postgresql": "postgres", "redis": "redis", "valkey": "redis"}
SECONDS = 5.0


@dataclass(frozen=True)
class Login:
    """How one service is logged in to."""

    service: str
    kind: Kind
    user: str
    password: str
    database: str
    variable: str
    """`SERVICE.VARIABLE`, which says so."""

    def connect(self, address: Address) -> PostgresClient | RedisClient:
        """Return a connection; raises Refused or OSError."""
        made = PostgresClient if self.kind == "postgres" else RedisClient
        return made(address, self.user, self.password, self.database, SECONDS)


def stores(project: Project, kind: Kind) -> tuple[Service, ...]:
    """Return the stack's services of a kind that start without a profile."""
    return tuple(service for service in project.stack.selected() if _kind(service) == kind)


def _kind(service: Service) -> str | None:
    if service.local is not None and service.local.server is not None:
        return service.local.server
    if service.health is not None and service.health.kind in KINDS:
        return service.health.kind
    store = store_of(service.image or "")
    known = {"postgres": "postgres", "redis": "redis", "valkey": "redis"}
    return known.get(store.name) if store is not None else None


def logins(project: Project, service: Service, side: Side) -> tuple[Login, ...]:
    """Return each different login that the variables of a side have for a service."""
    found: dict[tuple[str, str, str], Login] = {}
    for consumer, variables in sorted(resolved(project, side).items()):
        for item in variables:
            parts = _url(item.value)
            if parts is None or not _names(project, parts, service):
                continue
            login = Login(
                service=service.name,
                kind="postgres" if _scheme(parts) == "postgres" else "redis",
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                database=unquote(parts.path.lstrip("/")),
                variable=f"{consumer}.{item.name}",
            )
            found.setdefault((login.user, login.password, login.database), login)
    return tuple(found.values())


def _url(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        known = _scheme(parts) is not None and parts.hostname and (parts.port or True)
    except ValueError:
        return None
    return parts if known else None


def _scheme(parts: SplitResult) -> str | None:
    # `postgresql+psycopg` is SQLAlchemy's way to name a driver.
    return _SCHEMES.get(parts.scheme.partition("+")[0])


def _names(project: Project, parts: SplitResult, service: Service) -> bool:
    if parts.hostname == service.name:
        return True
    return parts.hostname in (LOOPBACK, "localhost", HOST_GATEWAY) and parts.port in set(
        _ports(project, service)
    )


def _ports(project: Project, service: Service) -> Iterator[int]:
    ports = declared_ports(project.stack)
    for known in (ports.local, ports.published):
        yield from (port for (name, _), port in known.items() if name == service.name)
