"""What a stack on a Swarm is at: its services, their tasks, and the last error of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_GRACE = 10_000_000_000
"""The default of StopGracePeriod, in nanoseconds."""
_FAILED = {"failed", "rejected", "orphaned"}
_GOING_ON = {"updating", "rollback_started"}
GONE_BACK = {"rollback_started", "rollback_completed", "rollback_paused"}


@dataclass(frozen=True)
class Update:
    """The last update of a service, as the engine tells it."""

    state: str = ""
    started: str = ""
    message: str = ""


@dataclass(frozen=True)
class ServiceState:
    """One service of a stack."""

    id: str
    name: str
    """Without the stack's."""
    image: str
    wanted: int
    running: int
    """Tasks that run as the service is declared now; of a job, those that are done."""
    nodes: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    """What tasks that do not run yet are at, such as `starting`."""
    error: str = ""
    """The last error of a task that is not replaced by one that runs."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """The tasks that failed -> why, the newest last."""
    rejected: frozenset[str] = frozenset()
    """Those of them that a node did not even start."""
    given_up: bool = False
    """Whether tasks are missing and none is on its way."""
    update: Update = Update()
    job: bool = False
    checked: bool = False
    """Whether a health check says when a task runs."""
    data: bool = False
    """Whether it writes a named volume."""

    @property
    def settled(self) -> bool:
        """Whether all wanted tasks run, and no update is going on."""
        return self.running >= self.wanted and self.update.state not in _GOING_ON


def states(
    stack: str,
    services: list[dict[str, Any]],
    tasks: list[dict[str, Any]],
    nodes: Mapping[str, str],
) -> tuple[ServiceState, ...]:
    """Return the services in the order of their names."""
    found = []
    for service in services:
        own = [task for task in tasks if task["ServiceID"] == service["ID"]]
        found.append(_state(stack, service, own, nodes))
    return tuple(sorted(found, key=lambda item: item.name))


def _state(
    stack: str, service: dict[str, Any], tasks: list[dict[str, Any]], nodes: Mapping[str, str]
) -> ServiceState:
    spec = service["Spec"]
    mode = spec.get("Mode") or {}
    job = "ReplicatedJob" in mode or "GlobalJob" in mode
    current = [task for task in tasks if _is_current(task, service, job)]
    good = [
        task
        for task in current
        if task["Status"]["State"] == ("complete" if job else "running")
        and (job or task["DesiredState"] == "running")
    ]
    waiting = [task for task in tasks if task not in good and task["DesiredState"] in _WANTED]
    coming = [task for task in waiting if task["Status"]["State"] not in {"complete", *_FAILED}]
    failed = sorted(
        (task for task in tasks if task["Status"]["State"] in _FAILED),
        key=lambda it: it["CreatedAt"],
    )
    wanted = _wanted(mode, current)
    blocked = [it["Status"].get("Err", "") for it in coming if it["Status"].get("Err")]
    error = blocked[-1] if blocked else _error(failed[-1], nodes) if failed else ""
    update = service.get("UpdateStatus") or {}
    return ServiceState(
        id=service["ID"],
        name=spec["Name"].removeprefix(f"{stack}_"),
        image=spec["TaskTemplate"]["ContainerSpec"]["Image"].partition("@")[0],
        wanted=wanted,
        running=len(good),
        nodes=tuple(sorted({nodes.get(it.get("NodeID", ""), "?") for it in good})),
        pending=tuple(sorted({it["Status"]["State"] for it in coming})),
        error="" if len(good) >= wanted else error,
        failures={it["ID"]: _error(it, nodes) for it in failed},
        rejected=frozenset(it["ID"] for it in failed if it["Status"]["State"] == "rejected"),
        given_up=len(good) < wanted and bool(failed) and not coming,
        update=Update(
            update.get("State", ""), update.get("StartedAt", ""), update.get("Message", "")
        ),
        job=job,
        checked=_is_checked(spec["TaskTemplate"]["ContainerSpec"]),
        data=any(
            mount.get("Type") == "volume" and mount.get("Source") and not mount.get("ReadOnly")
            for mount in spec["TaskTemplate"]["ContainerSpec"].get("Mounts") or ()
        ),
    )


def _is_checked(container: Mapping[str, Any]) -> bool:
    test = (container.get("Healthcheck") or {}).get("Test") or ["NONE"]
    return bool(test[0] != "NONE")


_WANTED = {"running", "ready", "accepted", "complete"}
"""The states that a task is meant to come to, unless it is to end."""


def _is_current(task: dict[str, Any], service: dict[str, Any], job: bool) -> bool:
    if job:
        iteration = (service.get("JobStatus") or {}).get("JobIteration") or {}
        return (task.get("JobIteration") or {}).get("Index") == iteration.get("Index")
    # The engine tells no version of a task: what it was made from is compared itself.
    template = service["Spec"]["TaskTemplate"]
    return all(
        _compared(task["Spec"].get(key)) == _compared(template.get(key))
        for key in ("ContainerSpec", "Resources", "ForceUpdate")
    )


def _compared(value: Any) -> Any:
    """Return a part of a declaration without what stands for its absence.

    `docker inspect` fills in a service's defaults, and not a task's (swarmkit, api/defaults).
    """
    found = _pruned(value)
    if isinstance(found, dict) and found.get("StopGracePeriod") == _GRACE:
        del found["StopGracePeriod"]
    return found


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None} or None
    if isinstance(value, list):
        return [_pruned(item) for item in value] or None
    return value or None


def _wanted(mode: Mapping[str, Any], current: list[dict[str, Any]]) -> int:
    if "Replicated" in mode:
        # 0 stands there, and is not left out.
        return int(mode["Replicated"].get("Replicas", 1))
    if "ReplicatedJob" in mode:
        return int(mode["ReplicatedJob"].get("TotalCompletions", 1))
    wanted = {"running", "ready", "complete"}
    return max(1, sum(task["DesiredState"] in wanted for task in current))


def _error(task: dict[str, Any], nodes: Mapping[str, str]) -> str:
    status = task["Status"]
    text = status.get("Err") or status.get("Message") or status["State"]
    node = nodes.get(task.get("NodeID", ""), "")
    return f"{text} (node {node})" if node else str(text)
