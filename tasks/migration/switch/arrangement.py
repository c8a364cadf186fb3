"""Arrangements: the developer's whole stack on one side, on the other, or in part on each.

Each has the same verbs, which may be repeated: what is done already is left as it is.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Protocol

from ...envmap.project import Project
from ...modes import owndocker, ownlocal, status
from ...modes.base import silent
from ...modes.docker import DockerMode
from ...modes.hybrid import HybridMode
from ...modes.local import LocalMode
from ...stack.engine import engine_errors
from ...stack.placement import Ports, Side
from ..data.site import Site, Tell, site_of
from . import beside
from .parts import (
    contained,
    halt_containers,
    ill_of,
    named_in,
    pids_of,
    restarts_of,
    supervised,
    tails_of,
)

Free = Mapping[tuple[str, int], int]
"""(service, container port) -> a free port of this host."""


class Arrangement(Protocol):
    """Where every service of the stack is, and what can be done with them there."""

    name: str
    project: Project

    @property
    def mode(self) -> LocalMode | DockerMode | HybridMode:
        """What runs them."""

    def site(self, side: Side) -> Site:
        """Return one side of it, whose stores can be reached."""

    def running(self) -> frozenset[str]:
        """Return the services that run in it now; raises EngineUnavailable."""

    def prepare(self) -> None:
        """Pull and build what starting needs."""

    def up(self, services: Collection[str] = ()) -> None:
        """Have these services (none: all) run and answer."""

    def halt(self, services: Collection[str]) -> None:
        """Stop these services as they want to be stopped; their data stays."""

    def down(self) -> None:
        """Stop everything; all data stays."""

    def ill(self) -> tuple[str, ...]:
        """Return the services that do not answer their probe, with what they say."""

    def restarts(self) -> Mapping[str, int]:
        """Return how often each was started by who looks after it."""

    def tails(self, lines: int) -> Mapping[str, str]:
        """Return the last lines of each service's log, secrets hidden."""

    def remove_data(self) -> None:
        """Remove what it holds. There is no way back."""


class LocalArrangement:
    """Every service a process of this host."""

    def __init__(self, project: Project, tell: Tell = silent) -> None:
        self.name = "local"
        self.project = project
        self.mode = ownlocal.local_mode(project.settings)
        self.mode.tell = tell
        self._beside = False

    def beside(self, ports: Free) -> LocalArrangement:
        """Return the same on other ports."""
        found = copy.copy(self)
        known = self.mode.ports
        found.mode = replace(self.mode, ports=Ports({**known.local, **ports}, known.published))
        found._beside = True
        return found

    def site(self, side: Side) -> Site:
        """Return this host's side."""
        return site_of(self.project, self.mode, side)

    def running(self) -> frozenset[str]:
        """Return the services that supervisord has running."""
        return supervised(self.mode)

    def prepare(self) -> None:
        """Do nothing: the interpreter and its packages are the developer's."""

    def up(self, services: Collection[str] = ()) -> None:
        """Start what does not run; supervisord first."""
        mode = self.mode
        chosen = named_in(mode, services)
        running = self.running()
        missing = [service for service in chosen if service.name not in running]
        if not missing:
            return
        if not mode.supervisor.alive():
            if not self._beside and not services:
                ownlocal.local_up(mode)
                return
            mode.prepare()
            mode.begin()
        mode.write_scripts(missing)
        mode.start_services(time.time(), missing)

    def halt(self, services: Collection[str]) -> None:
        """Stop these processes, dependents first."""
        self.mode.stop_services(named_in(self.mode, services))

    def down(self) -> None:
        """Stop every process and supervisord."""
        ownlocal.local_down(replace(self.mode), volumes=False)

    def ill(self) -> tuple[str, ...]:
        """Return the services that do not answer."""
        return ill_of(status.local_health(self.mode)[0])

    def restarts(self) -> Mapping[str, int]:
        """Return the process id of each service: another one is another start."""
        return pids_of(self.mode)

    def tails(self, lines: int) -> Mapping[str, str]:
        """Return the last lines of the logs."""
        return {service.name: self.mode.tail(service.name, lines) for service in self.mode.services}

    def remove_data(self) -> None:
        """Remove the servers' data."""
        ownlocal.local_down(replace(self.mode), volumes=True)


class DockerArrangement:
    """Every service a container."""

    def __init__(self, project: Project, tell: Tell = silent) -> None:
        self.name = "docker"
        self.project = project
        self.mode = owndocker.docker_mode(project.settings)
        self.mode.tell = tell

    def beside(self, ports: Free) -> DockerArrangement:
        """Return the same on other ports."""
        found = copy.copy(self)
        found.mode = beside.docker_beside(self.project, self.mode, ports)
        return found

    def site(self, side: Side) -> Site:
        """Return the containers' side."""
        return site_of(self.project, self.mode, side)

    def running(self) -> frozenset[str]:
        """Return the services whose containers run."""
        return contained(self.mode)

    def prepare(self) -> None:
        """Pull and build the images."""
        self.mode.prepare()

    def up(self, services: Collection[str] = ()) -> None:
        """Start these containers; those with another port or variable are made anew."""
        mode = replace(self.mode, services=named_in(self.mode, services))
        mode.tell = self.mode.tell
        mode.start()

    def halt(self, services: Collection[str]) -> None:
        """Stop these containers and leave them where they are."""
        halt_containers(self.mode, services)

    def down(self) -> None:
        """Remove the containers; volumes stay."""
        owndocker.docker_down(self.mode, volumes=False)

    def ill(self) -> tuple[str, ...]:
        """Return the services that do not answer."""
        with engine_errors("Looking at the containers"):
            return ill_of(status.docker_health(self.mode)[0])

    def restarts(self) -> Mapping[str, int]:
        """Return the engine's own count."""
        return restarts_of(self.mode)

    def tails(self, lines: int) -> Mapping[str, str]:
        """Return the last lines of the logs."""
        return tails_of(self.mode, lines)

    def remove_data(self) -> None:
        """Remove containers and volumes."""
        owndocker.docker_down(self.mode, volumes=True)
