"""The services as the engine tells them, and the change of one's replica count by its API."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...errors import EnvironmentFailed
from ..swarm.engine import Manager
from ..swarm.state import ServiceState, states
from .deciding import State
from .engineapi import Ask

_OUT_OF_SEQUENCE = "update out of sequence"
"""How a Swarm refuses a change of a version that is not the newest."""


class Changed(Exception):
    """Somebody else changed the service since it was read."""


@dataclass(frozen=True)
class Seen:
    """A service at one time."""

    service: ServiceState
    version: int
    """The engine's count of its changes, by which a change names what it is a change of."""
    changed: float
    replicated: bool

    @property
    def state(self) -> State:
        """What the decision needs to know."""
        return State(self.service.wanted, self.changed, blocked(self.service))


def blocked(service: ServiceState) -> str:
    """Return why a service must not be touched now; empty when it may."""
    going_on = service.update.state
    if going_on == "updating":
        return "it is being updated"
    if going_on == "rollback_started":
        return "it is being rolled back"
    if going_on in {"paused", "rollback_paused"}:
        return "its update is stopped half way"
    if service.running < service.wanted:
        return f"{service.running} of {service.wanted} tasks run"
    return ""


def seen(manager: Manager, stack: str) -> dict[str, Seen]:
    """Return the services of the stack; raises NotOurs when Tranship did not deploy it."""
    services = manager.require_up(stack)
    raw = {item["ID"]: item for item in services}
    # What a node is called is of no matter here.
    found = states(stack, services, manager.tasks(services), {})
    return {
        item.name: Seen(
            item,
            int(raw[item.id]["Version"]["Index"]),
            moment(raw[item.id].get("UpdatedAt", "")),
            "Replicated" in (raw[item.id]["Spec"].get("Mode") or {}),
        )
        for item in found
    }


def moment(text: str) -> float:
    """Return a time of the engine's in seconds since the epoch; 0 for none."""
    # Python takes six digits of a second, and Go writes nine, or fewer.
    try:
        return datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*", r".\1", text)).timestamp()
    except ValueError:
        return 0.0


def change(ask: Ask, found: Seen, replicas: int) -> None:
    """Have the service so many tasks, if it is still what was seen.

    Nothing but Spec.Mode.Replicated.Replicas is another. Raises Changed, EnvironmentFailed.
    """
    path = f"/services/{found.service.id}"
    now = _answered(ask("GET", path, b""))
    if now["Version"]["Index"] != found.version:
        raise Changed
    _answered(
        ask(
            "POST",
            f"{path}/update?version={found.version}",
            json.dumps(respecified(now["Spec"], replicas)).encode(),
        )
    )


def respecified(spec: Mapping[str, Any], replicas: int) -> dict[str, Any]:
    """Return the declaration with another replica count."""
    found = copy.deepcopy(dict(spec))
    found["Mode"]["Replicated"]["Replicas"] = replicas
    return found


def _answered(answer: tuple[int, bytes]) -> dict[str, Any]:
    status, body = answer
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if status == 200 and isinstance(found, dict):
        return found
    said = found.get("message", "") if isinstance(found, dict) else ""
    if _OUT_OF_SEQUENCE in said:
        raise Changed
    raise EnvironmentFailed(f"The engine did not change the service: {said or f'HTTP {status}'}.")
