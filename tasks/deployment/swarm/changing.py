"""What changes one service of a deployed stack: how many tasks, which image, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...errors import UsageError, near
from ...modes.base import silent
from . import waiting
from .engine import Manager, manager
from .state import ServiceState

Tell = Callable[[str], None]


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
