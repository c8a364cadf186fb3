"""What is up, on either side, as rows for a table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from ..stack.model import Service
from . import containers
from .base import Address, Startup
from .docker import DockerMode
from .health import Prober
from .hybrid import HybridMode
from .local import LocalMode

Row = list[str]


def docker_rows(mode: DockerMode, startup: Startup | None = None) -> list[Row]:
    """Return service, state, health, address and start-up (or time up) of each container."""
    found = []
    for item in containers.of_project(mode.client, mode.project_name):
        address = next(iter(item.published.values()), None)
        found.append(
            [
                item.service,
                item.status if item.running else f"{item.status} ({item.exit_code})",
                item.health or "no healthcheck",
                _text(address),
                _ready(startup, item.service) or _since(item.started_at if item.running else None),
            ]
        )
    return sorted(found)


def local_rows(mode: LocalMode, startup: Startup | None = None) -> list[Row]:
    """Return service, state, pid, address and start-up (or time up) of each process."""
    if not mode.supervisor.alive():
        return []
    addresses = mode.addresses()
    return sorted(
        [
            name,
            status.state.lower()
            if status.running
            else f"{status.state.lower()} ({status.exit_code})",
            str(status.pid) if status.pid else "-",
            _text(addresses.get(name)),
            _ready(startup, name) or _since(status.started if status.running else None),
        ]
        for name, status in mode.supervisor.status().items()
        # A program that was never started is one that may come here from a container.
        if status.state != "STOPPED" or name in mode.sides
    )


def hybrid_rows(mode: HybridMode, startup: Startup | None = None) -> list[Row]:
    """Return service, side, state, address and start-up (or time up) of each service."""
    here = [
        [name, "local", state, at, up] for name, state, _, at, up in local_rows(mode.local, startup)
    ]
    there = [
        [name, "docker", state, at, up]
        for name, state, _, at, up in docker_rows(mode.docker, startup)
    ]
    seen = {row[0] for row in (*here, *there)}
    lost = [
        [name, side, "not running", "-", "-"]
        for name, side in mode.sides.items()
        if name not in seen and seen
    ]
    return sorted([*here, *there, *lost])


def docker_health(mode: DockerMode) -> tuple[list[Row], bool]:
    """Return a row per service and whether all are well.

    A service without x-tranship.health answers by its container's healthcheck.
    """
    items = {item.service: item for item in containers.of_project(mode.client, mode.project_name)}
    rows, addresses = [], mode.addresses()
    asked = _asked(mode.services, addresses)
    for service in mode.services:
        item = items.get(service.name)
        if item is None or not item.running:
            fine = item is not None and item.exit_code == 0 and _ends_by_design(mode, service)
            state = "not created" if item is None else f"{item.status} ({item.exit_code})"
            rows.append([service.name, "yes" if fine else "no", state, "-"])
        elif service.name in asked:
            rows.append(asked[service.name])
        else:
            fine = item.health in (None, "healthy")
            answer = item.health or "running, no healthcheck"
            rows.append([service.name, "yes" if fine else "no", answer, "-"])
    return rows, all(row[1] == "yes" for row in rows)


def _ends_by_design(mode: DockerMode, service: Service) -> bool:
    """Return whether a service that ended well did what it is for."""
    return mode.stack.expected_to_exit(service.name)


def local_health(mode: LocalMode) -> tuple[list[Row], bool]:
    """Return a row per service and whether all are well."""
    states = mode.supervisor.status() if mode.supervisor.alive() else {}
    asked = _asked(mode.services, mode.addresses())
    rows = []
    for service in mode.services:
        status = states.get(service.name)
        if status is None or not status.running:
            state = "not started" if status is None else status.state.lower()
            rows.append([service.name, "no", state, "-"])
        else:
            rows.append(asked.get(service.name) or [service.name, "yes", "running, no probe", "-"])
    return rows, all(row[1] == "yes" for row in rows)


def docker_stats(mode: DockerMode) -> list[Row]:
    """Return memory, CPU and processes of each running container, and how they were read."""
    found = []
    for item in containers.of_project(mode.client, mode.project_name):
        if not item.running:
            continue
        group = item.cgroup()
        if group is not None:
            memory, cpu = group.memory_bytes(), group.cpu_seconds()
            found.append(
                [
                    item.service,
                    f"{memory / 2**20:.1f} MiB" if memory is not None else "-",
                    f"{cpu:.2f}" if cpu is not None else "-",
                    str(len(group.pids())),
                    group.method,
                ]
            )
        else:
            # The engine is not on this host: its own figures, which count the page cache in.
            reading = mode.client.stats([item.id])[0]
            found.append(
                [item.service, f"{reading.memory_used / 2**20:.1f} MiB", "-", "-", "docker stats"]
            )
    return sorted(found)


def _asked(services: Iterable[Service], addresses: Mapping[str, Address]) -> dict[str, Row]:
    rows = {}
    for service in services:
        address = addresses.get(service.name)
        if service.health is not None and address is not None:
            prober = Prober(service.health, address)
            answer = prober.ask()
            prober.close()
            rows[service.name] = [
                service.name,
                "yes" if answer.healthy else "no",
                answer.detail,
                f"{answer.seconds * 1000:.1f} ms",
            ]
    return rows


def _text(address: Address | None) -> str:
    return f"{address.host}:{address.port}" if address is not None else "-"


def _ready(startup: Startup | None, service: str) -> str:
    seconds = startup.ready_seconds.get(service) if startup is not None else None
    return f"{seconds:.2f} s" if seconds is not None else ""


def _since(moment: float | None) -> str:
    if moment is None:
        return "-"
    seconds = max(0, round(time.time() - moment))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
