"""Starting a compose project: `up` in the background, and what may go wrong meanwhile.

Compose's own `--wait-timeout` counts once for each service and again at the end; the
deadline here counts once. A service that is lost is noticed by its event, at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import EnvironmentFailed
from ..stack.model import Service
from . import containers
from .background import Background
from .base import SETTLE_SECONDS, Address, Startup
from .containers import ContainerInfo
from .failures import Failures
from .health import Prober
from .watch import Watch

if TYPE_CHECKING:
    from python_on_whales import DockerClient

    from .docker import DockerMode

_LOOP_RESTARTS = 3
_LOOK_SECONDS = 0.5
"""Between two inspections, each 50 ms of CPU: more would slow what is measured."""
_LAST_LOOK_SECONDS = 0.1
"""The same once every service has answered, and only Docker's own healthchecks are waited for."""


class Starting:
    """One start of a DockerMode. Containers in `before` are not this start's to judge."""

    def __init__(self, mode: DockerMode, before: set[str]) -> None:
        self._mode = mode
        self._before = before
        self._client = mode.client
        self._project = mode.project_name
        self._seen_running: dict[str, float] = {}
        self._failures = Failures(mode)

    def run(self) -> Startup:
        """Start, and return when every service answers; raise StackFailed or PortTaken."""
        began = time.time()
        deadline = time.monotonic() + self._mode.settings.start_timeout
        wanted = {service.name: service for service in self._mode.services}
        ready: dict[str, float] = {}
        deaths_of: dict[str, int] = {}
        watch, up = (
            Watch(),
            _Up(self._client, self._project, tuple(wanted), self._mode.recreate),
        )
        watched: set[str] = set()
        looked = time.monotonic()
        infos: dict[str, ContainerInfo] = {}
        try:
            with containers.Events(self._client, self._project) as events:
                up.start()
                while True:
                    self._watch_started(events.started(), watch, watched)
                    answered = watch.next_ready(timeout=0.05)
                    if answered is not None and answered[0] not in ready:
                        ready[answered[0]] = answered[1] - began
                        self._mode.tell(f"{answered[0]} is ready after {ready[answered[0]]:.2f} s")
                    for death in events.deaths():
                        if death.container not in self._before:
                            self._judge_death(death, deaths_of)
                    up.raise_failure(self._failures.of_up)
                    if time.monotonic() > deadline:
                        raise self._failures.late(wanted, ready, watch.last_answers)
                    last = answered is not None and set(wanted) <= set(ready)
                    pause = _LAST_LOOK_SECONDS if set(wanted) <= set(ready) else _LOOK_SECONDS
                    soon = bool(infos) and time.monotonic() - looked < pause and not last
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
            if name in ready
            and item.started_at is not None
            # Of a service that nobody can ask, only the start is known.
            and began + ready[name] > item.started_at
        }
        return Startup(max(ready.values(), default=0.0), ready, own)

    def _watch_started(self, names: Iterable[str], watch: Watch, watched: set[str]) -> None:
        """Begin to ask the services that have just started and whose host port is fixed.

        Not before: a probe to an address that nobody has yet leaves the kernel waiting for
        it, and it asks again only after a second, however soon the container is there.
        """
        services = {service.name: service for service in self._mode.services}
        for name in names:
            service = services.get(name)
            address = _fixed_address(service) if service is not None else None
            if service is None or service.health is None or address is None or name in watched:
                continue
            watched.add(name)
            watch.begin(name, Prober(service.health, address))

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
        for item in containers.of_project(self._client, self._project):
            service = wanted.get(item.service)
            if service is None:
                continue
            infos[item.service] = item
            if item.status == "restarting" or item.restarts >= _LOOP_RESTARTS:
                raise self._failures.of(item, "restarts in a loop")
            if item.health == "unhealthy":
                raise self._failures.of(item, f"is unhealthy ({item.health_output})")
            if item.status in {"exited", "dead"}:
                if item.exit_code != 0 or not self._mode.stack.expected_to_exit(item.service):
                    raise self._failures.of(item, f"exited with code {item.exit_code}")
                ready.setdefault(item.service, (item.finished_at or time.time()) - began)
            elif item.service not in watched:
                address = self._mode.address_of(service, item)
                if service.health is not None and address is not None:
                    watched.add(item.service)
                    watch.begin(item.service, Prober(service.health, address))
                elif item.health == "healthy" and item.service not in ready:
                    ready[item.service] = (item.healthy_at or time.time()) - began
                elif item.health is None and self._has_settled(item):
                    ready.setdefault(item.service, (item.started_at or time.time()) - began)
        return infos

    def _has_settled(self, item: ContainerInfo) -> bool:
        """Return whether a container that is to go on running did so for a while.

        By our clock: the engine's may differ.
        """
        if not item.running or self._mode.stack.expected_to_exit(item.service):
            return False
        if item.id in self._before:
            return True
        now = time.monotonic()
        # With its start: a container that restarts in between is running at both looks, too.
        process = f"{item.id} {item.started_at}"
        return now - self._seen_running.setdefault(process, now) >= SETTLE_SECONDS

    def _judge_death(self, death: containers.Death, deaths_of: dict[str, int]) -> None:
        service = self._mode.stack.services.get(death.service)
        if service is None:
            return
        deaths_of[death.service] = deaths_of.get(death.service, 0) + 1
        item = self._find(death.container)
        if service.restart in {"no", "on-failure:0"} or (
            service.restart.startswith("on-failure") and death.exit_code == 0
        ):
            if death.exit_code == 0 and self._mode.stack.expected_to_exit(death.service):
                return
            raise self._failures.of(item, f"exited with code {death.exit_code}", death.service)
        if deaths_of[death.service] >= _LOOP_RESTARTS:
            what = f"restarts in a loop, last with exit code {death.exit_code}"
            raise self._failures.of(item, what, death.service)

    def _find(self, container: str) -> ContainerInfo | None:
        from python_on_whales.exceptions import DockerException

        try:
            return containers.inspect(self._client, container)
        except DockerException:
            return None


class _Up:
    """`docker compose up --detach` in a thread, so that a deadline of our own can end it."""

    def __init__(
        self, client: DockerClient, project: str, services: tuple[str, ...], recreate: bool
    ) -> None:
        self._client = client
        self._recreate = recreate
        self._services = list(services)
        self._failure: BaseException | None = None
        self._command = Background(project, "up", self._run)

    @property
    def done(self) -> bool:
        """Whether the command has ended."""
        return self._command.done

    def start(self) -> None:
        """Start the command."""
        self._command.start()

    def raise_failure(self, explain: Callable[[BaseException], EnvironmentFailed]) -> None:
        """Raise what `explain` makes of the command's failure, if it failed."""
        if self.done and self._failure is not None:
            raise explain(self._failure) from self._failure

    def end(self) -> None:
        """End the command if it still runs."""
        self._command.end()

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
