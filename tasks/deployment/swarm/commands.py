"""What the `inv swarm.*` commands do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ...errors import StackFailed, UsageError
from ...modes.base import silent
from ...settings import Settings
from . import counts, pushing, rendering, waiting
from .engine import manager
from .model import Carried, StackFile
from .options import options_of, stack_name
from .sources import images_of, name_key, opened, source_of
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


def images(settings: Settings, asked: Asked) -> tuple[Carried, ...]:
    """Return the images of what would be deployed."""
    options = options_of(settings.swarm, asked.registry, asked.tag)
    return images_of(opened(settings, asked.environment), options, asked.profiles)


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
    pushing.require_there(settings, prepared.stack)
    stack = counts.kept(pushing.pinned(prepared.stack), settings.autoscale, found)
    look = waiting.looking(swarm, stack.name)
    known = waiting.before(look())
    if stack.data:
        swarm.keep_data(stack.name, settings.swarm.data_node)
    with rendering.written(stack) as path:
        swarm.deploy(
            stack.name, path, pushing.resolve_of(settings, stack), registry_auth=registry_auth
        )
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
