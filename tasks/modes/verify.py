"""What each process and container really has, against what the mapping says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..envmap.infer import Variable
from ..envmap.project import Project, open_project
from ..envmap.secrets import mask_value
from ..errors import UsageError
from ..settings import Settings
from ..stack.engine import answering_client
from ..stack.placement import Placement, Side, declared_ports
from . import containers
from .ownhybrid import recorded
from .secretfiles import expected_as_variables
from .supervision import Supervisor

_SAME, _OTHER, _MISSING = "same", "differs", "missing"


@dataclass(frozen=True)
class Checked:
    """One variable of one running service."""

    service: str
    side: str
    variable: str
    expected: str
    found: str | None
    source: str
    """How the real value was read."""

    @property
    def verdict(self) -> str:
        """same, differs or missing."""
        if self.found is None:
            return _MISSING
        return _SAME if self.found == self.expected else _OTHER

    def cells(self) -> list[str]:
        """Return the row, secrets hidden."""
        found = "-" if self.found is None else mask_value(self.variable, self.found)
        expected = mask_value(self.variable, self.expected)
        return [self.service, self.side, self.variable, expected, found, self.verdict, self.source]


@dataclass(frozen=True)
class Verified:
    """Every variable that was checked, and the services that could not be."""

    checked: tuple[Checked, ...]
    skipped: Mapping[str, str]

    @property
    def wrong(self) -> tuple[Checked, ...]:
        """What is not as the mapping says."""
        return tuple(item for item in self.checked if item.verdict != _SAME)


def verify(settings: Settings, services: Iterable[str] = ()) -> Verified:
    """Compare the running stack, variable by variable, with what the mapping says.

    Each running service is taken on the side where it runs. Raises UsageError when nothing
    is up.
    """
    project = open_project(settings)
    stack, envmap = project.stack, project.envmap
    client = answering_client(settings)
    here = {name: pid for name, pid in _processes(settings).items() if name in stack.services}
    there = (
        {
            item.service: item
            for item in containers.of_project(client, stack.name)
            if item.running and item.service in stack.services
        }
        if client is not None
        else {}
    )
    if not here and not there:
        raise UsageError("Nothing is up. Start it: inv docker.up, local.up or hybrid.up")
    chosen = {stack.service(name).name for name in services} or {*here, *there}
    placement = _placement(project, here, there)
    ports = declared_ports(stack)
    checked: list[Checked] = []
    skipped: dict[str, str] = {}
    for name in sorted(chosen):
        expected = envmap.environment(name, placement, ports) if name in placement.sides else ()
        recipe = stack.services[name].local
        if name in here:
            if recipe is not None and recipe.server is not None:
                skipped[name] = "a server of Tranship's own: its settings are its options"
                continue
            variables = _of_process(here[name])
            source = f"/proc/{here[name]}/environ"
        elif name in there:
            variables, source = _of_container(there[name])
        else:
            skipped[name] = "not running"
            continue
        if variables is None:
            skipped[name] = f"{source} cannot be read by this user"
            continue
        if name not in here:
            expected = expected_as_variables(expected, variables)
        checked += _compared(
            name, "local" if name in here else "docker", expected, variables, source
        )
    return Verified(tuple(checked), skipped)


def _processes(settings: Settings) -> dict[str, int]:
    """Return the services that run on this host -> their first process."""
    supervisor = Supervisor(settings.state_directory / "local")
    if not supervisor.alive():
        return {}
    return {
        name: status.pid
        for name, status in supervisor.status().items()
        if status.running and status.pid
    }


def _placement(project: Project, here: Iterable[str], there: Collection[str]) -> Placement:
    """Return the placement that what runs was started in."""
    local = {*here, *(recorded(project.settings) or ())}
    sides: dict[str, Side] = dict.fromkeys(local, "local")
    if there:
        # The suite runs by itself, and in no stack of a developer's.
        own = {item.name for item in project.stack.selected()} - {project.settings.suite.service}
        sides |= dict.fromkeys((own | set(there)) - local, "docker")
    return Placement(sides)


def _compared(
    name: str,
    side: str,
    expected: Iterable[Variable],
    variables: Mapping[str, str],
    source: str,
) -> list[Checked]:
    return [
        Checked(name, side, item.name, item.value, variables.get(item.name), source)
        for item in expected
    ]


def _of_process(pid: int) -> dict[str, str] | None:
    with suppress(OSError):
        return _parsed(Path(f"/proc/{pid}/environ").read_bytes())
    return None


def _of_container(item: containers.ContainerInfo) -> tuple[dict[str, str], str]:
    """Read the process's own environment where the engine is on this host, else inspect."""
    if item.cgroup() is not None:
        found = _of_process(item.pid)
        # A server that shows its state in its title has written over its environment.
        if found and "PATH" in found:
            # An entrypoint may drop a variable (a password, say) before it becomes the server.
            return {**item.environment, **found}, f"/proc/{item.pid}/environ"
    return dict(item.environment), "docker inspect"


def _parsed(raw: bytes) -> dict[str, str]:
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
    return {
        name.decode(errors="surrogateescape"): value.decode(errors="surrogateescape")
        for name, _, value in pairs
    }
