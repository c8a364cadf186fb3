"""Placements: which side each service runs on, and how one side dials the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError
from .model import Service, Stack

Side = Literal["local", "docker"]
LOOPBACK = "127.0.0.1"
HOST_GATEWAY = "host.docker.internal"


@dataclass(frozen=True)
class Placement:
    """A map service -> side."""

    sides: Mapping[str, Side]

    @classmethod
    def pure(cls, services: Iterable[Service], side: Side) -> Placement:
        """Return the placement that has every service on one side.

        Raises UsageError for a service that cannot run there.
        """
        chosen = tuple(services)
        if side == "local":
            homeless = [service.name for service in chosen if service.local is None]
            if homeless:
                raise UsageError(
                    f"No local command for {', '.join(homeless)}. Add `x-tranship: {{local: "
                    "{command: ...}}` (or `server: postgres|redis`) to it in the compose file, "
                    "or leave it out."
                )
        return cls({service.name: side for service in chosen})


@dataclass(frozen=True)
class Endpoint:
    """A service's port as one consumer must dial it."""

    service: str
    host: str
    port: int


@dataclass(frozen=True)
class Ports:
    """The host ports of one run: (service, container port) -> port on this host."""

    local: Mapping[tuple[str, int], int]
    published: Mapping[tuple[str, int], int]


def declared_ports(stack: Stack) -> Ports:
    """Return the ports that the compose files fix: a developer's own, on either side."""
    found: dict[tuple[str, int], int] = {}
    for service in stack.services.values():
        for port in service.ports:
            if port.protocol == "tcp":
                found[service.name, port.target] = port.published or port.target
        if service.container_port is not None:
            found.setdefault((service.name, service.container_port), service.container_port)
    return Ports(local=found, published=found)


def endpoint(
    service: str, port: int, *, consumer: Side, target: Side, ports: Ports
) -> Endpoint | None:
    """Return how a consumer on one side dials `service` on another; None if nothing leads there.

    Source: the table of the four directions in the project's design.
    """
    key = (service, port)
    if consumer == "docker" and target == "docker":
        return Endpoint(service, service, port)
    table = ports.local if target == "local" else ports.published
    if key not in table:
        return None
    return Endpoint(service, LOOPBACK if consumer == "local" else HOST_GATEWAY, table[key])
