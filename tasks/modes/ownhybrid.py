"""The developer's own stack in a hybrid placement, and moving one service across."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..envmap.project import Project, open_project
from ..errors import TranshipError, UsageError
from ..interrupts import deferred
from ..settings import Settings
from ..stack import engine, isolation
from ..stack.model import Service
from ..stack.placement import LOOPBACK, Placement, Side, declared_ports
from . import containers, leftovers
from .base import Startup, silent
from .docker import DockerMode
from .hybrid import HybridMode
from .local import LocalMode
from .owndocker import docker_down, with_mapping
from .ownlocal import require_free

Tell = Callable[[str], None]


def hybrid_mode(settings: Settings, local: Iterable[str], tell: Tell = silent) -> HybridMode:
    """Return the developer's stack with these services on this host, the rest in containers.

    Raises UnknownServiceError, or UsageError for a service that has no local recipe.
    """
    project = open_project(settings)
    services = tuple(
        service for service in project.stack.selected() if service.name != settings.suite.service
    )
    placement = _placement(project, services, local)
    return _assembled(project, services, placement, tell)


def _placement(project: Project, services: Iterable[Service], local: Iterable[str]) -> Placement:
    chosen = {project.stack.service(name).name for name in local}
    for name in sorted(chosen):
        if project.stack.services[name].local is None:
            raise UsageError(
                f"{name} cannot run on this host: it has no x-tranship.local in the compose file."
            )
    sides: dict[str, Side] = {
        service.name: "local" if service.name in chosen else "docker" for service in services
    }
    return Placement(sides)


def _assembled(
    project: Project, services: tuple[Service, ...], placement: Placement, tell: Tell
) -> HybridMode:
    settings, stack = project.settings, project.stack
    engine.require_engine(project.compose.client())
    python = (
        settings.root / settings.local.python if settings.local.python else Path(sys.executable)
    )
    local = LocalMode(
        settings=settings,
        stack=stack,
        envmap=project.envmap,
        hidden=project.hidden,
        services=tuple(s for s in services if placement.sides[s.name] == "local"),
        capable=tuple(s for s in services if s.local is not None),
        ports=declared_ports(stack),
        directory=settings.state_directory / "local",
        run_id=f"tranship-{isolation.checkout_id(settings.root)}-local",
        bin_directory=python.parent,
        keeps_data=True,
        placement=placement,
        tell=tell,
    )
    docker = DockerMode(
        settings=settings,
        stack=stack,
        services=tuple(s for s in services if placement.sides[s.name] == "docker"),
        project=replace(with_mapping(project, placement), name=stack.name, profiles=("*",)),
        hidden=project.hidden,
        tell=tell,
    )
    names = ",".join(service.name for service in local.services)
    return HybridMode(stack, services, placement, local, docker, f"hybrid:{names}", tell)


def up(mode: HybridMode) -> Startup:
    """Start both sides; on failure stop what this call started, data kept.

    Raises UsageError when a stack with another placement is up already.
    """
    settings = mode.local.settings
    before = recorded(settings)
    wanted = sorted(service.name for service in mode.local.services)
    if before is not None or mode.local.supervisor.alive():
        shown = ", ".join(before or ()) or "all of it"
        raise UsageError(
            f"A stack is up already, with {shown} on this host. Move one service with "
            "`inv hybrid.switch SERVICE --to local|docker`, or stop it: inv hybrid.down"
        )
    leftovers.end_local(mode.local.run_id, mode.local.directory, f"{mode.local.run_id}-")
    require_free(mode.local)
    try:
        mode.prepare()
        startup = mode.start()
    except BaseException:
        with deferred(), suppress(TranshipError):
            mode.stop()
        raise
    _record(settings, wanted)
    return startup


def down(mode: HybridMode, *, volumes: bool = False) -> None:
    """Stop both sides; the data stays unless `volumes`."""
    mode.local.keeps_data = not volumes
    mode.local.services = mode.local.capable
    try:
        mode.local.stop()
    finally:
        docker_down(mode.docker, volumes=volumes)
        _state(mode.local.settings).unlink(missing_ok=True)


@dataclass(frozen=True)
class Move:
    """One service that changes sides, and what follows from it."""

    service: str
    to: Side
    before: HybridMode
    after: HybridMode
    changed: Mapping[str, tuple[str, ...]]
    """Service whose variables change -> their names; none for a server that must listen anew."""

    @property
    def lines(self) -> list[str]:
        """What is going to happen, for the person who asked."""
        side = "this host" if self.to == "local" else "a container"
        lines = [f"{self.service} moves to {side}."]
        lines += [
            f"{name} is restarted, for its variables change: {', '.join(names)}."
            if names
            else f"{name} is restarted, to listen where containers reach it."
            for name, names in self.changed.items()
        ]
        service = self.after.stack.services[self.service]
        if service.local is not None and service.local.server is not None:
            lines.append(
                f"{self.service} has its data on each side apart: what it holds now stays behind."
            )
        return lines


def move(settings: Settings, service: str, to: str, tell: Tell = silent) -> Move:
    """Return what moving one running service means; nothing is done yet.

    Raises UsageError when no hybrid stack is up, or the service is on that side already.
    """
    local = recorded(settings)
    if local is None:
        raise UsageError("No hybrid stack is up. Start one: inv hybrid.up --local SERVICE,...")
    if to not in ("local", "docker"):
        raise UsageError(f"--to {to}: the sides are local and docker.")
    side: Side = "local" if to == "local" else "docker"
    before = hybrid_mode(settings, local, tell)
    name = before.stack.service(service).name
    if name not in before.placement.sides:
        raise UsageError(f"{name} is not part of the stack that is up.")
    if before.placement.sides[name] == side:
        raise UsageError(f"{name} is on that side already.")
    moved = [*local, name] if side == "local" else [other for other in local if other != name]
    after = hybrid_mode(settings, moved, tell)
    return Move(name, side, before, after, _changed(before, after, name))


def _changed(before: HybridMode, after: HybridMode, moved: str) -> dict[str, tuple[str, ...]]:
    envmap, ports = after.local.envmap, after.local.ports
    found = {}
    for service in after.services:
        if service.name == moved:
            continue
        old = {v.name: v.value for v in envmap.environment(service.name, before.placement, ports)}
        new = {v.name: v.value for v in envmap.environment(service.name, after.placement, ports)}
        names = tuple(key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
        if names or _must_listen_anew(before, after, service):
            found[service.name] = names
    return found


def _must_listen_anew(before: HybridMode, after: HybridMode, service: Service) -> bool:
    """Return whether a server of our own on this host gets its first consumer in a container."""
    if service.local is None or service.local.server is None:
        return False
    if "docker" in (before.placement.sides[service.name], after.placement.sides[service.name]):
        return False
    listens_on = after.local.envmap.listens_on
    address = listens_on(service.name, after.placement)
    return address != LOOPBACK and address != listens_on(service.name, before.placement)


def switch(plan: Move) -> Startup:
    """Move the service: stop it here, start it there, and restart those that this changes.

    Whatever need not change is left running. Raises StackFailed before anything is done when
    the service would dial a process that listens on the loopback alone, and when it does not
    come up on its new side; it is then on neither, and the message says what to do.
    """
    began = time.time()
    before, after = plan.before, plan.after
    service = after.stack.services[plan.service]
    # Before anything is stopped: those that stay as they are must be within reach.
    staying = (s for s in after.local.services if s.name not in {plan.service, *plan.changed})
    after.require_reachable(tuple(staying))
    if plan.to == "local":
        _remove_container(before.docker, plan.service)
        require_free(_only(after.local, service))
    else:
        before.local.stop_services([service])
    settings = after.local.settings
    _record(settings, sorted(item.name for item in after.local.services))
    try:
        # Those that it dials listen where it reaches them before it starts; those that dial
        # it follow.
        dialled = after.local.envmap.references(plan.service)
        affected = tuple(item for item in after.services if item.name in plan.changed)
        first = _restart(after, tuple(s for s in affected if s.name in dialled), began)
        startup = _start(after, (service,), began)
        rest = _restart(after, tuple(s for s in affected if s.name not in dialled), began)
    except TranshipError as error:
        other = "docker" if plan.to == "local" else "local"
        raise type(error)(
            f"{error}\nBack to where it was: inv hybrid.switch {plan.service} --to {other}"
        ) from error
    ready = {**first.ready_seconds, **startup.ready_seconds, **rest.ready_seconds}
    return Startup(max(ready.values(), default=0.0), ready)


def _only(local: LocalMode, service: Service) -> LocalMode:
    return replace(local, services=(service,))


def _remove_container(docker: DockerMode, service: str) -> None:
    for item in containers.of_project(docker.client, docker.project_name):
        if item.service == service:
            docker.client.container.stop(item.id)
            docker.client.container.remove(item.id, volumes=True)


def _start(mode: HybridMode, services: tuple[Service, ...], began: float) -> Startup:
    """Start these services on their sides and leave the others alone."""
    ready: dict[str, float] = {}
    here = tuple(s for s in services if mode.placement.sides[s.name] == "local")
    there = tuple(s for s in services if mode.placement.sides[s.name] == "docker")
    if here:
        if not mode.local.supervisor.alive():
            mode.local.prepare()
            mode.local.begin()
        mode.local.write_scripts(here)
        ready |= mode.local.start_services(began, here).ready_seconds
        mode.require_reachable(here)
    if there:
        part = mode.docker_part(there)
        part.recreate = True
        offset = time.time() - began
        started = part.start()
        ready |= {name: offset + seconds for name, seconds in started.ready_seconds.items()}
    return Startup(max(ready.values(), default=0.0), ready)


def _restart(mode: HybridMode, services: tuple[Service, ...], began: float) -> Startup:
    here = [s for s in services if mode.placement.sides[s.name] == "local"]
    if here:
        mode.local.stop_services(here)
    return _start(mode, services, began)


def recorded(settings: Settings) -> tuple[str, ...] | None:
    """Return the services on this host of the hybrid stack that is up; None when none is."""
    try:
        names = json.loads(_state(settings).read_text())
    except (OSError, ValueError):
        return None
    return tuple(str(name) for name in names) if isinstance(names, list) else None


def _state(settings: Settings) -> Path:
    return settings.state_directory / "hybrid.json"


def _record(settings: Settings, names: list[str]) -> None:
    isolation.write_private(_state(settings), json.dumps(names))
