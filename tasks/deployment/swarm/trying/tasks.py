"""The tasks of a run's stack: where they are dialled, since when they run, which are replaced."""

from __future__ import annotations

import datetime
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ....modes import containers, swarmstacks
from ....modes.base import Address
from ....modes.levels import ServiceLevel
from ....stack.model import Service
from ..engine import Manager

if TYPE_CHECKING:
    from python_on_whales import DockerClient

_LAST_LINES = 10
_LOG_SECONDS = 15.0
"""A node that is gone is waited for by `docker service logs`, without an end."""


def here(client: DockerClient, stack: str) -> list[containers.ContainerInfo]:
    """Return the containers of the stack on this engine, each with the service's short name."""
    return [
        replace(it, service=it.labels.get(swarmstacks.SERVICE_NAME, "").removeprefix(f"{stack}_"))
        for it in containers.labelled(client, f"{swarmstacks.NAMESPACE}={stack}")
    ]


def _by_service(manager: Manager, stack: str) -> dict[str, list[dict[str, Any]]]:
    services = manager.services(stack)
    names = {it["ID"]: it["Spec"]["Name"].removeprefix(f"{stack}_") for it in services}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
    for task in manager.tasks(services):
        found[names[task["ServiceID"]]].append(task)
    return found


def _runs(task: Mapping[str, Any]) -> bool:
    return (task["DesiredState"], task["Status"]["State"]) == ("running", "running")


def count(manager: Manager, stack: str) -> Mapping[str, int]:
    """Return service -> how many of its tasks run."""
    return {name: sum(map(_runs, it)) for name, it in _by_service(manager, stack).items()}


def running_since(manager: Manager, stack: str) -> Mapping[str, float]:
    """Return service -> when the last of its tasks began to run or, of a job, ended."""
    ended = ("running", "complete")
    return {
        name: max(_epoch(it["Status"]["Timestamp"]) for it in tasks)
        for name, every in _by_service(manager, stack).items()
        if (tasks := [it for it in every if it["Status"]["State"] in ended])
    }


def addresses(manager: Manager, stack: str, wanted: Mapping[str, int]) -> Mapping[str, Address]:
    """Return service -> where its container port is published, for those that have one."""
    if not wanted:
        return {}
    hosts = manager.node_addresses()
    found: dict[str, Address] = {}
    for service in manager.services(stack):
        name = service["Spec"]["Name"].removeprefix(f"{stack}_")
        ports = (service.get("Endpoint") or {}).get("Ports") or ()
        meshed = [it for it in ports if it.get("PublishMode") == "ingress"]
        published = _published(meshed, wanted.get(name))
        if published is not None:  # every node listens, this one too
            found[name] = Address(hosts[manager.node], published)
    for name, tasks in _by_service(manager, stack).items():
        for task in filter(_runs, tasks):
            status = task["Status"].get("PortStatus") or {}
            published = _published(status.get("Ports"), wanted.get(name))
            if published is not None:
                found.setdefault(name, Address(hosts[task["NodeID"]], published))
    return found


def _published(ports: list[dict[str, Any]] | None, target: int | None) -> int | None:
    return next(
        (
            int(it["PublishedPort"])
            for it in ports or ()
            if it.get("TargetPort") == target and it.get("PublishedPort")
        ),
        None,
    )


def ids(manager: Manager, stack: str) -> Mapping[str, frozenset[str]]:
    """Return service -> the ids of its tasks."""
    return {
        name: frozenset(it["ID"] for it in tasks)
        for name, tasks in _by_service(manager, stack).items()
    }


def new(before: Mapping[str, frozenset[str]], now: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return service -> how many tasks it has now that it had not before, where there are any."""
    found = {name: len(tasks - before.get(name, frozenset())) for name, tasks in now.items()}
    return {name: number for name, number in found.items() if number}


def with_replaced(
    levels: tuple[ServiceLevel, ...], found: Mapping[str, int]
) -> tuple[ServiceLevel, ...]:
    """Return the levels with the tasks replaced, and one for each service that has only those."""
    asked = {it.service for it in levels}
    return (
        *(replace(it, replaced=found.get(it.service, 0)) for it in levels),
        *(ServiceLevel(name, 0, 0, replaced=it) for name, it in found.items() if name not in asked),
    )


def log(manager: Manager, stack: str, service: str) -> str:
    """Return what a service's tasks wrote, on the nodes that answer."""
    argv = [*manager.client.client_config.docker_cmd, "service", "logs", "--no-task-ids"]
    try:
        done = subprocess.run(
            [str(word) for word in (*argv, f"{stack}_{service}")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LOG_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        written = error.stdout or b""
        text = written.decode(errors="replace") if isinstance(written, bytes) else written
        return f"{text}(cut: a node did not answer within {_LOG_SECONDS:g} s)"
    return done.stdout + done.stderr


def not_answering(service: Service, seconds: float, log: str) -> str:
    """Return what is wrong with a service that runs and answers nobody, with its log's end."""
    assert service.health is not None  # noqa: S101 - it was asked
    asked = f"{service.health.kind} on {service.health.port}"
    last = "\n".join(f"  {line}" for line in log.splitlines()[-_LAST_LINES:])
    head = f"{service.name}: runs, and does not answer ({asked}) after {seconds:g} s."
    return f"{head} Last lines:\n{last}" if last else f"{head} Its log is empty."


def _epoch(moment: str) -> float:
    # Nanoseconds: Python takes six digits at most.
    text = re.sub(r"(\.\d{6})\d+", r"\1", moment).replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()
