"""Waiting until a stack runs as it is declared, or until it is known that it does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from ...errors import EnvironmentFailed, StackFailed
from ...modes.base import silent
from .engine import Manager
from .state import GONE_BACK, ServiceState, Update, states

_POLL_SECONDS = 0.5
_STABLE_SECONDS = 3.0
"""How long all have to run: a service without a health check runs before it ends."""
_REJECTED = 3
"""After so many tasks that no node would start, a further one is not waited for."""

Look = Callable[[], tuple[ServiceState, ...]]


@dataclass(frozen=True)
class Before:
    """What was known of the services before a change: older failures are not the change's."""

    failures: Mapping[str, Collection[str]] = field(default_factory=dict)
    updates: Mapping[str, Update] = field(default_factory=dict)


def before(found: Collection[ServiceState]) -> Before:
    """Return what is known now."""
    return Before(
        {item.name: item.failures for item in found}, {item.name: item.update for item in found}
    )


def looking(manager: Manager, stack: str) -> Look:
    """Return what asks the manager for the services' states."""
    nodes = manager.nodes()

    def look() -> tuple[ServiceState, ...]:
        for last in (False, True):
            try:
                services = manager.services(stack)
                return states(stack, services, manager.tasks(services), nodes)
            except EnvironmentFailed as error:
                # A task that was listed may be forgotten before it is asked for.
                if last or "no such" not in str(error).lower():
                    raise
        return ()

    return look


def converge(
    look: Look,
    known: Before,
    seconds: float,
    *,
    only: Collection[str] = (),
    back: bool = False,
    tell: Callable[[str], None] = silent,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[ServiceState, ...]:
    """Return the services when all run as declared, and go on to.

    With `back`, going back is what was asked for. Raises StackFailed, a line for each service
    that does not run: with the last error of its tasks.
    """
    deadline = clock() + seconds
    since: float | None = None
    # Swarm forgets older tasks while it goes back.
    whys: dict[str, str] = {}
    while True:
        found = [item for item in look() if not only or item.name in only]
        for item in found:
            for failure, why in item.failures.items():
                if failure not in known.failures.get(item.name, ()):
                    whys[item.name] = why
        failed = [line for item in found for line in _ended(item, known, whys, back)]
        if failed:
            raise StackFailed("\n".join(failed))
        settled = [item for item in found if item.settled]
        now = clock()
        if found and len(settled) == len(found):
            since = now if since is None else since
            sure = all(item.checked or item.job for item in found)
            if sure or now - since >= _STABLE_SECONDS:
                return tuple(found)
        else:
            since = None
        tell(f"{len(settled)} of {len(found)} services run")
        late = [line_of(item) for item in found if not item.settled]
        if now >= deadline and (late or not found):
            raise StackFailed("\n".join(late) or "The stack was removed meanwhile.")
        pause(_POLL_SECONDS)


def line_of(item: ServiceState) -> str:
    """Return what is wrong with a service that is not settled, and the mend where one is known."""
    state = f", {', '.join(item.pending)}" if item.pending else ""
    head = f"{item.name}: {item.running} of {item.wanted} run{state}"
    if not item.error:
        return f"{head}. `docker service ps --no-trunc` and `docker service logs` say more."
    return f"{head}: {item.error}.{_mend(item.error)}"


def _ended(item: ServiceState, known: Before, whys: Mapping[str, str], back: bool) -> list[str]:
    """Return the line of a service that waiting does not help."""
    update = item.update
    if update.state in GONE_BACK | {"paused"} and update != known.updates.get(item.name):
        # What it comes to is waited for.
        if update.state == "rollback_started" or (back and update.state == "rollback_completed"):
            return []
        error = whys.get(item.name, "")
        why = f"{f': {error}' if error else ''}.{_mend(error)}"
        if update.state == "rollback_completed":
            return [f"{item.name}: the update failed and was rolled back ({update.message}){why}"]
        return [f"{item.name}: the update is stopped ({update.message}){why}"]
    if update.state in {"updating", "rollback_started"}:  # it has a failure action of its own
        return []
    new = item.rejected - set(known.failures.get(item.name, ()))
    # Right after a change its tasks are not made yet, and those that failed are older.
    given_up = item.given_up and item.name in whys
    return [line_of(item)] if len(new) >= _REJECTED or given_up else []


def _mend(error: str) -> str:
    text = error.lower()
    if "no such image" in text:
        return " Name nodes in [tool.tranship.swarm.nodes], or a registry, then: inv swarm.push."
    if "host-mode port already in use" in text:
        return " Free the port on a node, or have fewer replicas."
    if "scheduling constraints" in text:
        return " Label a node so, or change deploy.placement."
    if "insufficient resources" in text:
        return " Lower the reservations, or add a node."
    if "bind source path does not exist" in text:
        return " Make it on every node, or put it in the image."
    return ""
