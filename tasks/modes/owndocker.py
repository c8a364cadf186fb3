"""The developer's own containers: fixed name and ports, volumes that stay, one per checkout."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..envmap.project import Project, open_project
from ..envmap.secrets import mask_document, mask_text
from ..errors import EnvironmentFailed, UsageError
from ..settings import Settings
from ..stack import engine, isolation
from ..stack.placement import Placement, declared_ports
from . import containers, secretfiles
from .docker import DockerMode

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
    document = secretfiles.handed_over(document, secretfiles.folder_of(settings))
    path = settings.state_directory / "compose" / f"{settings.environment}.json"
    isolation.write_compose_file(document, path)
    return replace(
        project.compose,
        files=(path,),
        directory=project.compose.files[0].parent,
        env_files=(Path(os.devnull),),
    )


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
