"""The developer's own local processes: fixed ports, data that stays, one set per checkout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..envmap.project import open_project
from ..envmap.secrets import mask_text
from ..errors import UsageError
from ..interrupts import deferred
from ..settings import Settings
from ..stack import engine, isolation
from ..stack.model import Stack
from ..stack.placement import LOOPBACK, declared_ports
from . import leftovers
from .base import Startup
from .local import LocalMode
from .portowner import owner_of, require_none

_FOLLOW_SECONDS = 0.2


def local_mode(
    settings: Settings, services: Sequence[str] = (), *, remembered: bool = True
) -> LocalMode:
    """Return the stack as local processes on the ports that Compose would publish.

    What an earlier `local.up` chose is remembered, so that the other verbs act on it.
    """
    project = open_project(settings)
    stack = project.stack
    directory = settings.state_directory / "local"
    names = tuple(services) or (_remembered(directory, stack) if remembered else ())
    selected = tuple(
        service for service in stack.selected(names) if service.name != settings.suite.service
    )
    python = (
        settings.root / settings.local.python if settings.local.python else Path(sys.executable)
    )
    return LocalMode(
        settings=settings,
        stack=stack,
        envmap=project.envmap,
        hidden=project.hidden,
        services=selected,
        ports=declared_ports(stack),
        directory=directory,
        run_id=f"tranship-{isolation.checkout_id(settings.root)}-local",
        # Not resolved: a virtual environment's python is a link, and its folder counts.
        bin_directory=python.parent,
        keeps_data=True,
    )


def local_up(mode: LocalMode) -> Startup:
    """Start what does not run yet; on failure, stop what this call started.

    Raises UsageError for a service that cannot run here, PortTaken naming each port's
    owner, or StackFailed.
    """
    _ = mode.whole_placement
    if mode.supervisor.alive():
        running = {name for name, status in mode.supervisor.status().items() if status.running}
        if {service.name for service in mode.services} <= running:
            return Startup(0.0)
        # Another selection than what runs: one supervisord holds one set of programs.
        mode.services = mode.stack.selected(
            [*running, *(service.name for service in mode.services)]
        )
        mode.stop()
    else:
        leftovers.end_local(mode.run_id, mode.directory, f"{mode.run_id}-")
    require_free(mode)
    _remember(mode)
    try:
        mode.prepare()
        return mode.start()
    except BaseException:
        with deferred():
            mode.stop()
        raise


def local_down(mode: LocalMode, *, volumes: bool) -> None:
    """Stop every local process of the developer's stack; remove the servers' data if asked."""
    mode.services = mode.stack.selected(
        [service.name for service in mode.stack.services.values() if service.local is not None]
    )
    mode.services = tuple(service for service in mode.services if service.local is not None)
    mode.keeps_data = not volumes
    mode.stop()
    (mode.directory / "services.json").unlink(missing_ok=True)


def local_restart(mode: LocalMode, services: Sequence[str]) -> Startup:
    """Stop and start these services (default: all) with settings read afresh.

    Raises UsageError when the stack is not up.
    """
    if not mode.supervisor.alive():
        raise UsageError("No local stack is up. Start it: inv local.up")
    known = {service.name: service for service in mode.services}
    for name in services:
        mode.stack.service(name)
        if name not in known:
            raise UsageError(f"{name} is not up. Start it: inv local.up --service {name}")
    chosen = [known[name] for name in services] or list(mode.services)
    mode.write_scripts(chosen)
    return mode.restart(chosen)


def local_logs(
    mode: LocalMode, services: Sequence[str], *, follow: bool, tail: int
) -> Iterator[str]:
    """Yield the log lines of local services, secrets hidden, each with its service's name."""
    for name in services:
        mode.stack.service(name)
    chosen = tuple(services) or tuple(service.name for service in mode.services)
    paths = {name: mode.log(name) for name in chosen}
    if not any(path.is_file() for path in paths.values()):
        raise UsageError("No local stack has run here. Start it: inv local.up")
    hidden = mode.hidden
    width = max(len(name) for name in chosen)
    offsets: dict[str, int] = {}
    for name, path in paths.items():
        text = path.read_bytes() if path.is_file() else b""
        offsets[name] = len(text)
        for line in text.decode(errors="replace").splitlines()[-tail or len(text) :]:
            yield f"{name:{width}} | {mask_text(line, hidden)}"
    while follow:
        for name, path in paths.items():
            text = path.read_bytes()[offsets[name] :] if path.is_file() else b""
            complete = text[: text.rfind(b"\n") + 1]
            offsets[name] += len(complete)
            for line in complete.decode(errors="replace").splitlines():
                yield f"{name:{width}} | {mask_text(line, hidden)}"
        time.sleep(_FOLLOW_SECONDS)


def require_free(mode: LocalMode) -> None:
    """Raise PortTaken naming the owner of each port that a service needs and cannot have."""
    taken = []
    for service in mode.services:
        for port in dict.fromkeys(
            mode.ports.local[key] for key in mode.ports.local if key[0] == service.name
        ):
            if not isolation.can_bind(port, LOOPBACK):
                owner = owner_of(port, engine.answering_client(mode.settings))
                taken.append(f"  {port} (for {service.name}) is taken by {owner}")
    require_none(taken, "docker.down")


def _remember(mode: LocalMode) -> None:
    names: list[Any] = [service.name for service in mode.services]
    isolation.write_private(mode.directory / "services.json", json.dumps(names))


def _remembered(directory: Path, stack: Stack) -> tuple[str, ...]:
    try:
        names = json.loads((directory / "services.json").read_text())
    except (OSError, ValueError):
        return ()
    return tuple(name for name in names if name in stack.services)
