"""What can run here: where we are, the engine, the ports of the stack, and each mode.

Every probe is guarded: an absent thing is an answer.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..settings import Settings
from ..stack.model import Stack
from ..stack.placement import LOOPBACK
from .engines import Engine, ask, client, containers_on
from .readiness import ModeReport, PortUse, docker_mode, hybrid_mode, local_mode
from .surroundings import Groups, Machine, Place, groups, place, system


@dataclass(frozen=True)
class Detected:
    """All that was found out about this machine."""

    place: Place
    system: str
    python: str
    engine: Engine
    groups: Groups
    ports: tuple[PortUse, ...]
    modes: tuple[ModeReport, ...]


def detect(
    settings: Settings,
    stack: Stack | None,
    *,
    machine: Machine | None = None,
    asked: Callable[[Settings, Machine, tuple[int, ...]], tuple[Engine, Mapping[int, str]]]
    | None = None,
    listening: Callable[[frozenset[int]], Mapping[int, str]] | None = None,
) -> Detected:
    """Return what this machine is and can run; without a stack, ports and services are left out.

    `machine`, `asked` (the engine, and the containers that publish ports) and `listening`
    (the owners of ports) are the real ones unless others are given.
    """
    here = machine or Machine()
    published = _published(stack)
    numbers = tuple(sorted({port for port, _ in published}))
    engine, containers = (asked or ask_engine)(settings, here, numbers)
    owners = {**(listening or listeners)(frozenset(numbers)), **containers}
    ports = tuple(PortUse(port, service, owners.get(port)) for port, service in published)
    found_place, found_groups = place(here), groups(here)
    docker = docker_mode(engine, found_place, ports, here)
    local = local_mode(settings, stack, here)
    return Detected(
        place=found_place,
        system=system(here),
        python=f"{'.'.join(str(part) for part in sys.version_info[:3])} ({sys.executable})",
        engine=engine,
        groups=found_groups,
        ports=ports,
        modes=(local, docker, hybrid_mode(engine, local, docker, stack)),
    )


def rows(detected: Detected) -> tuple[tuple[str, str], ...]:
    """Return what was found as (what, answer), for a table."""
    engine = detected.engine
    found = [
        ("where", str(detected.place)),
        ("system", detected.system),
        ("python", detected.python),
        ("engine", str(engine)),
        ("compose", engine.compose or "none"),
        ("buildx", engine.buildx or "none"),
        ("cgroups", str(detected.groups)),
    ]
    found += [
        (f"port {use.port}", f"{use.service}: {use.owner or 'free'}") for use in detected.ports
    ]
    for mode in detected.modes:
        answer = "can run" if mode.can_run else "cannot run"
        remarks = "; ".join(mode.remarks)
        found.append((f"mode {mode.mode}", f"{answer}: {remarks}" if remarks else answer))
    return tuple(found)


def ask_engine(
    settings: Settings, machine: Machine, ports: tuple[int, ...]
) -> tuple[Engine, Mapping[int, str]]:
    """Return the engine of this machine, and the containers that publish these ports."""
    docker = client(settings.pass_env)
    engine = ask(docker, machine.environ)
    return engine, containers_on(docker, ports) if engine.version and not engine.remote else {}


def listeners(ports: frozenset[int]) -> Mapping[int, str]:
    """Return who listens on these ports of this host, by port."""
    import psutil

    found: dict[int, str] = {}
    if not ports:
        return found
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:  # macOS shows them to root alone
        return {port: "a process" for port in ports if _answers(port)}
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr:
            continue
        port = connection.laddr.port
        if port in ports and port not in found:
            found[port] = "a process of another user"
            with suppress(psutil.Error):
                if connection.pid is not None:
                    process = psutil.Process(connection.pid)
                    # The name alone: arguments may hold a secret.
                    found[port] = f"process {process.pid} ({process.name()})"
    return found


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.1):
            return True
    except OSError:
        return False


def _published(stack: Stack | None) -> tuple[tuple[int, str], ...]:
    if stack is None:
        return ()
    return tuple(
        sorted(
            {
                (port.published, service.name)
                for service in stack.services.values()
                for port in service.ports
                if port.published is not None and port.protocol == "tcp"
            }
        )
    )
