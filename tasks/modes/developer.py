"""The developer's own stack: fixed name and ports, data that stays, one per checkout."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..envmap.project import Project, open_project
from ..envmap.secrets import mask_document, mask_text
from ..errors import EnvironmentFailed, PortTaken, UsageError
from ..interrupts import deferred
from ..settings import Settings
from ..stack import engine, isolation
from ..stack.model import Stack
from ..stack.placement import LOOPBACK, Placement, declared_ports
from . import containers, leftovers
from .base import Startup
from .docker import DockerMode
from .local import LocalMode
from .portowner import owner_of

AnyMode = TypeVar("AnyMode", DockerMode, LocalMode)
_FOLLOW_SECONDS = 0.2
_ERASE = re.compile(r"\x1b\[\d*K")
"""Compose erases its status line before each line of log, terminal or not."""


def docker_mode(
    settings: Settings, services: Sequence[str] = (), profiles: Sequence[str] = ()
) -> DockerMode:
    """Return the stack as its compose files declare it.

    Raises EngineUnavailable, ComposeFileError, UnknownServiceError, or NotOurs where
    another checkout made the stack of this name.
    """
    project = open_project(settings)
    stack = project.stack
    engine.require_engine(project.compose.client())
    mode = DockerMode(
        settings=settings,
        stack=stack,
        services=stack.selected(services, profiles),
        project=replace(with_mapping(project), name=stack.name, profiles=tuple(profiles) or ("*",)),
        hidden=project.hidden,
    )
    mode.require_own_project()
    return mode


def with_mapping(project: Project, placement: Placement | None = None) -> engine.ComposeProject:
    """Return the compose project whose containers get the variables of this placement.

    With all in containers and no written mapping, the user's own files are handed over as
    they are; else a complete document made from them, whose `$` no interpolation touches
    again.
    """
    if placement is None and not project.mapped:
        return project.compose
    settings = project.settings
    if placement is None:
        placement = Placement(dict.fromkeys(project.stack.services, "docker"))
    document = project.document_for(placement, declared_ports(project.stack))
    path = settings.state_directory / "compose" / f"{settings.environment}.json"
    isolation.write_compose_file(document, path)
    return replace(
        project.compose,
        files=(path,),
        directory=project.compose.files[0].parent,
        env_files=(Path(os.devnull),),
    )


def with_timeout(mode: AnyMode, seconds: float) -> AnyMode:
    """Return the mode with another start timeout; 0 keeps the settings' one."""
    if seconds > 0:
        mode.settings = replace(mode.settings, start_timeout=seconds)
    return mode


def docker_restarting(mode: DockerMode, services: Sequence[str]) -> DockerMode:
    """Return the mode that recreates these running services (default: all that run).

    Raises UsageError when none is running.
    """
    running = {
        item.service for item in containers.of_project(mode.client, mode.project_name)
    } & set(mode.stack.services)
    for name in services:
        mode.stack.service(name)
        if name not in running:
            raise UsageError(f"{name} is not up. Start it: inv docker.up --service {name}")
    chosen = tuple(services) or tuple(running)
    if not chosen:
        raise UsageError("Nothing is up. Start it: inv docker.up")
    mode.services = tuple(s for level in mode.stack.levels(chosen) for s in level)
    mode.recreate = True
    return mode


def docker_down(mode: DockerMode, *, volumes: bool) -> None:
    """Stop and remove the developer's containers and networks; named volumes if asked.

    Anonymous volumes go with their containers: nothing could reach them afterwards.
    """
    from python_on_whales.exceptions import DockerException

    mode.require_own_project()
    items = containers.of_project(mode.client, mode.project_name, oneoffs=True)
    nameless = [volume for item in items for volume in item.anonymous_volumes]
    # `compose down` leaves those of `compose run`, and with them the network.
    jobs = [item.id for item in items if item.labels.get(containers.ONEOFF_LABEL) == "True"]
    with engine.engine_errors(f"Stopping {mode.project_name}"):
        if jobs:
            mode.client.container.stop(jobs)
            mode.client.container.remove(jobs, force=True, volumes=True)
        # All at once: one by one, each that ignores SIGTERM would cost its whole grace period.
        mode.client.compose.down(volumes=volumes, quiet=True)
    for volume in nameless:
        with suppress(DockerException):  # `down --volumes` has removed it
            mode.client.volume.remove(volume)


def docker_logs(
    mode: DockerMode, services: Sequence[str], *, follow: bool, tail: int
) -> Iterator[str]:
    """Yield the containers' log lines, secrets hidden."""
    hidden = mode.hidden
    with engine.engine_errors("docker compose logs"):
        for _, raw in mode.client.compose.logs(
            services=list(services), tail=str(tail), follow=follow, stream=True
        ):
            line = _ERASE.sub("", raw.decode(errors="replace")).rstrip("\n")
            yield mask_text(line, hidden)


def docker_exec(
    mode: DockerMode,
    service: str,
    command: Sequence[str],
    show: Callable[[str], None],
    *,
    terminal: bool,
    user: str | None,
) -> int:
    """Run a command in a running container, show its output and return its exit code."""
    from python_on_whales.exceptions import DockerException

    mode.stack.service(service)
    if not command:
        raise UsageError("No command. For example: inv docker.exec data-service 'python -V'")
    up = containers.of_project(mode.client, mode.project_name)
    if not any(item.service == service and item.running for item in up):
        raise EnvironmentFailed(f"{service} is not up. Start it: inv docker.up --service {service}")
    try:
        output = mode.client.compose.execute(service, list(command), tty=terminal, user=user)
    except DockerException as error:
        if error.stdout:
            show(str(error.stdout).rstrip("\n"))
        if error.stderr and not terminal:
            sys.stderr.write(f"{str(error.stderr).rstrip()}\n")
        return int(error.return_code)
    if output:
        show(output)
    return 0


def resolved(mode: DockerMode, format: str) -> str:  # noqa: A002 - the option's name
    """Return the resolved compose document with the secrets hidden, as yaml or json."""
    document, _ = engine.document_of(mode.project)
    shown = mask_document(document, secrets=mode.hidden)
    if format == "json":
        return json.dumps(shown, indent=2)
    if format != "yaml":
        raise UsageError(f"Unknown format {format!r}. Formats: yaml, json.")
    import yaml

    return yaml.safe_dump(shown, sort_keys=False).rstrip()


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
    if taken:
        raise PortTaken(
            "Ports that are taken:\n"
            + "\n".join(taken)
            + "\nEnd what holds them (`inv docker.down` "
            "if it is this stack), or change `ports:` in the compose file."
        )


def _remember(mode: LocalMode) -> None:
    names: list[Any] = [service.name for service in mode.services]
    isolation.write_private(mode.directory / "services.json", json.dumps(names))


def _remembered(directory: Path, stack: Stack) -> tuple[str, ...]:
    try:
        names = json.loads((directory / "services.json").read_text())
    except (OSError, ValueError):
        return ()
    return tuple(name for name in names if name in stack.services)
