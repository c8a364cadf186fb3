"""The docker mode: the stack as Compose runs it, under a deadline of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..envmap.secrets import mask_text
from ..errors import EnvironmentFailed, NotOurs, UsageError
from ..interrupts import deferred
from ..settings import Settings
from ..stack.engine import ComposeProject, document_of, error_text, require_engine
from ..stack.isolation import MARKER, can_bind, write_private
from ..stack.model import Service, Stack
from ..stack.placement import Side
from . import building, cgroups, containers, images, portowner, removal
from .baking import Asked
from .base import NO_SUITE, Address, ServiceProcess, Startup, SuiteProcess, silent
from .containers import ContainerInfo
from .dockersuite import ContainerSuite, OneOff
from .starting import Starting

if TYPE_CHECKING:
    from pathlib import Path

    from python_on_whales import DockerClient

    from ..envmap.resolve import EnvMap

_TAIL_LINES = 15
_TRIES = 3
_AT_ONCE = 4
"""Logs that are read side by side: most of a `docker logs` is waiting for the engine."""


@dataclass
class DockerMode:
    """A compose project: a run's own isolated one, or the developer's."""

    settings: Settings
    stack: Stack
    services: tuple[Service, ...]
    project: ComposeProject
    run_id: str | None = None
    """None for the developer's own stack, which keeps its name, ports and volumes."""
    tell: Callable[[str], None] = silent
    name: str = "docker"
    hidden: frozenset[str] = frozenset()
    """Secret values, hidden in what is shown of logs."""
    recreate: bool = False
    """Whether `start` replaces containers that run, and leaves what they depend on alone."""
    envmap: EnvMap | None = None
    """What decides the variables; only measuring asks it who dials whom."""
    watched: tuple[Service, ...] = ()
    """Services that people dial."""
    counts: bool = False
    """Whether those are asked while the suite runs, to count the requests that are lost."""
    _client: DockerClient | None = field(default=None, init=False)

    @property
    def client(self) -> DockerClient:
        """The client of this project."""
        if self._client is None:
            self._client = self.project.client()
        return self._client

    @property
    def project_name(self) -> str:
        """The compose project's name."""
        return self.project.name or self.stack.name

    @property
    def sides(self) -> Mapping[str, Side]:
        """Service -> docker."""
        return {service.name: "docker" for service in self.services}

    def prepare(self) -> None:
        """Check the engine, pull what is missing, build what is ours.

        Raises EngineUnavailable, ImagesMissing, or EnvironmentFailed for a failed build.
        """
        if self.run_id is None:
            require_engine(self.client)  # of a run, whoever opened it has asked
        document, _ = document_of(self.project)
        images.ensure_build_secrets(document, self.settings.state_directory)
        suite = self.settings.suite.service if self.run_id is not None else None
        wanted = {service.name for service in self.services} | ({suite} if suite else set())
        plan = images.plan(document, self.project_name, wanted)
        images.pull_missing(self.client, plan.pull, self.tell)
        building.build(self._builder, document, self._built_as, plan.build, self.tell)

    @property
    def _builder(self) -> DockerClient:
        """The client that builds for a run: under one name for all runs of a checkout.

        Compose labels an image with the project's name. With the run's, each run would leave
        an image of its own, also where not one step had to be built.
        """
        if self.run_id is None:
            return self.client
        return replace(self.project, name=self._built_as).client()

    @property
    def _built_as(self) -> str:
        return self.project_name.removesuffix(f"-{self.run_id}")

    def build(self, asked: Asked = Asked()) -> tuple[str, ...]:  # noqa: B008 - frozen
        """Build the images of these services and return the services that name them.

        Raises EnvironmentFailed with the builder's last lines.
        """
        document, _ = document_of(self.project)
        images.ensure_build_secrets(document, self.settings.state_directory)
        wanted = {service.name for service in self.services}
        plan = images.plan(document, self.project_name, wanted)
        building.build(self.client, document, self.project_name, plan.build, self.tell, asked)
        return plan.build

    def start(self) -> Startup:
        """Start the stack and wait until every service answers.

        Raises StackFailed naming the service, its state, exit code and last log lines,
        or PortTaken naming the port's owner. What this call started is then removed.
        """
        if self.run_id is None:
            self.require_own_project()
            self._require_free_ports()
        before = {item.id for item in containers.of_project(self.client, self.project_name)}
        try:
            return Starting(self, before).run()
        except BaseException:
            with deferred():
                self._remove_new(before)
            raise

    def addresses(self) -> Mapping[str, Address]:
        """Return the published address of every service that has one."""
        found: dict[str, Address] = {}
        for item in containers.of_project(self.client, self.project_name):
            address = self.address_of(self.stack.services.get(item.service), item)
            if address is not None:
                found.setdefault(item.service, address)
        return found

    def processes(self) -> tuple[ServiceProcess, ...]:
        """Return the running containers with their first process and control group."""
        found = []
        for item in containers.of_project(self.client, self.project_name):
            if item.running:
                group = item.cgroup()
                # Local services have groups only where this user may make them; the two
                # sides are measured in one way or their figures cannot be compared.
                measured = group if cgroups.may_create() else None
                found.append(
                    ServiceProcess(
                        item.service,
                        "docker",
                        item.pid if group is not None else None,
                        item.started_at,
                        measured,
                        item.id,
                    )
                )
        return tuple(found)

    def runtime_pids(self) -> tuple[int, ...]:
        """Return the containers' shims and userland proxies."""
        return containers.runtime_pids(containers.of_project(self.client, self.project_name))

    def oom_kills(self, since: float) -> Mapping[str, int]:
        """Return service -> kills for memory since then, also of containers that restarted."""
        return containers.oom_kills(self.client, self.project_name, since)

    def suite(self, arguments: tuple[str, ...]) -> SuiteProcess:
        """Start pytest in a one-off container of the suite's service."""
        return ContainerSuite(
            self.client,
            self._suite_service(),
            (*self.settings.suite.command, *arguments),
            f"{self.project_name}-suite",
            {MARKER: self.run_id or self.project_name},
        )

    def program(self, source: str, name: str) -> OneOff:
        """Start a Python program that goes on, with the suite's interpreter, in a container."""
        return OneOff(
            self.client,
            self._suite_service(),
            (self.settings.suite.command[0], "-c", source),
            f"{self.project_name}-{name}",
            {MARKER: self.run_id or self.project_name},
            f"The program {name}",
        )

    def python(self, source: str) -> str:
        """Run a Python program with the suite's interpreter, in a one-off container."""
        from python_on_whales.exceptions import DockerException

        try:
            return str(
                self.client.compose.run(
                    self._suite_service(),
                    [self.settings.suite.command[0], "-c", source],
                    tty=False,
                    remove=True,
                    dependencies=False,
                )
            )
        except DockerException as error:
            raise EnvironmentFailed(f"python failed: {error_text(error)}") from error

    @property
    def pythons(self) -> Mapping[Side, Callable[[str], str]]:
        """What runs a Python program in the compose network."""
        return {"docker": self.python}

    @property
    def references(self) -> Mapping[str, frozenset[str]]:
        """Service -> the services that its variables name; nothing without a mapping."""
        if self.envmap is None:
            return {}
        return {service.name: self.envmap.references(service.name) for service in self.services}

    def save_logs(self, directory: Path) -> None:
        """Write each container's log, secrets hidden."""
        directory.mkdir(parents=True, exist_ok=True)
        items = containers.of_project(self.client, self.project_name)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            texts = pool.map(lambda item: self.tail(item, lines=None), items)
            for item, text in zip(items, texts, strict=True):
                write_private(directory / f"{item.service}.log", text)

    def stop(self) -> None:
        """Remove the run's containers, networks and volumes; a developer's volumes stay.

        Safe to call at any point, also when the compose file is broken or gone.
        """
        from python_on_whales.exceptions import DockerException

        own = self.run_id is not None
        if own:
            removal.stop_at_once(self.client, self.project_name)
        try:
            self.client.compose.down(volumes=own, remove_orphans=own, quiet=True)
        except DockerException as error:
            if not own:
                raise EnvironmentFailed(
                    f"Stopping {self.project_name} failed: {error_text(error)}"
                ) from error
        if own:
            self._remove_run()

    def _remove_run(self) -> None:
        """Remove by label what `compose down` left.

        A second Ctrl-C ends the docker command that cleans up, and not this process: again then.
        """
        from python_on_whales.exceptions import DockerException

        for left in reversed(range(_TRIES)):
            try:
                removal.remove_project(self.client, self.project_name)
                return
            except DockerException as error:
                if not left:
                    raise EnvironmentFailed(
                        f"Removing {self.project_name} failed: {error_text(error)}"
                    ) from error

    def tail(self, item: ContainerInfo, lines: int | None = _TAIL_LINES) -> str:
        """Return the last lines of a container's log, secrets hidden."""
        from python_on_whales.exceptions import DockerException

        try:
            text = str(self.client.container.logs(item.id, tail=lines))
        except DockerException as error:
            text = f"(no log: {error_text(error)})"
        return mask_text(text, self.hidden) or "(empty)"

    def address_of(self, service: Service | None, item: ContainerInfo) -> Address | None:
        """Return where this host dials the port of a service that matters for its health."""
        if service is None:
            return None
        port = service.health.port if service.health is not None else service.container_port
        return item.published.get(port) if port is not None else None

    def _suite_service(self) -> str:
        if self.settings.suite.service is None:
            raise UsageError(NO_SUITE)
        return self.stack.service(self.settings.suite.service).name

    def require_own_project(self) -> None:
        """Raise NotOurs when another checkout made the stack of this name."""
        here = str(self.settings.compose_files[0].parent.resolve())
        for item in containers.of_project(self.client, self.project_name):
            made_in = item.labels.get(containers.DIRECTORY_LABEL, here)
            if made_in != here:
                raise NotOurs(
                    f"A stack named {self.project_name!r} exists that {made_in} made. "
                    f"Stop it there, or give this one another `name:` in the compose file."
                )

    def _require_free_ports(self) -> None:
        ours = {
            address.port
            for item in containers.of_project(self.client, self.project_name)
            for address in item.published.values()
        }
        taken = (
            f"  {port.published} (for {service.name}) is taken by "
            f"{portowner.owner_of(port.published, self.client)}"
            for service in self.services
            for port in service.ports
            if port.published is not None
            and port.published not in ours
            and not can_bind(port.published, port.host_ip or "")
        )
        portowner.require_none(taken, "local.down")

    def _remove_new(self, before: set[str]) -> None:
        """Remove what this start made, and nothing that was there before it."""
        from python_on_whales.exceptions import DockerException

        try:
            if not before:
                self.stop()
                return
            for item in containers.of_project(self.client, self.project_name):
                if item.id not in before:
                    self.client.container.remove(item.id, force=True, volumes=True)
        except (DockerException, EnvironmentFailed) as error:
            self.tell(f"cleaning up failed: {error_text(error)}")
