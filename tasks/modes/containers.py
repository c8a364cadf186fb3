"""Containers of one compose project: what they are now, what happens to them, removal."""

from __future__ import annotations

import contextlib
import datetime
import json
import queue
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from . import cgroups
from .background import Background
from .base import Address

if TYPE_CHECKING:
    from python_on_whales import DockerClient

T = TypeVar("T")

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONEOFF_LABEL = "com.docker.compose.oneoff"
DIRECTORY_LABEL = "com.docker.compose.project.working_dir"


@dataclass(frozen=True)
class ContainerInfo:
    """One container as `docker inspect` shows it. Times are seconds since the epoch."""

    id: str
    name: str
    service: str
    status: str
    exit_code: int
    pid: int
    started_at: float | None
    finished_at: float | None
    restarts: int
    health: str | None
    health_output: str
    healthy_at: float | None
    published: Mapping[int, Address] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    anonymous_volumes: tuple[str, ...] = ()
    """Volumes that the image asked for and nobody named."""
    oom_killed: bool = False

    @property
    def running(self) -> bool:
        """Return whether its first process is there."""
        return self.status in {"running", "paused"}

    def cgroup(self) -> cgroups.Cgroup | None:
        """Return its control group, if the engine's processes are this host's."""
        found = cgroups.of_process(self.pid) if self.pid else None
        # On a remote engine, process 4711 of this host is somebody else's.
        return found if found is not None and self.id[:12] in str(found.memory) else None


def of_project(
    client: DockerClient, project: str, *, oneoffs: bool = False
) -> tuple[ContainerInfo, ...]:
    """Return the project's containers, running or not, without those of `compose run`."""
    return labelled(
        client,
        f"{PROJECT_LABEL}={project}",
        *(() if oneoffs else (f"{ONEOFF_LABEL}=False",)),
    )


def labelled(client: DockerClient, *labels: str) -> tuple[ContainerInfo, ...]:
    """Return the containers that have all these labels, running or not."""
    filters: list[Any] = [("label", label) for label in labels]
    return tuple(_each(client.container.list(all=True, filters=filters)))


def _each(containers: Sequence[Any]) -> Iterable[ContainerInfo]:
    from python_on_whales.exceptions import DockerException
    from python_on_whales.utils import run

    if not containers:
        return
    try:
        # One command for all: each costs 25 ms, and a trial looks at its containers ten times.
        # python-on-whales's own bulk_reload hashes what has no hash (0.81).
        ids = [container.id for container in containers]
        found = json.loads(str(run([*containers[0].docker_cmd, "container", "inspect", *ids])))
        for container, raw in zip(containers, found, strict=True):
            container._set_inspect_result(container._parse_json_object(raw))
    except (DockerException, ValueError):
        yield from _one_by_one(containers)
    else:
        yield from map(_info, containers)


def _one_by_one(containers: Iterable[Any]) -> Iterable[ContainerInfo]:
    from python_on_whales.exceptions import DockerException

    for container in containers:
        with contextlib.suppress(DockerException):  # removed since the listing
            container.reload()
            yield _info(container)


def inspect(client: DockerClient, container: str) -> ContainerInfo:
    """Return one container; raises DockerException when it is gone."""
    return _info(client.container.inspect(container))


def _info(container: Any) -> ContainerInfo:
    # What was read when it was asked for: each attribute may run `docker inspect` again.
    raw = container._inspect_result
    state, labels = raw.state, raw.config.labels or {}
    health = state.health
    log = (health.log if health else None) or []
    successes = [entry for entry in log if entry.exit_code == 0]
    network = raw.network_settings
    return ContainerInfo(
        id=raw.id,
        name=(raw.name or "").lstrip("/"),
        service=labels.get(SERVICE_LABEL, ""),
        status=state.status or "",
        exit_code=state.exit_code or 0,
        pid=state.pid or 0,
        started_at=_epoch(state.started_at),
        finished_at=_epoch(state.finished_at),
        restarts=raw.restart_count or 0,
        health=health.status if health else None,
        health_output=(log[-1].output or "").strip() if log else "",
        healthy_at=_epoch(successes[0].end) if successes else None,
        published=_published(network.ports or {}),
        addresses=tuple(
            item.ip_address for item in (network.networks or {}).values() if item.ip_address
        ),
        labels=labels,
        image=raw.config.image or "",
        environment=dict(entry.split("=", 1) for entry in raw.config.env or () if "=" in entry),
        oom_killed=bool(state.oom_killed),
        anonymous_volumes=tuple(
            mount.name
            for mount in raw.mounts or ()
            if mount.type == "volume" and _ANONYMOUS.fullmatch(mount.name or "")
        ),
    )


