"""The mode swarm: a stack of a run's own, and the suite in a container beside it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .... import console
from ....envmap.secrets import mask_text
from ....errors import EnvironmentFailed, StackFailed
from ....modes import cgroups, containers, removal, swarmstacks
from ....modes.base import Address, ServiceProcess, Startup, SuiteProcess
from ....modes.docker import DockerMode
from ....modes.levels import ServiceLevel
from ....stack.isolation import write_private
from ....stack.model import Service
from ....stack.placement import Side
from ....trials import asking
from .. import pushing, rendering, waiting
from ..engine import Manager
from ..model import StackFile
from . import tasks

_AT_ONCE = 4
_REMOVAL_SECONDS = 60.0
_REACH_SECONDS = 2.0


@dataclass
class SwarmMode:
    """A stack of a Swarm, deployed for one run."""

    builder: DockerMode
    """The same services as a compose project: it builds and pulls, and is never started."""
    beside: DockerMode
    """The suite's container, in the stack's networks."""
    manager: Manager
    stack: StackFile
    services: tuple[Service, ...]
    watched: tuple[Service, ...]
    """Those whose requests are counted."""
    ports: Mapping[tuple[str, int], int]
    jobs: frozenset[str]
    """Those that run once and end."""
    resolve: str
    tell: Callable[[str], None]
    name: str

    @property
    def sides(self) -> Mapping[str, Side]:
        """Service -> docker."""
        return {service.name: "docker" for service in self.services}

    @property
    def hidden(self) -> frozenset[str]:
        """The stack's secrets."""
        return self.builder.hidden

    def prepare(self) -> None:
        """Pull what is missing here and build what is ours; nodes pull by themselves.

        Where no registry is, the nodes that the settings name get what they lack.
        """
        self.builder.prepare()
        if self.stack.loaded:
            found = pushing.push(self.builder.settings, self.stack.images, "", self._step)
            for line in found.notes:
                self.tell(f"note: {line}")
            self.stack = pushing.pinned(self.stack)

    @contextmanager
    def _step(self, title: str) -> Iterator[console.Step]:
        self.tell(title)
        yield console.Step(title, None)

    def start(self) -> Startup:
        """Deploy the stack and wait until every service runs and answers.

        Raises StackFailed naming the services that do not.
        """
        began = time.time()
        seconds = self.builder.settings.start_timeout
        with rendering.written(self.stack) as path:
            self.manager.deploy(self.stack.name, path, self.resolve, registry_auth=False)
        probed = [it for it in self.services if it.health is not None]
        asked = asking.FirstAnswers(self.beside, probed, seconds)
        try:
            asked.start()
            look = waiting.looking(self.manager, self.stack.name)
            waiting.converge(look, waiting.Before(), seconds, tell=_once(self.tell))
            answered = asked.wait()
        finally:
            asked.end()
        silent = [it for it in probed if it.name not in answered]
        if silent:
            logs = {it.name: tasks.log(self.manager, self.stack.name, it.name) for it in silent}
            lines = [tasks.not_answering(it, seconds, logs[it.name]) for it in silent]
            raise StackFailed(mask_text("\n".join(lines), self.hidden))
        running = tasks.running_since(self.manager, self.stack.name)
        ready = {
            it.name: max(0.0, answered.get(it.name, running.get(it.name, began)) - began)
            for it in self.services
        }
        alone = self._alone()
        elsewhere = {it.name for it in self.services} - {it.service for it in alone}
        elsewhere -= self.jobs
        if elsewhere:
            self.tell(
                f"{', '.join(sorted(elsewhere))}: on other nodes, or several tasks; memory and CPU "
                "are not measured"
            )
        own = {
            item.service: began + ready[item.service] - item.started_at
            for item in alone
            if item.started_at is not None and began + ready[item.service] > item.started_at
        }
        return Startup(max(ready.values(), default=0.0), ready, own)

    def addresses(self) -> Mapping[str, Address]:
        """Return where the published services are dialled: at a node that runs them."""
        wanted = {
            it.name: port
            for it in self.services
            if (port := it.health.port if it.health is not None else it.container_port) is not None
            and (it.name, port) in self.ports
        }
        found = tasks.addresses(self.manager, self.stack.name, wanted)
        far = {name: it for name, it in found.items() if not _answers(it)}
        for name, it in far.items():
            self.tell(f"{name}: {it.host}:{it.port} is not reached from here; not measured")
        return {name: it for name, it in found.items() if name not in far}

    def processes(self) -> tuple[ServiceProcess, ...]:
        """Return the tasks on this engine; those on other nodes cannot be measured from here."""
        measured = cgroups.may_create()
        return tuple(
            ServiceProcess(
                item.service,
                "docker",
                item.pid if (group := item.cgroup()) is not None else None,
                item.started_at,
                group if measured else None,
                item.id,
            )
            for item in self._alone()
        )

    def runtime_pids(self) -> tuple[int, ...]:
        """Return the shims and proxies of the tasks on this engine."""
        return containers.runtime_pids(tasks.here(self.manager.client, self.stack.name))

    def oom_kills(self, since: float) -> Mapping[str, int]:  # noqa: ARG002 - the modes' own
        """Return nothing: only the engine of each node knows."""
        return {}

    def suite(self, arguments: tuple[str, ...]) -> SuiteProcess:
        """Start pytest in a container beside the stack."""
        return self.beside.suite(arguments)

    def python(self, source: str) -> str:
        """Run a Python program with the suite's interpreter, beside the stack."""
        return self.beside.python(source)

    @property
    def pythons(self) -> Mapping[Side, Callable[[str], str]]:
        """What runs a Python program in the stack's networks."""
        return {"docker": self.python}

    @property
    def references(self) -> Mapping[str, frozenset[str]]:
        """Service -> the services that its variables name."""
        return self.builder.references

    @contextmanager
    def watching(self) -> Iterator[Callable[[], tuple[ServiceLevel, ...]]]:
        """Ask the published services while the block runs, and count what is lost."""
        before = tasks.ids(self.manager, self.stack.name)
        with asking.counting(self.beside, self.watched, self.tell) as read:
            yield lambda: tasks.with_replaced(
                read(), tasks.new(before, tasks.ids(self.manager, self.stack.name))
            )

    def save_logs(self, directory: Path) -> None:
        """Write each service's log, of all nodes that answer, secrets hidden."""
        directory.mkdir(parents=True, exist_ok=True)
        names = [it.name for it in self.services]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            texts = pool.map(lambda it: tasks.log(self.manager, self.stack.name, it), names)
            for name, text in zip(names, texts, strict=True):
                shown = mask_text(text, self.hidden) or "(empty)"
                write_private(directory / f"{name}.log", shown)

    def stop(self) -> None:
        """Remove the suite's containers, the stack, and its volumes on this engine.

        Safe to call at any point.
        """
        with suppress(EnvironmentFailed):  # what it leaves, the end of this removes
            self.beside.stop()
        client = self.manager.client
        swarmstacks.remove_wholly(client, self.stack.name, _REMOVAL_SECONDS, self.tell)
        removal.remove_run(client, str(self.builder.run_id))

    def _alone(self) -> list[containers.ContainerInfo]:
        """Return the running containers here of services whose only task it is.

        A figure of one task of several would pass for the service's.
        """
        running = [it for it in tasks.here(self.manager.client, self.stack.name) if it.running]
        count = tasks.count(self.manager, self.stack.name)
        return [it for it in running if count.get(it.service) == 1]


def _answers(address: Address) -> bool:
    """Return whether something listens: nodes may be open to each other alone."""
    try:
        with socket.create_connection((address.host, address.port), timeout=_REACH_SECONDS):
            return True
    except OSError:
        return False


def _once(tell: Callable[[str], None]) -> Callable[[str], None]:
    said = [""]

    def changed(line: str) -> None:
        if line != said[0]:
            said[0] = line
            tell(line)

    return changed
