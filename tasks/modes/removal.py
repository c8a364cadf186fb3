"""Removing what runs made on the engine, by the labels that only their own things have."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import EnvironmentFailed
from ..stack.isolation import LABEL_CHECKOUT, LABEL_RUN
from . import containers
from .swarmstacks import NAMESPACE, remove_wholly

if TYPE_CHECKING:
    from python_on_whales import DockerClient

_REMOVAL_SECONDS = 60.0
_LET_GO_SECONDS = 5.0
_POLL_SECONDS = 0.1


def stop_at_once(client: DockerClient, project: str) -> None:
    """Stop all containers of a project side by side, each with its own time to end.

    `compose down` stops one level of dependencies after the other. That is for data that
    stays; a run's goes with it.
    """
    from python_on_whales.exceptions import DockerException

    filters: list[Any] = [("label", f"{containers.PROJECT_LABEL}={project}")]
    with contextlib.suppress(DockerException):  # `compose down` says what is wrong
        running = client.container.list(filters=filters)
        if running:
            client.container.stop(running)


def remove_project(client: DockerClient, project: str) -> int:
    """Remove a run's containers, networks and volumes by label; return how many things."""
    return _remove(client, f"{containers.PROJECT_LABEL}={project}")


def remove_runs(client: DockerClient, checkout: str, live: Callable[[], Iterable[str]]) -> int:
    """Remove what runs of this checkout left that are not alive; return how many things."""
    label = f"{LABEL_CHECKOUT}={checkout}"
    filters: list[Any] = [("label", label)]
    networks = [_labels(item) for item in client.network.list(filters=filters)]
    others = (
        *client.container.list(all=True, filters=filters),
        *client.volume.list(filters=filters),
    )
    runs = {labels.get(LABEL_RUN, "") for labels in (*networks, *map(_labels, others))}
    # Asked after the listing: a run that began meanwhile has nothing in it.
    dead = sorted(filter(None, runs - set(live())))
    removed = 0
    for run in dead:
        stacks = {it[NAMESPACE] for it in networks if it.get(LABEL_RUN) == run and NAMESPACE in it}
        for stack in sorted(stacks):
            _remove_stack(client, stack, run)
            removed += 1
        removed += remove_run(client, run)
    return removed


def _remove_stack(client: DockerClient, stack: str, run: str) -> None:
    """Remove the stack of a run that died, and before it the containers in its networks.

    The containers of tasks are the Swarm's: it would start again what is removed.
    """
    from python_on_whales.exceptions import DockerException

    for item in containers.labelled(client, f"{LABEL_RUN}={run}"):
        if NAMESPACE not in item.labels:
            with contextlib.suppress(DockerException):
                client.container.remove(item.id, force=True, volumes=True)
    with contextlib.suppress(EnvironmentFailed):  # the next command tries again
        remove_wholly(client, stack, _REMOVAL_SECONDS)


def remove_run(client: DockerClient, run: str) -> int:
    """Remove what has the label of a run; return how many things."""
    return _remove(client, f"{LABEL_RUN}={run}")


def _labels(item: Any) -> Mapping[str, str]:
    from python_on_whales.exceptions import DockerException

    try:
        holder = item.config if hasattr(type(item), "config") else item
        return holder.labels or {}
    except DockerException:
        return {}


def _remove(client: DockerClient, label: str) -> int:
    from python_on_whales.exceptions import DockerException

    removed = 0
    filters: list[Any] = [("label", label)]
    for item in client.container.list(all=True, filters=filters):
        with contextlib.suppress(DockerException):
            client.container.remove(item, force=True, volumes=True)
            removed += 1
    for network in client.network.list(filters=filters):
        with contextlib.suppress(DockerException):
            network.remove()
            removed += 1
    return removed + _remove_volumes(client, filters)


def _remove_volumes(client: DockerClient, filters: list[Any]) -> int:
    """Remove volumes; the engine lists a container no more before it lets go of its volumes."""
    from python_on_whales.exceptions import DockerException

    removed = 0
    deadline = time.monotonic() + _LET_GO_SECONDS
    while True:
        in_use = False
        for volume in client.volume.list(filters=filters):
            try:
                volume.remove()
                removed += 1
            except DockerException as error:
                in_use = in_use or "in use" in str(error)
        if not in_use or time.monotonic() > deadline:
            return removed
        time.sleep(_POLL_SECONDS)
