"""What the `inv swarm.*` commands do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...errors import StackFailed, UsageError, near
from ...modes.base import silent
from ...settings import Settings
from . import counts, rendering, waiting
from .engine import Manager, manager
from .model import StackFile
from .options import options_of, stack_name
from .sources import name_key, opened, source_of
from .state import ServiceState
from .translation import translate

HEADERS = ("service", "running", "node", "image", "state", "last error")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What the command line asks `swarm.deploy` for."""

    environment: str = ""
    profiles: tuple[str, ...] = ()
    name: str = ""
    registry: str = ""
    tag: str = ""
    strict: bool = False


@dataclass(frozen=True)
class Prepared:
    """A stack file that nothing was done with yet."""

    stack: StackFile
    hidden: frozenset[str]

    @property
    def shown(self) -> str:
        """The file with the secrets hidden."""
        return rendering.shown(self.stack, self.hidden)


def prepare(settings: Settings, asked: Asked) -> Prepared:
    """Return the stack file; raises UsageError for what is lost, with `strict`."""
    project = opened(settings, asked.environment)
    name = stack_name(asked.name or settings.swarm.name or project.stack.name)
    key = name_key(settings.state_directory / "swarm" / "key")
    options = options_of(settings.swarm, asked.registry, asked.tag, key)
    stack = translate(source_of(project, name, asked.profiles), options)
    if asked.strict and stack.lost:
        raise UsageError("\n".join([*stack.lines, f"--strict: {stack.lost} not carried over."]))
    return Prepared(stack, project.hidden)


def deploy(
    settings: Settings,
    prepared: Prepared,
    seconds: float,
    *,
    registry_auth: bool = False,
    tell: Tell = silent,
) -> tuple[ServiceState, ...]:
    """Deploy the stack, or change it to the new file, and wait until all of it runs.

    Raises StackFailed when it does not; Swarm then rolls back what it was updating.
    """
    swarm = manager()
    found = swarm.require_ours(prepared.stack.name)
    stack = counts.kept(prepared.stack, settings.autoscale, found)
    look = waiting.looking(swarm, stack.name)
    known = waiting.before(look())
    if stack.data:
        swarm.keep_data(stack.name, settings.swarm.data_node)
    with rendering.written(stack) as path:
        swarm.deploy(stack.name, path, settings.swarm.resolve, registry_auth=registry_auth)
    return waiting.converge(look, known, seconds, tell=tell)


def name_of(settings: Settings, name: str) -> str:
    """Return the stack's name, without what only deploying it needs."""
    if name or settings.swarm.name:
        return stack_name(name or settings.swarm.name)
    return stack_name(opened(settings, "").stack.name)


def status(name: str) -> tuple[ServiceState, ...]:
    """Return the services of the stack; raises EnvironmentFailed when there are none."""
    swarm = manager()
    swarm.require_up(name)
    return waiting.looking(swarm, name)()


def rows(found: tuple[ServiceState, ...]) -> list[tuple[str, ...]]:
    """Return a row for each service, under HEADERS."""
    return [
        (
            item.name,
            f"{item.running}/{item.wanted}",
            ", ".join(item.nodes),
            item.image,
            _state(item),
            item.error,
        )
        for item in found
    ]


def _state(item: ServiceState) -> str:
    if item.settled:
        found = "done" if item.job else "running"
    else:
        found = ", ".join(item.pending) or "stopped"
    changed = item.update.state in {"", "completed"}
    return found if changed else f"{found}, {item.update.state.replace('_', ' ')}"


def remove(name: str, seconds: float, tell: Tell = silent) -> list[str]:
    """Remove the stack, wait until it is gone, and return what it was made of.

    Raises StackFailed with what is still there.
    """
    swarm = manager()
    gone = [item["Spec"]["Name"] for item in swarm.require_up(name)]
    swarm.remove(name)
    deadline = time.monotonic() + seconds
    while left := swarm.left(name):
        tell(f"{len(left)} left")
        if time.monotonic() > deadline:
            raise StackFailed(f"Still there after {seconds:g} s: {', '.join(left)}.")
        time.sleep(0.3)
    return gone


def scales_of(words: tuple[str, ...]) -> dict[str, int]:
    """Return service -> replicas of words such as `web=3`; raises UsageError."""
    if not words:
        raise UsageError("No service. For example: inv swarm.scale --service web=3")
    found = {}
    for word in words:
        name, _, number = word.partition("=")
        if not name or not number.isdecimal():
            raise UsageError(f"{word!r}: write SERVICE=REPLICAS, such as web=3.")
        found[name] = int(number)
    return found


def scale(
    name: str, wanted: Mapping[str, int], seconds: float, tell: Tell = silent
) -> tuple[ServiceState, ...]:
    """Change the number of tasks of services, and wait until they run."""

    def change(swarm: Manager, found: Mapping[str, ServiceState]) -> None:
        for service, number in wanted.items():
            if found[service].job:
                raise UsageError(f"{service} is a job, which runs once. It cannot be scaled.")
            if found[service].data and number > 1:
                raise UsageError(f"{service} writes a named volume: one task at most.")
        words = [f"{found[service].id}={number}" for service, number in wanted.items()]
        swarm.docker("docker service scale", "service", "scale", "--detach", *words)

    return _changed(name, tuple(wanted), change, seconds, tell)


def update(
    name: str,
    service: str,
    image: str,
    seconds: float,
    *,
    force: bool = False,
    registry_auth: bool = False,
    resolve: str = "always",
    tell: Tell = silent,
) -> tuple[ServiceState, ...]:
    """Give a service another image, or new tasks of the same one, one after the other.

    Raises StackFailed when Swarm has rolled it back.
    """
    if not image and not force:
        raise UsageError("Nothing to change. Give --image, or --force for new tasks of the same.")

    def change(swarm: Manager, found: Mapping[str, ServiceState]) -> None:
        words = ["--image", image] if image else []
        words += ["--force"] if force else []
        words += ["--with-registry-auth"] if registry_auth else []
        words += ["--no-resolve-image"] if resolve == "never" else []
        swarm.docker(
            "docker service update", "service", "update", "--detach", *words, found[service].id
        )

    return _changed(name, (service,), change, seconds, tell)


def rollback(
    name: str, service: str, seconds: float, tell: Tell = silent
) -> tuple[ServiceState, ...]:
    """Bring a service back to what it was before its last change."""

    def change(swarm: Manager, found: Mapping[str, ServiceState]) -> None:
        swarm.docker(
            "docker service rollback", "service", "rollback", "--detach", found[service].id
        )

    return _changed(name, (service,), change, seconds, tell, back=True)


def _changed(
    name: str,
    services: tuple[str, ...],
    change: Callable[[Manager, Mapping[str, ServiceState]], None],
    seconds: float,
    tell: Tell,
    *,
    back: bool = False,
) -> tuple[ServiceState, ...]:
    swarm = manager()
    swarm.require_up(name)
    look = waiting.looking(swarm, name)
    found = {item.name: item for item in look()}
    for service in services:
        if service not in found:
            raise UsageError(
                f"No service {service!r}{near(service, found)} in {name}. "
                f"Services: {', '.join(found)}."
            )
    known = waiting.before(found.values())
    change(swarm, found)
    return waiting.converge(look, known, seconds, only=services, back=back, tell=tell)
