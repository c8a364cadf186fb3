"""What is asked of a mode, and done to a part of it, by whichever arrangement it is in."""

from __future__ import annotations

from collections.abc import Collection

from ...errors import EnvironmentFailed
from ...modes import containers, status
from ...modes.docker import DockerMode
from ...modes.local import LocalMode
from ...stack.engine import engine_errors, require_engine
from ...stack.model import Service


def named_in(mode: LocalMode | DockerMode, services: Collection[str]) -> tuple[Service, ...]:
    """Return these services (none: all), dependencies first."""
    chosen = [s for s in mode.services if not services or s.name in services]
    levels = mode.stack.levels([service.name for service in chosen])
    by_name = {service.name: service for service in chosen}
    return tuple(by_name[s.name] for level in levels for s in level if s.name in by_name)


def supervised(mode: LocalMode) -> frozenset[str]:
    """Return the services that supervisord has running."""
    try:
        states = mode.supervisor.status()
    except OSError:
        return frozenset()
    return frozenset(name for name, state in states.items() if state.running)


def pids_of(mode: LocalMode) -> dict[str, int]:
    """Return the process id of each service; raises EnvironmentFailed."""
    try:
        return {name: state.pid for name, state in mode.supervisor.status().items() if state.pid}
    except OSError as error:
        raise EnvironmentFailed(f"supervisord does not answer: {error}.") from error


def contained(mode: DockerMode) -> frozenset[str]:
    """Return the services whose containers run; raises EngineUnavailable."""
    require_engine(mode.client)
    with engine_errors("Listing the containers"):
        found = containers.of_project(mode.client, mode.project_name)
    return frozenset(item.service for item in found if item.running)


def restarts_of(mode: DockerMode) -> dict[str, int]:
    """Return the engine's count of restarts."""
    with engine_errors("Looking at the containers"):
        found = containers.of_project(mode.client, mode.project_name)
    return {item.service: item.restarts for item in found}


def halt_containers(mode: DockerMode, services: Collection[str]) -> None:
    """Stop the containers of these services."""
    with engine_errors("Stopping services"):
        found = containers.of_project(mode.client, mode.project_name)
        chosen = [item.id for item in found if item.service in services and item.running]
        if chosen:
            mode.client.container.stop(chosen)


def tails_of(mode: DockerMode, lines: int) -> dict[str, str]:
    """Return the last lines of each container's log."""
    with engine_errors("Reading the logs"):
        found = containers.of_project(mode.client, mode.project_name)
        return {item.service: mode.tail(item, lines) for item in found}


def ill_of(rows: list[status.Row]) -> tuple[str, ...]:
    """Return the services that a table of health says are not well."""
    return tuple(f"{row[0]} ({row[2]})" for row in rows if row[1] != "yes")
