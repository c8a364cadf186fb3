"""Service-to-service latency: each target dialled from where its consumers run.

What is dialled from one side takes the same way whoever asks, so the consumers of a target
on one side share one measurement. The published port is dialled from this host: what it
costs beside the direct way is the engine's proxy.
"""

from __future__ import annotations

import importlib.resources
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..errors import EnvironmentFailed
from ..modes.base import Address, Mode
from ..stack.model import Service
from ..stack.placement import HOST_GATEWAY, Side
from .figures import ENOUGH_FOR_P99, EdgeKind, EdgeVia
from .record import EdgeLatency

SAMPLES = 100
SECONDS = 0.8
"""What dialling may add to a trial, once from each side and once by the published ports."""


@dataclass(frozen=True)
class Route:
    """One way to a target, and the consumers that take it."""

    target: str
    kind: EdgeKind
    via: EdgeVia
    side: Side
    """Where it is dialled from."""
    address: Address
    consumers: tuple[str, ...]
    path: str = "/"


@dataclass(frozen=True)
class Dialled:
    """What dialling one route gave. Times are seconds."""

    times: tuple[float, ...]
    failed: int


def routes(
    services: Iterable[Service],
    sides: Mapping[str, Side],
    references: Mapping[str, frozenset[str]],
    addresses: Mapping[str, Address],
) -> tuple[Route, ...]:
    """Return the routes that the consumers take, and those through published ports.

    `addresses` is where this host dials each service, `references` which services each
    one's variables name.
    """
    found = []
    for service in services:
        consumers = [
            name
            for name, targets in sorted(references.items())
            if service.name in targets and name != service.name and name in sides
        ]
        for via, side in _ways(sides[service.name]):
            dialling = tuple(
                name for name in consumers if via == "published" or sides[name] == side
            )
            address = _address(service, sides[service.name], side, addresses)
            if dialling and address is not None:
                health = service.health
                kind: EdgeKind = health.kind if health is not None else "tcp"
                path = health.path if health is not None else "/"
                found.append(Route(service.name, kind, via, side, address, dialling, path))
    return tuple(found)


def _ways(target: Side) -> Iterator[tuple[EdgeVia, Side]]:
    yield "direct", "local"
    yield "direct", "docker"
    if target == "docker":
        yield "published", "local"


def _address(
    service: Service, target: Side, side: Side, addresses: Mapping[str, Address]
) -> Address | None:
    here = addresses.get(service.name)
    if side == "local":
        return here
    if target == "local":
        return None if here is None else Address(HOST_GATEWAY, here.port)
    port = service.health.port if service.health is not None else service.container_port
    return None if port is None else Address(service.name, port)


def program(routes: Iterable[Route]) -> str:
    """Return the program that dials these routes and prints their times as one line."""
    text = (importlib.resources.files(__package__) / "dial.py").read_text("utf-8")
    targets = [
        (number, route.kind, route.address.host, route.address.port, route.path)
        for number, route in enumerate(routes)
    ]
    # A failure here must not cost what the same interpreter printed before.
    return (
        f"{text}\ntry:\n    dial({targets!r}, {SAMPLES}, {SECONDS})\n"
        "except Exception:\n    print('[]')\n"
    )


def read(output: str) -> tuple[Dialled, ...]:
    """Return what the program printed, in the order of its routes; nothing where it failed."""
    lines = output.strip().splitlines()
    with suppress(ValueError, TypeError):
        return tuple(
            Dialled(tuple(map(float, times)), int(failed))
            for _, times, failed in json.loads(lines[-1] if lines else "[]")
        )
    return ()


def latencies(routes: Iterable[Route], dialled: Iterable[Dialled]) -> Iterator[EdgeLatency]:
    """Yield the figures of each consumer and target."""
    # One too few: the program was ended, and the rest was not measured.
    for route, found in zip(routes, dialled, strict=False):
        p50, p95, p99 = _percentiles(found.times)
        for consumer in route.consumers:
            yield EdgeLatency(
                consumer=consumer,
                target=route.target,
                kind=route.kind,
                via=route.via,
                samples=len(found.times) + found.failed,
                failed=found.failed,
                p50_seconds=p50,
                p95_seconds=p95,
                p99_seconds=p99,
            )


def _percentiles(times: tuple[float, ...]) -> tuple[float | None, float | None, float | None]:
    if len(times) < 2:
        return None, None, None
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98] if len(times) >= ENOUGH_FOR_P99 else None


def measured(mode: Mode, known: Iterable[Route]) -> tuple[EdgeLatency, ...]:
    """Dial these routes of a mode that runs; what cannot be dialled has no figures."""
    together: dict[tuple[EdgeVia, Side], list[Route]] = {}
    for route in known:
        together.setdefault((route.via, route.side), []).append(route)
    found: list[EdgeLatency] = []
    for (via, side), chosen in together.items():
        run = _on_this_host if via == "published" else mode.pythons[side]
        with suppress(EnvironmentFailed, OSError, subprocess.SubprocessError):
            found += latencies(chosen, read(run(program(chosen))))
    return tuple(found)


def _on_this_host(source: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-c", source],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout
