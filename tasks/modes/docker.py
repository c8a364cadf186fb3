"""The docker mode: the stack as Compose runs it, under a deadline of our own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..envmap.secrets import mask_text, secrets_in
from ..errors import EnvironmentFailed, NotOurs, PortTaken, StackFailed, UsageError
from ..settings import Settings
from ..stack.engine import ComposeProject, document_of, error_text, require_engine
from ..stack.isolation import MARKER, can_bind, write_private
from ..stack.model import Service, Stack
from ..stack.placement import Side
from . import containers, images, portowner
from .base import Address, ServiceProcess, Startup, SuiteProcess, silent
from .containers import ContainerInfo
from .dockersuite import ContainerSuite
from .health import Prober
from .watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from python_on_whales import DockerClient

_LOOP_RESTARTS = 3
_TAIL_LINES = 15
_LOOK_SECONDS = 0.5
"""Between two inspections, each 25 ms of CPU a container: more would slow what is measured."""


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
    recreate: bool = False
    """Whether `start` replaces containers that run, and leaves what they depend on alone."""
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
        require_engine(self.client)
        document, _ = document_of(self.project)
        images.ensure_build_secrets(document, self.settings.state_directory)
        suite = self.settings.suite.service if self.run_id is not None else None
        wanted = {service.name for service in self.services} | ({suite} if suite else set())
        bodies = {name: document["services"][name] for name in sorted(wanted)}
        built = {
            _image(self.project_name, name, body)
            for name, body in bodies.items()
            if body.get("build")
        }
        images.pull_missing(
            self.client,
            {
                name: body["image"]
                for name, body in bodies.items()
                if not body.get("build") and body.get("image") not in built
            },
            self.tell,
        )
        images.build(self.client, self._to_build(bodies), self.tell)

    def build(self, *, pull: bool = False, cache: bool = True) -> tuple[str, ...]:
        """Build the images of these services and return the services that name them.

        Raises EnvironmentFailed with the builder's last lines.
        """
        document, _ = document_of(self.project)
        images.ensure_build_secrets(document, self.settings.state_directory)
        wanted = self._to_build(
            {service.name: document["services"][service.name] for service in self.services}
        )
        images.build(self.client, wanted, self.tell, pull=pull, cache=cache)
        return wanted

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
            return self._up(before)
        except BaseException:
            self._remove_new(before)
            raise

    def addresses(self) -> Mapping[str, Address]:
        """Return the published address of every service that has one."""
        found: dict[str, Address] = {}
        for item in containers.of_project(self.client, self.project_name):
            address = self._address(self.stack.services.get(item.service), item)
            if address is not None:
                found.setdefault(item.service, address)
        return found

    def processes(self) -> tuple[ServiceProcess, ...]:
        """Return the running containers with their first process and control group."""
        found = []
        for item in containers.of_project(self.client, self.project_name):
            if item.running:
                group = item.cgroup()
                found.append(
                    ServiceProcess(
                        item.service,
                        "docker",
                        item.pid if group is not None else None,
                        item.started_at,
                        group,
                        item.id,
                    )
                )
        return tuple(found)

    def runtime_pids(self) -> tuple[int, ...]:
        """Return the containers' shims and userland proxies."""
        return containers.runtime_pids(containers.of_project(self.client, self.project_name))

    def suite(self, arguments: tuple[str, ...]) -> SuiteProcess:
        """Start pytest in a one-off container of the suite's service."""
        return ContainerSuite(
            self.client,
            self._suite_service(),
            (*self.settings.suite.command, *arguments),
            f"{self.project_name}-suite",
            {MARKER: self.run_id or self.project_name},
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

    def save_logs(self, directory: Path) -> None:
        """Write each container's log, secrets hidden."""
        directory.mkdir(parents=True, exist_ok=True)
        for item in containers.of_project(self.client, self.project_name):
            write_private(directory / f"{item.service}.log", self.tail(item, lines=None))

    def stop(self) -> None:
        """Remove the run's containers, networks and volumes; a developer's volumes stay.

        Safe to call at any point, also when the compose file is broken or gone.
        """
        from python_on_whales.exceptions import DockerException

        own = self.run_id is not None
        try:
            self.client.compose.down(volumes=own, remove_orphans=own, quiet=True)
        except DockerException as error:
            if not own:
                raise EnvironmentFailed(
                    f"Stopping {self.project_name} failed: {error_text(error)}"
                ) from error
        if own:
            containers.remove_project(self.client, self.project_name)

    def tail(self, item: ContainerInfo, lines: int | None = _TAIL_LINES) -> str:
        """Return the last lines of a container's log, secrets hidden."""
        from python_on_whales.exceptions import DockerException

        try:
            text = str(self.client.container.logs(item.id, tail=lines))
        except DockerException as error:
            text = f"(no log: {error_text(error)})"
        secrets = secrets_in(service.environment for service in self.stack.services.values())
        return mask_text(text, secrets) or "(empty)"

    def _up(self, before: set[str]) -> Startup:
        began = time.time()
        deadline = time.monotonic() + self.settings.start_timeout
        wanted = {service.name: service for service in self.services}
        ready: dict[str, float] = {}
        deaths_of: dict[str, int] = {}
        watch, up = Watch(), _Up(self.client, self.project_name, tuple(wanted), self.recreate)
        watched: set[str] = set()
        looked = time.monotonic()
        infos: dict[str, ContainerInfo] = {}
        try:
            with containers.Deaths(self.client, self.project_name) as deaths:
                up.start()
                while True:
                    self._watch_static(watch, watched)
                    answered = watch.next_ready(timeout=0.05)
                    if answered is not None and answered[0] not in ready:
                        ready[answered[0]] = answered[1] - began
                        self.tell(f"{answered[0]} is ready after {ready[answered[0]]:.2f} s")
                    for death in deaths.heard():
                        if death.container not in before:
                            self._judge_death(death, deaths_of)
                    up.raise_failure(self._failed_up)
                    if time.monotonic() > deadline:
                        raise StackFailed(self._late(wanted, ready, watch.last_answers))
                    soon = bool(infos) and time.monotonic() - looked < _LOOK_SECONDS
                    if soon or not up.done:
                        continue
                    looked = time.monotonic()
                    infos = self._look(wanted, ready, watch, watched, began)
                    if set(wanted) <= set(ready) and all(
                        item.health in (None, "healthy") for item in infos.values() if item.running
                    ):
                        break
        finally:
            watch.close()
            up.end()
        own = {
            name: began + ready[name] - item.started_at
            for name, item in infos.items()
            if name in ready and item.started_at is not None and item.running
        }
        return Startup(max(ready.values(), default=0.0), ready, own)

    def _watch_static(self, watch: Watch, watched: set[str]) -> None:
        """Begin to ask the services whose host port is fixed before they start."""
        if watched:
            return
        for service in self.services:
            address = _fixed_address(service)
            if service.health is not None and address is not None:
                watched.add(service.name)
                watch.begin(service.name, Prober(service.health, address))

    def _look(
        self,
        wanted: Mapping[str, Service],
        ready: dict[str, float],
        watch: Watch,
        watched: set[str],
        began: float,
    ) -> dict[str, ContainerInfo]:
        """Inspect the containers; note those ready without a probe of ours, fail the lost ones."""
        infos = {}
        for item in containers.of_project(self.client, self.project_name):
            service = wanted.get(item.service)
            if service is None:
                continue
            infos[item.service] = item
            if item.status == "restarting" or item.restarts >= _LOOP_RESTARTS:
                raise StackFailed(self._failed(item, "restarts in a loop"))
            if item.health == "unhealthy":
                raise StackFailed(self._failed(item, f"is unhealthy ({item.health_output})"))
            if item.status in {"exited", "dead"}:
                if item.exit_code != 0 or not self.stack.expected_to_exit(item.service):
                    raise StackFailed(self._failed(item, f"exited with code {item.exit_code}"))
                ready.setdefault(item.service, (item.finished_at or time.time()) - began)
            elif item.service not in watched:
                address = self._address(service, item)
                if service.health is not None and address is not None:
                    watched.add(item.service)
                    watch.begin(item.service, Prober(service.health, address))
                elif item.health == "healthy" and item.service not in ready:
                    ready[item.service] = (item.healthy_at or time.time()) - began
                elif item.health is None and item.running:
                    ready.setdefault(item.service, (item.started_at or time.time()) - began)
        return infos

    def _judge_death(self, death: containers.Death, deaths_of: dict[str, int]) -> None:
        service = self.stack.services.get(death.service)
        if service is None:
            return
        deaths_of[death.service] = deaths_of.get(death.service, 0) + 1
        item = self._find(death.container)
        if service.restart in {"no", "on-failure:0"} or (
            service.restart.startswith("on-failure") and death.exit_code == 0
        ):
            if death.exit_code == 0 and self.stack.expected_to_exit(death.service):
                return
            raise StackFailed(
                self._failed(item, f"exited with code {death.exit_code}", death.service)
            )
        if deaths_of[death.service] >= _LOOP_RESTARTS:
            what = f"restarts in a loop (exit code {death.exit_code})"
            raise StackFailed(self._failed(item, what, death.service))

    def _find(self, container: str) -> ContainerInfo | None:
        from python_on_whales.exceptions import DockerException

        try:
            return containers.inspect(self.client, container)
        except DockerException:
            return None

    def _failed_up(self, error: BaseException) -> EnvironmentFailed:
        text = error_text(error)
        if "already allocated" in text or "address already in use" in text:
            return PortTaken(f"{text} Free it, or change `ports:`.")
        for item in containers.of_project(self.client, self.project_name):
            lost = item.status in {"exited", "dead", "restarting"}
            fine = item.exit_code == 0 and self.stack.expected_to_exit(item.service)
            if lost and not fine:
                return StackFailed(self._failed(item, f"exited with code {item.exit_code}"))
            if item.health == "unhealthy":
                return StackFailed(self._failed(item, f"is unhealthy ({item.health_output})"))
        return EnvironmentFailed(f"docker compose up failed: {text}")

    def _failed(self, item: ContainerInfo | None, what: str, service: str = "") -> str:
        if item is None:
            return f"{service} {what}, and its container is gone."
        killed = ", killed for memory" if item.oom_killed else ""
        log = "\n".join(f"    {line}" for line in self.tail(item).splitlines())
        return (
            f"{item.service} {what} (state {item.status}, exit code {item.exit_code}{killed}, "
            f"{item.restarts} restarts). Last lines of its log:\n{log}"
        )

    def _late(
        self, wanted: Mapping[str, Service], ready: Mapping[str, float], answers: Mapping[str, str]
    ) -> str:
        infos = {
            item.service: item for item in containers.of_project(self.client, self.project_name)
        }
        late = [
            name
            for name in wanted
            if name not in ready or (name in infos and infos[name].health not in (None, "healthy"))
        ]
        lines = [f"Not healthy after {self.settings.start_timeout:g} s: {', '.join(late)}."]
        # The one to look at first is the one that the others wait for.
        first = next((name for name in late if name in infos and infos[name].running), None)
        if first is not None:
            health = infos[first].health or "has no healthcheck"
            answer = answers.get(first, infos[first].health_output or "none")
            lines.append(self._failed(infos[first], f"is {health}, last answer: {answer}"))
        return "\n".join(lines)

    def _address(self, service: Service | None, item: ContainerInfo) -> Address | None:
        if service is None:
            return None
        port = service.health.port if service.health is not None else service.container_port
        return item.published.get(port) if port is not None else None

    def _to_build(self, bodies: Mapping[str, Any]) -> tuple[str, ...]:
        """Return one service for each image: building one image five times is five builds."""
        chosen: dict[str, str] = {}
        for name, body in bodies.items():
            if body.get("build"):
                chosen.setdefault(_image(self.project_name, name, body), name)
        return tuple(chosen.values())

    def _suite_service(self) -> str:
        if self.settings.suite.service is None:
            raise UsageError(
                "No suite: name the compose service that runs it, "
                '[tool.tranship.suite] service = "tests".'
            )
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
        taken = [
            f"  {port.published} (for {service.name}) is taken by "
            f"{portowner.owner_of(port.published, self.client)}"
            for service in self.services
            for port in service.ports
            if port.published is not None
            and port.published not in ours
            and not can_bind(port.published, port.host_ip or "")
        ]
        if taken:
            raise PortTaken(
                "Ports that are taken:\n" + "\n".join(taken) + "\nEnd what holds them, or change "
                "`ports:` in the compose file."
            )

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


class _Up:
    """`docker compose up --detach` in a thread, so that a deadline of our own can end it."""

    def __init__(
        self, client: DockerClient, project: str, services: tuple[str, ...], recreate: bool
    ) -> None:
        self._client = client
        self._recreate = recreate
        self._project = project
        self._services = list(services)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="compose-up", daemon=True)

    @property
    def done(self) -> bool:
        """Whether the command has ended."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Start the command."""
        self._thread.start()

    def raise_failure(self, explain: Callable[[BaseException], EnvironmentFailed]) -> None:
        """Raise what `explain` makes of the command's failure, if it failed."""
        if self.done and self._failure is not None:
            raise explain(self._failure) from self._failure

    def end(self) -> None:
        """End the command if it still runs."""
        if self._thread.ident is not None:
            if not self.done:
                containers.end_docker_children(self._project, "up")
            self._thread.join(timeout=15)

    def _run(self) -> None:
        from python_on_whales.exceptions import DockerException

        try:
            self._client.compose.up(
                services=self._services or None,
                detach=True,
                quiet=True,
                no_build=True,
                pull="never",
                force_recreate=self._recreate,
                dependencies=not self._recreate,
            )
        except DockerException as error:
            self._failure = error


def _fixed_address(service: Service) -> Address | None:
    if service.health is None:
        return None
    for port in service.ports:
        if port.target == service.health.port and port.published is not None:
            host = port.host_ip or "127.0.0.1"
            return Address("127.0.0.1" if host == "0.0.0.0" else host, port.published)  # noqa: S104
    return None


def _image(project: str, name: str, body: Mapping[str, Any]) -> str:
    return str(body.get("image") or f"{project}-{name}")
