"""The arrangement with some services on this host and the rest in containers; and which is up."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ...envmap.project import Project
from ...errors import EngineUnavailable, UsageError
from ...modes import ownhybrid, status
from ...modes.base import silent
from ...stack.engine import engine_errors
from ...stack.placement import Side
from ..data.site import Site, Tell, site_of
from .arrangement import Arrangement, DockerArrangement, LocalArrangement
from .parts import (
    contained,
    halt_containers,
    ill_of,
    pids_of,
    restarts_of,
    supervised,
    tails_of,
)


class HybridArrangement:
    """Some services processes of this host, the rest containers."""

    def __init__(self, project: Project, local: Collection[str], tell: Tell = silent) -> None:
        self.project = project
        self.mode = ownhybrid.hybrid_mode(project.settings, local, tell)
        self.name = self.mode.name

    def site(self, side: Side) -> Site:
        """Return one side of it."""
        mode = self.mode.local if side == "local" else self.mode.docker
        return site_of(self.project, mode, side)

    def running(self) -> frozenset[str]:
        """Return the services that run on their sides."""
        here = supervised(self.mode.local)
        there = contained(self.mode.docker)
        sides = self.mode.sides
        return frozenset(
            name for name, side in sides.items() if name in (here if side == "local" else there)
        )

    def prepare(self) -> None:
        """Pull and build the images."""
        self.mode.docker.prepare()

    def up(self, services: Collection[str] = ()) -> None:
        """Start both sides, afresh where a part is missing."""
        wanted = set(services or self.mode.sides)
        if wanted <= self.running():
            return
        self.down()
        ownhybrid.up(self.mode)

    def halt(self, services: Collection[str]) -> None:
        """Stop these services on their sides, and supervisord when nothing is left to it."""
        local = self.mode.local
        local.stop_services([s for s in local.services if s.name in services])
        there = {name for name, side in self.mode.sides.items() if side == "docker"}
        halt_containers(self.mode.docker, there & set(services))
        if not supervised(local):
            local.stop()

    def down(self) -> None:
        """Stop both sides; all data stays."""
        services = self.mode.local.services
        try:
            ownhybrid.down(self.mode)
        finally:
            self.mode.local.services = services

    def ill(self) -> tuple[str, ...]:
        """Return the services that do not answer."""
        with engine_errors("Looking at the containers"):
            there = status.docker_health(self.mode.docker)[0]
        return (*ill_of(status.local_health(self.mode.local)[0]), *ill_of(there))

    def restarts(self) -> Mapping[str, int]:
        """Return process ids here and the engine's count there."""
        return {**restarts_of(self.mode.docker), **pids_of(self.mode.local)}

    def tails(self, lines: int) -> Mapping[str, str]:
        """Return the last lines of the logs."""
        here = {s.name: self.mode.local.tail(s.name, lines) for s in self.mode.local.services}
        return {**tails_of(self.mode.docker, lines), **here}

    def remove_data(self) -> None:
        """Remove the data of both sides."""
        ownhybrid.down(self.mode, volumes=True)


def sides_named(project: Project, name: str) -> dict[str, Side]:
    """Return the side of each service in the arrangement of this name; no engine is asked.

    Raises UsageError for a name that is none.
    """
    head, _, words = name.partition(":")
    local = {word.strip() for word in words.split(",") if word.strip()}
    if name not in ("local", "docker") and (head != "hybrid" or not local):
        raise UsageError(
            f"--to {name or '(nothing)'}: local, docker, or hybrid:SERVICE,... with the services "
            "that are to run on this host."
        )
    for word in local:
        project.stack.service(word)
    return {
        service.name: "local" if name == "local" or service.name in local else "docker"
        for service in project.stack.selected()
        if service.name != project.settings.suite.service
    }


def named(project: Project, name: str, tell: Tell = silent) -> Arrangement:
    """Return the arrangement of this name, on the declared ports.

    Raises UsageError for a name that is none, or EngineUnavailable.
    """
    sides = sides_named(project, name)
    if name == "local":
        return LocalArrangement(project, tell)
    if name == "docker":
        return DockerArrangement(project, tell)
    return HybridArrangement(project, [n for n, side in sides.items() if side == "local"], tell)


def current(project: Project, tell: Tell = silent) -> Arrangement:
    """Return the arrangement that is up.

    Raises UsageError when nothing is up, or both sides are and no hybrid stack is.
    """
    settings = project.settings
    recorded = ownhybrid.recorded(settings)
    if recorded is not None:
        return HybridArrangement(project, recorded, tell)
    local = LocalArrangement(project, tell)
    here = local.running()
    try:
        docker = DockerArrangement(project, tell)
        there = docker.running()
    except EngineUnavailable:
        if not here:
            raise
        return local
    if here and there:
        raise UsageError(
            f"Both sides are up: {', '.join(sorted(here))} on this host, "
            f"{', '.join(sorted(there))} in containers. Stop the one that is not in use: "
            "inv local.down, or inv docker.down"
        )
    if not here and not there:
        raise UsageError(
            "Nothing is up that could be switched. Start it: inv local.up, inv docker.up or "
            "inv hybrid.up"
        )
    return local if here else docker
