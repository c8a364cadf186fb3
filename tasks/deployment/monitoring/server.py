"""Prometheus beside the developer's stack: brought up, found, taken away."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...envmap.project import Project, open_project
from ...errors import EnvironmentFailed, ImagesMissing, NotOurs, PortTaken, StackFailed
from ...modes import containers, images, portowner
from ...modes.base import silent
from ...modes.owndocker import docker_mode
from ...settings import Settings
from ...stack.engine import ComposeProject, engine_errors, kept_shell, require_engine
from ...stack.envfiles import compose_variables
from ...stack.isolation import can_bind
from ...stack.placement import LOOPBACK
from .composed import GRAFANA, IMAGES, Files
from .plan import Plan, plan_of
from .prometheus import Prometheus, TargetState
from .rules import EXPORTER, SERVER

if TYPE_CHECKING:
    from python_on_whales import DockerClient

STANDIN = "`scripts/run setup --monitoring`"
NOT_UP = "Prometheus is not up. Start it: inv monitor.up"
_PROBE_SECONDS = 0.1
_TAIL_LINES = 15
_PORTS = {SERVER: "port", GRAFANA: "grafana-port"}


@dataclass
class Monitoring:
    """The monitoring of one project; `tell` hears what it is at."""

    settings: Settings
    project: Project
    client: DockerClient
    """A client for the engine; what it does with Compose goes through `composed`."""
    tell: Callable[[str], None] = silent

    @property
    def name(self) -> str:
        """The compose project of Prometheus."""
        return f"{self.project.stack.name}-monitoring"

    @property
    def files(self) -> Files:
        """The files that it is made from."""
        return Files(self.settings.state_directory / "monitoring")

    def plan(self) -> Plan:
        """Return what is to be watched; raises EnvironmentFailed while the stack is down."""
        stack = self.project.stack
        present = containers.of_project(docker_mode(self.settings).client, stack.name)
        if not any(item.running for item in present):
            raise EnvironmentFailed(
                f"{stack.name} is not up, and there is nothing to measure. Start it: inv docker.up"
            )
        services = [item.service for item in present]
        plan = plan_of(self.settings, stack, self.project.document, services)
        lost = [name for name in plan.networks if not self.client.network.exists(name)]
        if lost:
            raise EnvironmentFailed(
                f"The stack has no network {', '.join(lost)} yet. Start it: inv docker.up"
            )
        return plan

    def up(self, *, grafana: bool = False) -> tuple[Plan, tuple[TargetState, ...]]:
        """Start Prometheus and wait until it has read each target once.

        Raises UsageError, ImagesMissing, PortTaken, or StackFailed with its last lines. What
        this call started is then removed.
        """
        self.require_ours()
        plan = self.plan()
        wanted = {SERVER: plan.settings.port} | (
            {GRAFANA: plan.settings.grafana_port} if grafana else {}
        )
        before = containers.of_project(self.client, self.name)
        self._require_free(wanted, before)
        chosen = {name: self._image(name) for name in (SERVER, EXPORTER, *wanted)}
        try:
            images.pull_missing(self.client, chosen, self.tell)
        except ImagesMissing as error:
            raise ImagesMissing(f"{error} That of Prometheus: {STANDIN}.") from error
        self.files.write(plan, chosen)
        try:
            with engine_errors("Starting Prometheus"):
                self._composed().compose.up(detach=True, quiet=True, remove_orphans=True)
            return plan, self._read_once(plan, {item.id: item.restarts for item in before})
        except BaseException:
            if not before:
                self._remove(volumes=False)
            raise

    def down(self, *, volumes: bool) -> bool:
        """Remove Prometheus, and with `volumes` what it measured; return whether it was there."""
        self.require_ours()
        found = bool(containers.of_project(self.client, self.name))
        self._remove(volumes=volumes)
        self._let_go()
        return found

    def url(self) -> str:
        """Return where Prometheus answers; raises EnvironmentFailed where it is not up."""
        for item in containers.of_project(self.client, self.name):
            if item.service == SERVER and item.running and item.published:
                address = next(iter(item.published.values()))
                return f"http://{address.host}:{address.port}"
        raise EnvironmentFailed(NOT_UP)

    def require_ours(self) -> None:
        """Raise NotOurs when another checkout made the monitoring of this name."""
        here = str(self.files.folder)
        for item in containers.of_project(self.client, self.name):
            made_in = item.labels.get(containers.DIRECTORY_LABEL, here)
            if made_in != here:
                raise NotOurs(
                    f"A Prometheus named {self.name!r} exists that {made_in} made. Stop it there "
                    "by `inv monitor.down`, or give this stack another `name:`."
                )

    def _composed(self) -> DockerClient:
        files = self.files
        return ComposeProject(
            files=(files.compose,),
            name=self.name,
            directory=files.folder,
            env_files=(Path(os.devnull),),
            pass_env=self.settings.pass_env,
        ).client()

    def _image(self, service: str) -> str:
        variable, public = IMAGES[service]
        compose = self.project.compose
        given = compose_variables(kept_shell(compose.pass_env), compose.env_files)
        found = given.get(variable)
        return (found.value if found is not None else None) or public

    def _require_free(
        self, wanted: dict[str, int], before: tuple[containers.ContainerInfo, ...]
    ) -> None:
        ours = {address.port for item in before for address in item.published.values()}
        lines = [
            f"{port} (for {service.removeprefix('tranship-')}) is taken by "
            f"{portowner.owner_of(port, self.client)}. End it, or set another "
            f"[tool.tranship.monitoring] {_PORTS[service]}."
            for service, port in wanted.items()
            if port not in ours and not can_bind(port, LOOPBACK)
        ]
        if lines:
            raise PortTaken("Port " + "\nPort ".join(lines))

    def _read_once(self, plan: Plan, restarts: Mapping[str, int]) -> tuple[TargetState, ...]:
        """Return the targets when each has been read, and each rule looked at, once."""
        deadline = time.monotonic() + self.settings.start_timeout
        count = len(plan.targets) + 1
        with Prometheus(f"http://{LOOPBACK}:{plan.settings.port}", timeout=2.0) as server:
            while True:
                self.tell("waiting until each target was read once")
                found: tuple[TargetState, ...] = ()
                if server.ready():
                    found = server.targets()
                    read = len(found) >= count and all(it.health != "unknown" for it in found)
                    if read and all(rule.health != "unknown" for rule in server.rules()):
                        return found
                self._require_running(restarts)
                if time.monotonic() > deadline:
                    unread = [it.service or it.job for it in found if it.health == "unknown"]
                    raise StackFailed(
                        f"Prometheus had not read {', '.join(unread) or 'any target'} after "
                        f"{self.settings.start_timeout:g} s. See [tool.tranship] start-timeout."
                    )
                time.sleep(_PROBE_SECONDS)

    def _require_running(self, restarts: Mapping[str, int]) -> None:
        for item in containers.of_project(self.client, self.name):
            ended = item.status in {"exited", "dead", "restarting"}
            if ended or item.restarts > restarts.get(item.id, 0):
                with engine_errors(f"Reading the log of {item.name}"):
                    text = str(self.client.container.logs(item.id, tail=_TAIL_LINES))
                shown = "\n".join(f"    {line}" for line in text.splitlines())
                raise StackFailed(
                    f"{item.service} ended with exit code {item.exit_code}. "
                    f"Its last lines:\n{shown}"
                )

    def _remove(self, *, volumes: bool) -> None:
        filters: list[Any] = [("label", f"{containers.PROJECT_LABEL}={self.name}")]
        with engine_errors("Removing Prometheus"):
            found = self.client.container.list(all=True, filters=filters)
            if found:
                self.client.container.stop(found)
                self.client.container.remove(found, force=True)
            for network in self.client.network.list(filters=filters):
                network.remove()
            if volumes:
                for volume in self.client.volume.list(filters=filters):
                    self.client.volume.remove(volume)

    def _let_go(self) -> None:
        """Remove the stack's networks that `docker.down` had to leave for Prometheus' sake."""
        from python_on_whales.exceptions import DockerException

        name = self.project.stack.name
        if containers.of_project(self.client, name, oneoffs=True):
            return
        filters: list[Any] = [("label", f"{containers.PROJECT_LABEL}={name}")]
        with suppress(DockerException):  # others are on it too
            for network in self.client.network.list(filters=filters):
                network.remove()


def monitoring_of(settings: Settings) -> Monitoring:
    """Return the monitoring of a project; raises EngineUnavailable or ComposeFileError."""
    project = open_project(settings)
    client = project.compose.client()
    require_engine(client)
    return Monitoring(settings, project, client)
