"""The local mode: every service a process of this host, supervised in the background."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..envmap.resolve import EnvMap
from ..errors import StackFailed, UsageError
from ..settings import Settings
from ..stack.isolation import MARKER, write_private
from ..stack.model import Service, Stack
from ..stack.placement import LOOPBACK, Placement, Ports, Side
from . import cgroups, leftovers, servers
from .base import SETTLE_SECONDS, Address, ServiceProcess, Startup, SuiteProcess, silent
from .clock import started_at
from .failures import MENDS, SLOW
from .health import Prober
from .hostsuite import HostSuite, run_python
from .launch import clean_environment, script
from .locallogs import TAIL_LINES, LocalLogs
from .supervision import Program, Status, Supervisor
from .watch import Watch

_LOOP_RESTARTS = 3


@dataclass
class LocalMode:
    """Services as processes. `directory` holds everything that they write."""

    settings: Settings
    stack: Stack
    envmap: EnvMap
    services: tuple[Service, ...]
    ports: Ports
    directory: Path
    run_id: str
    bin_directory: Path
    """The folder of the Python that runs the services: first on their PATH."""
    tell: Callable[[str], None] = silent
    name: str = "local"
    placement: Placement | None = None
    """The whole placement, where other services are in containers; None: all are here."""
    hidden: frozenset[str] = frozenset()
    """Secret values, hidden in what is shown of logs."""
    capable: tuple[Service, ...] = ()
    """Services that may come here later: supervisor knows them, and starts none of them."""
    kept_logs: Path | None = None
    """Where a run's logs are copied before its folder goes; None: they stay where they are."""
    keeps_data: bool = False
    """Whether stopping leaves the servers' data, as a developer's own stack does."""
    _supervisor: Supervisor = field(init=False)
    _logs: LocalLogs = field(init=False)

    def __post_init__(self) -> None:
        self._logs = LocalLogs(self.directory / "logs", self.hidden, self.kept_logs)
        self._supervisor = Supervisor(self.directory)

    @property
    def sides(self) -> Mapping[str, Side]:
        """Service -> local."""
        return {service.name: "local" for service in self.services}

    @property
    def whole_placement(self) -> Placement:
        """The placement of the whole stack that this mode is a part of.

        Raises UsageError for a service that cannot be on this host; only starting needs
        it, the other verbs work on a stack that is local in part.
        """
        return self.placement or Placement.pure(self.services, "local")

    @property
    def supervisor(self) -> Supervisor:
        """The supervisord of this mode."""
        return self._supervisor

    def prepare(self) -> None:
        """Write the launch scripts and supervisor's configuration.

        Raises UsageError for a service with no local command.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "logs").mkdir(exist_ok=True)
        self.write_scripts(self.services)
        known = {service.name: service for service in (*self.services, *self.capable)}
        self._supervisor.configure([self._program(service) for service in known.values()])

    def write_scripts(self, services: Iterable[Service]) -> None:
        """Write the launch scripts of these services anew, with the settings as they are."""
        for service in services:
            folder = self.directory / service.name
            folder.mkdir(parents=True, exist_ok=True, mode=0o711)
            write_private(folder / "start.sh", self._script(service, folder))

    def start(self) -> Startup:
        """Start in dependency order, each service as soon as those it needs are ready."""
        began = time.time()
        self.begin()
        return self.start_services(began, self.services)

    def begin(self) -> None:
        """Start supervisord, and no service yet."""
        self._supervisor.start(self._base_environment())

    def addresses(self) -> Mapping[str, Address]:
        """Return the loopback address of every service that has a port."""
        return {
            service.name: Address(LOOPBACK, port)
            for service in self.services
            if (port := self._port(service)) is not None
        }

    def processes(self) -> tuple[ServiceProcess, ...]:
        """Return the running services with their first process and control group."""
        found = []
        for name, status in self._supervisor.status().items():
            if status.running and status.pid:
                started = started_at(status.pid)
                group = self._existing_group(name)
                found.append(ServiceProcess(name, "local", status.pid, started, group))
        return tuple(found)

    def runtime_pids(self) -> tuple[int, ...]:
        """Return supervisord."""
        pid = self._supervisor.pid()
        return (pid,) if pid is not None else ()

    def oom_kills(self, since: float) -> Mapping[str, int]:  # noqa: ARG002 - the protocol's
        """Return nothing: a local service's own group counts them, over restarts too."""
        return {}

    def suite(self, arguments: tuple[str, ...]) -> SuiteProcess:
        """Start pytest in this host's Python, with the suite's variables for the local side."""
        return HostSuite(
            (*self.settings.suite.command, *arguments),
            self._suite_environment(),
            self.settings.root,
            # In the run's folder, so that it goes with it even after a kill -9.
            self.directory / "report.xml",
        )

    def python(self, source: str) -> str:
        """Run a Python program with the suite's interpreter."""
        return run_python(source, self._suite_environment(), self.settings.root)

    @property
    def pythons(self) -> Mapping[Side, Callable[[str], str]]:
        """What runs a Python program here."""
        return {"local": self.python}

    @property
    def references(self) -> Mapping[str, frozenset[str]]:
        """Service -> the services that its variables name."""
        return {service.name: self.envmap.references(service.name) for service in self.services}

    def save_logs(self, directory: Path) -> None:
        """Copy the services' logs, secrets hidden."""
        self._logs.save(directory)

    def stop(self) -> None:
        """Stop whole process groups, dependents first, and what escaped them."""
        if self.keeps_data:
            self.stop_services(self.services)
        else:
            # All at once: the order is for data that stays, and a run's goes with it.
            with suppress(OSError):
                self._supervisor.stop_programs([[service.name for service in self.services]])
        self._supervisor.shutdown()
        leftovers.end_local(self.run_id, self.directory, self._group_name(""))
        if not self.keeps_data:
            leftovers.remove_data(self.directory)

    def stop_services(self, services: Iterable[Service]) -> None:
        """Stop these services, dependents first; a supervisord that is gone is no error."""
        names = [service.name for service in services]
        levels = [[service.name for service in level] for level in self.stack.levels(names)]
        try:
            self._supervisor.stop_programs(reversed(levels))
        except OSError:
            return

    def restart(self, services: Sequence[Service]) -> Startup:
        """Stop and start these services, and wait for them."""
        self.stop_services(services)
        return self.start_services(time.time(), services)

    def log(self, service: str) -> Path:
        """Return the log file of a service."""
        return self._logs.path(service)

    def tail(self, service: str, lines: int = TAIL_LINES) -> str:
        """Return the last lines of a service's log, secrets hidden."""
        return self._logs.tail(service, lines)

    def start_services(self, began: float, services: Sequence[Service]) -> Startup:
        """Start these services as their dependencies here are ready; times count from `began`.

        Raises StackFailed naming the service, its state, exit code and last log lines.
        """
        deadline = time.monotonic() + self.settings.start_timeout
        waiting = {service.name: service for service in services}
        begun: dict[str, Service] = {}
        ready: dict[str, float] = {}
        own: dict[str, float] = {}
        seen: dict[str, set[int]] = {}
        watch = Watch()
        try:
            while len(ready) < len(services):
                for service in list(waiting.values()):
                    if self._may_start(service, waiting, begun, ready):
                        del waiting[service.name]
                        begun[service.name] = service
                        self._begin(service, watch)
                answered = watch.next_ready(timeout=0.1)
                status = self._supervisor.status()
                if answered is not None:
                    self._note(answered[0], answered[1], began, status, ready, own)
                self._look_after(begun, ready, began, status, seen)
                if time.monotonic() > deadline:
                    late = ", ".join(name for name in begun if name not in ready)
                    raise StackFailed(self._late(late, watch.last_answers, status))
        finally:
            watch.close()
        return Startup(max(ready.values(), default=0.0), ready, own)

    def _may_start(
        self,
        service: Service,
        waiting: Mapping[str, Service],
        begun: Mapping[str, Service],
        ready: Mapping[str, float],
    ) -> bool:
        return all(
            dependency.service in ready
            or (dependency.condition == "service_started" and dependency.service in begun)
            or (dependency.service not in waiting and dependency.service not in begun)
            for dependency in service.depends_on
        )

    def _begin(self, service: Service, watch: Watch) -> None:
        self.tell(f"starting {service.name}")
        self._logs.begin(service.name)
        self._supervisor.call("supervisor.startProcess", service.name, False)
        address = self.addresses().get(service.name)
        if service.health is not None and address is not None:
            watch.begin(service.name, Prober(service.health, address))

    def _note(
        self,
        name: str,
        when: float,
        began: float,
        status: Mapping[str, Status],
        ready: dict[str, float],
        own: dict[str, float],
    ) -> None:
        ready[name] = when - began
        self.tell(f"{name} is ready after {ready[name]:.2f} s")
        started = started_at(status[name].pid)
        if started is not None:
            own[name] = when - started

    def _look_after(
        self,
        begun: Mapping[str, Service],
        ready: dict[str, float],
        began: float,
        status: Mapping[str, Status],
        seen: dict[str, set[int]],
    ) -> None:
        for name, service in begun.items():
            state = status[name]
            pids = seen.setdefault(name, set())
            if state.pid:
                pids.add(state.pid)
            if len(pids) > _LOOP_RESTARTS:
                raise StackFailed(self._failed(name, "restarts in a loop", state))
            if state.running:
                if service.health is None and not self.stack.expected_to_exit(name):
                    started = started_at(state.pid)
                    if started is not None and time.time() - started >= SETTLE_SECONDS:
                        ready.setdefault(name, max(0.0, started - began))
            elif state.exit_code == 0 and self.stack.expected_to_exit(name):
                ready.setdefault(name, time.time() - began)
            elif service.restart in {"no", "on-failure:0"} or state.state == "FATAL":
                raise StackFailed(self._failed(name, f"exited with code {state.exit_code}", state))

    def _failed(self, name: str, what: str, state: Status) -> str:
        return (
            f"{name} {what} (state {state.state.lower()}, exit code {state.exit_code}). "
            f"{MENDS.get(what, '')}{self._logs.shown(name)}"
        )

    def _late(self, names: str, answers: Mapping[str, str], status: Mapping[str, Status]) -> str:
        first = names.split(", ")[0]
        return (
            f"Not healthy after {self.settings.start_timeout:g} s: {names}. {SLOW}\n{first}: state "
            f"{status[first].state.lower()}, last answer: {answers.get(first, 'none')}. "
            f"{self._logs.shown(first)}"
        )

    def _program(self, service: Service) -> Program:
        return Program(
            name=service.name,
            script=self.directory / service.name / "start.sh",
            log=self.log(service.name),
            stop_seconds=service.stop_grace_seconds,
            restart=service.restart not in {"no", "on-failure:0"},
            fast_stop=service.local is not None and service.local.server == "postgres",
        )

    def _script(self, service: Service, folder: Path) -> str:
        recipe = service.local
        if recipe is None:
            raise UsageError(f"{service.name} has no x-tranship.local.")
        group = cgroups.create(self._group_name(service.name))
        variables = {
            variable.name: variable.value
            for variable in self.envmap.environment(service.name, self.whole_placement, self.ports)
        }
        port = self._port(service)
        if recipe.server is not None:
            if port is None:
                raise UsageError(f"{service.name}: a server needs a port. Add `ports:` to it.")
            command = servers.command_for(
                service,
                variables,
                port,
                folder,
                self.bin_directory,
                self.settings.local,
                self.envmap.listens_on(service.name, self.whole_placement),
            )
            base = clean_environment(self.bin_directory)
            return script(command.argv, {**base, **command.environment}, folder, group)
        return script(
            [_filled(word, port) for word in recipe.command],
            {**clean_environment(self.bin_directory), **variables},
            recipe.directory or self.settings.root,
            group,
        )

    def _port(self, service: Service) -> int | None:
        port = service.container_port
        return None if port is None else self.ports.local.get((service.name, port))

    def _group_name(self, service: str) -> str:
        return f"{self.run_id}-{service}"

    def _existing_group(self, service: str) -> cgroups.Cgroup | None:
        name = self._group_name(service)
        return next((group for group in cgroups.named(name) if group.cpu.name == name), None)

    def _base_environment(self) -> dict[str, str]:
        return {**clean_environment(self.bin_directory), MARKER: self.run_id}

    def _suite_environment(self) -> dict[str, str]:
        suite = self.settings.suite.service
        variables = {}
        if suite is not None:
            self.stack.service(suite)
            variables = {
                variable.name: variable.value
                for variable in self.envmap.environment(
                    suite, self.whole_placement, self.ports, side="local"
                )
            }
        return {**self._base_environment(), **variables}


def _filled(text: str, port: int | None) -> str:
    return text if port is None else text.replace("{port}", str(port))
