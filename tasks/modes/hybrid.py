"""The hybrid mode: some services processes of this host, the rest in containers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ComposeFileError, StackFailed
from ..stack.model import Service, Stack
from ..stack.placement import Placement, Side
from .base import Address, ServiceProcess, Startup, SuiteProcess, silent
from .docker import DockerMode
from .local import LocalMode

Wave = tuple[Side, tuple[Service, ...]]


def waves(stack: Stack, services: Iterable[Service], placement: Placement) -> tuple[Wave, ...]:
    """Return the services in turns, one side after the other, each turn as large as it can be.

    A service is in a turn once all that it depends on is in an earlier turn, or in the same.
    Raises ComposeFileError for a cycle.
    """
    waiting = {service.name: service for service in services}
    found: list[Wave] = []
    side: Side = "docker"
    idle = 0
    while waiting:
        turn: dict[str, Service] = {}
        grown = True
        while grown:
            more = {
                name: service
                for name, service in waiting.items()
                if name not in turn
                and placement.sides[name] == side
                and all(
                    dependency.service not in waiting or dependency.service in turn
                    for dependency in service.depends_on
                )
            }
            turn |= more
            grown = bool(more)
        if turn:
            levels = stack.levels(turn)
            found.append((side, tuple(service for level in levels for service in level)))
            idle = 0
        else:
            idle += 1
            if idle > 1:
                names = ", ".join(sorted(waiting))
                raise ComposeFileError(f"depends_on goes in a circle: {names}.")
        for name in turn:
            del waiting[name]
        side = "local" if side == "docker" else "docker"
    return tuple(found)


@dataclass
class HybridMode:
    """A local and a docker mode that share one placement and one set of ports."""

    stack: Stack
    services: tuple[Service, ...]
    placement: Placement
    local: LocalMode
    docker: DockerMode
    name: str
    tell: Callable[[str], None] = silent

    @property
    def sides(self) -> Mapping[str, Side]:
        """Service -> its side."""
        return {service.name: self.placement.sides[service.name] for service in self.services}

    @property
    def hidden(self) -> frozenset[str]:
        """The stack's secrets: either side knows all of them."""
        return self.local.hidden | self.docker.hidden

    def prepare(self) -> None:
        """Prepare both sides."""
        self.docker.prepare()
        self.local.prepare()

    def start(self) -> Startup:
        """Start in dependency order across the sides, and wait for every service.

        Raises StackFailed as either side does, and for a process that containers dial but
        that listens on the loopback alone.
        """
        began = time.time()
        ready: dict[str, float] = {}
        own: dict[str, float] = {}
        self.local.begin()
        for side, wave in waves(self.stack, self.services, self.placement):
            if side == "local":
                startup = self.local.start_services(began, wave)
                self.require_reachable(wave)
                offset = 0.0
            else:
                offset = time.time() - began
                startup = self.docker_part(wave).start()
            ready |= {name: offset + seconds for name, seconds in startup.ready_seconds.items()}
            own |= startup.own_seconds
        return Startup(max(ready.values(), default=0.0), ready, own)

    def docker_part(self, services: tuple[Service, ...]) -> DockerMode:
        """Return the docker side for these services alone."""
        known = self.docker.stack.services
        return replace(self.docker, services=tuple(known[service.name] for service in services))

    def require_reachable(self, services: Iterable[Service]) -> None:
        """Raise StackFailed for a process that containers dial and cannot reach."""
        listening = {
            item.service: item.pid for item in self.local.processes() if item.pid is not None
        }
        addresses = self.local.addresses()
        for service in services:
            consumers = [
                name
                for name in self.local.envmap.consumers(service.name)
                if self.placement.sides.get(name) == "docker"
            ]
            pid, address = listening.get(service.name), addresses.get(service.name)
            if consumers and pid is not None and address is not None:
                hosts = _listens_on(pid, address.port)
                if hosts and all(host.startswith("127.") or host == "::1" for host in hosts):
                    raise StackFailed(
                        f"{service.name} listens on {', '.join(sorted(hosts))} only "
                        f"(port {address.port}): "
                        f"containers ({', '.join(consumers)}) cannot reach it. Let it listen on "
                        "every interface when containers dial it: give it `{self.host}` in "
                        "mapping.toml, or 0.0.0.0 in x-tranship.local.environment."
                    )

    def addresses(self) -> Mapping[str, Address]:
        """Return where this host dials the services of both sides."""
        mine = self.local.sides
        return {
            **self.docker.addresses(),
            **{name: at for name, at in self.local.addresses().items() if name in mine},
        }

    def processes(self) -> tuple[ServiceProcess, ...]:
        """Return the running services of both sides."""
        return (*self.local.processes(), *self.docker.processes())

    def runtime_pids(self) -> tuple[int, ...]:
        """Return supervisord, shims and proxies."""
        return (*self.local.runtime_pids(), *self.docker.runtime_pids())

    def oom_kills(self, since: float) -> Mapping[str, int]:
        """Return service -> kills for memory that the engine saw since then."""
        return self.docker.oom_kills(since)

    def suite(self, arguments: tuple[str, ...]) -> SuiteProcess:
        """Start pytest on this host, which reaches both sides."""
        return self.local.suite(arguments)

    def python(self, source: str) -> str:
        """Run a Python program with the suite's interpreter on this host."""
        return self.local.python(source)

    @property
    def pythons(self) -> Mapping[Side, Callable[[str], str]]:
        """What runs a Python program on either side; the suite is on this host."""
        return {"local": self.local.python, "docker": self.docker.python}

    @property
    def references(self) -> Mapping[str, frozenset[str]]:
        """Service -> the services that its variables name, on either side."""
        return {s.name: self.local.envmap.references(s.name) for s in self.services}

    def save_logs(self, directory: Path) -> None:
        """Copy the logs of both sides."""
        self.local.save_logs(directory)
        self.docker.save_logs(directory)

    def stop(self) -> None:
        """Stop both sides; the one even when stopping the other fails."""
        try:
            self.local.stop()
        finally:
            self.docker.stop()


def _listens_on(pid: int, port: int) -> set[str]:
    """Return the addresses on which a process or its children listen on `port`."""
    import psutil

    found: set[str] = set()
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):
                found |= {
                    connection.laddr.ip
                    for connection in process.net_connections(kind="tcp")
                    if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
                }
    return found
