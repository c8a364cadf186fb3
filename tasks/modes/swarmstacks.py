"""Stacks of a Swarm that a run made: what of one is still there, and its removal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import EnvironmentFailed
from ..stack.engine import engine_errors
from .base import silent

if TYPE_CHECKING:
    from python_on_whales import DockerClient

NAMESPACE = "com.docker.stack.namespace"
"""The label of everything that `docker stack deploy` makes."""
SERVICE_NAME = "com.docker.swarm.service.name"
"""The label of a task's container: STACK_SERVICE."""
_POLL_SECONDS = 0.3


def docker(client: DockerClient, doing: str, *words: str) -> str:
    """Return what a docker command prints; raises EnvironmentFailed with its error."""
    from python_on_whales.utils import run

    with engine_errors(doing):
        return str(run([*client.client_config.docker_cmd, *words]))


def remove(client: DockerClient, stack: str) -> None:
    """Remove the stack's services, networks, configs and secrets; volumes stay."""
    docker(client, "docker stack rm", "stack", "rm", stack)


def left(client: DockerClient, stack: str) -> list[str]:
    """Return what of the stack is still there, volumes aside."""
    wanted = f"label={NAMESPACE}={stack}"
    found = []
    for kind in ("service", "network", "secret", "config"):
        ids = docker(client, f"docker {kind} ls", kind, "ls", "-q", "-f", wanted).split()
        found += [f"{kind} {it}" for it in ids]
    containers = docker(client, "docker ps", "ps", "-aq", "-f", wanted).split()
    return [*found, *(f"container {it}" for it in containers)]


def remove_wholly(
    client: DockerClient, stack: str, seconds: float, tell: Callable[[str], None] = silent
) -> None:
    """Remove a run's stack and wait until it is gone; what is there late is asked for again.

    Raises EnvironmentFailed with what is still there.
    """
    deadline = time.monotonic() + seconds
    told, why = 0, ""
    while found := left(client, stack):
        # The first call leaves a network that a container was still in.
        if any(not item.startswith("container") for item in found):
            try:
                remove(client, stack)
            except EnvironmentFailed as error:  # what it names is often on its way out
                why = f" {error}"
        if len(found) != told:
            tell(f"{len(found)} left of {stack}")
            told = len(found)
        if time.monotonic() > deadline:
            raise EnvironmentFailed(f"Still there after {seconds:g} s: {', '.join(found)}.{why}")
        time.sleep(_POLL_SECONDS)