def _epoch(moment: Any) -> float | None:
    # The engine writes year 1 for "never".
    return moment.timestamp() if moment is not None and moment.year > 1 else None


def _published(ports: Mapping[str, Any]) -> dict[int, Address]:
    found: dict[int, Address] = {}
    for key, bindings in ports.items():
        number, _, protocol = key.partition("/")
        for binding in bindings or ():
            if protocol == "tcp" and ":" not in binding["HostIp"]:
                host = "127.0.0.1" if binding["HostIp"] in ("", "0.0.0.0") else binding["HostIp"]  # noqa: S104
                found[int(number)] = Address(host, int(binding["HostPort"]))
    return found


@dataclass(frozen=True)
class Death:
    """The end of a container's process."""

    container: str
    service: str
    exit_code: int


class Events:
    """Hears at once when a container of the project starts or dies, while the block runs."""

    def __init__(self, client: DockerClient, project: str) -> None:
        self._client = client
        self._project = project
        self._deaths: queue.Queue[Death] = queue.Queue()
        self._started: queue.Queue[str] = queue.Queue()
        self._command = Background(project, "events", self._listen)

    def __enter__(self) -> Events:
        try:
            self._command.start()
        except BaseException:
            self._command.end()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._command.end()

    def deaths(self) -> list[Death]:
        """Return the deaths since the last call."""
        return list(_drained(self._deaths))

    def started(self) -> list[str]:
        """Return the services whose containers started since the last call."""
        return list(_drained(self._started))

    def _listen(self) -> None:
        from python_on_whales.exceptions import DockerException

        # The exception is the end of the `docker events` that __exit__ asked for.
        with contextlib.suppress(DockerException):
            for event in self._client.system.events(
                filters={"label": f"{PROJECT_LABEL}={self._project}", "type": "container"}
            ):
                actor = event.actor
                attributes = (actor.attributes if actor else None) or {}
                service = str(attributes.get(SERVICE_LABEL, ""))
                if attributes.get(ONEOFF_LABEL) == "True":
                    continue
                if event.action == "start":
                    self._started.put(service)
                elif event.action == "die":
                    code = int(attributes.get("exitCode", 0))
                    self._deaths.put(Death((actor.id if actor else None) or "", service, code))


def _drained(source: queue.Queue[T]) -> Iterator[T]:
    with contextlib.suppress(queue.Empty):
        while True:
            yield source.get_nowait()


def oom_kills(client: DockerClient, project: str, since: float) -> dict[str, int]:
    """Return service -> how often the engine saw it killed for memory since then (epoch seconds).

    A container's own group goes with its first process and starts again at zero, and
    `State.OOMKilled` is false once it runs again: only the events remember.
    """
    from python_on_whales.exceptions import DockerException

    found: dict[str, int] = {}
    with contextlib.suppress(DockerException):
        for event in client.system.events(
            since=datetime.datetime.fromtimestamp(since, datetime.UTC),
            until=datetime.datetime.now(datetime.UTC),
            filters={"label": f"{PROJECT_LABEL}={project}", "event": "oom"},
        ):
            attributes = (event.actor.attributes if event.actor else None) or {}
            service = str(attributes.get(SERVICE_LABEL, ""))
            found[service] = found.get(service, 0) + 1
    return found


def runtime_pids(containers: Iterable[ContainerInfo]) -> tuple[int, ...]:
    """Return the shims and userland proxies of these containers on this host."""
    import psutil

    ids = {container.id for container in containers}
    addresses = {address for container in containers for address in container.addresses}
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if not words:
            continue
        name = process.info["name"] or ""
        if (name.startswith("containerd-shim") and ids & set(words)) or (
            name.startswith("docker-proxy") and addresses & set(words)
        ):
            found.append(process.pid)
    return tuple(found)
