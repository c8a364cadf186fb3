"""The stack: the services of one project, as frozen values.

`parse` reads the document that `docker compose config` prints (or that files.py makes from
the files alone); everything later works on these values and never on the raw document.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import ComposeFileError, UnknownServiceError, near
from .durations import duration as duration
from .metrics import Metrics, metrics_of

HealthKind = Literal["http", "tcp", "postgres", "redis"]
Server = Literal["postgres", "redis"]

_FIELDS = ("local", "health", "metrics", "oneshot", "data")
_LOCAL_FIELDS = ("command", "directory", "environment", "server")
_HEALTH_KINDS: tuple[HealthKind, ...] = ("http", "tcp", "postgres", "redis")


@dataclass(frozen=True)
class Port:
    """A container port and where Compose publishes it."""

    target: int
    published: int | None = None
    host_ip: str | None = None
    protocol: str = "tcp"


@dataclass(frozen=True)
class Health:
    """How a service is asked from the host whether it is well (x-tranship.health)."""

    kind: HealthKind
    port: int
    path: str = "/"


@dataclass(frozen=True)
class LocalRecipe:
    """How a service runs as a process (x-tranship.local)."""

    command: tuple[str, ...] = ()
    server: Server | None = None
    directory: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VolumeFolder:
    """A volume and the folder that local processes use instead (x-tranship.data)."""

    volume: str
    local: Path


@dataclass(frozen=True)
class Dependency:
    """One entry of `depends_on`."""

    service: str
    condition: str = "service_started"
    required: bool = True


@dataclass(frozen=True)
class Service:
    """One entry of the stack."""

    name: str
    image: str | None = None
    buildable: bool = False
    command: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    expose: tuple[int, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    depends_on: tuple[Dependency, ...] = ()
    profiles: tuple[str, ...] = ()
    restart: str = "no"
    has_healthcheck: bool = False
    stop_grace_seconds: float = 10.0
    health: Health | None = None
    metrics: Metrics | None = None
    local: LocalRecipe | None = None
    oneshot: bool = False
    data: tuple[VolumeFolder, ...] = ()

    @property
    def container_port(self) -> int | None:
        """The port that other services dial: the first one of `ports`, else of `expose`."""
        for port in self.ports:
            if port.protocol == "tcp":
                return port.target
        return self.expose[0] if self.expose else (self.health.port if self.health else None)


@dataclass(frozen=True)
class Stack:
    """The services of one project, as its compose files declare them."""

    name: str
    services: Mapping[str, Service]
    files: tuple[Path, ...] = ()
    confirmed: bool = False
    """Whether `docker compose config` made the document, rather than files.py alone."""

    def service(self, name: str) -> Service:
        """Return the service; raises UnknownServiceError with the nearest name."""
        try:
            return self.services[name]
        except KeyError:
            raise UnknownServiceError(name, self.services) from None

    def selected(
        self, names: Iterable[str] = (), profiles: Iterable[str] = ()
    ) -> tuple[Service, ...]:
        """Return the services that `docker compose up NAMES` would start, in levels' order.

        Without names: those with no profile or an active one. Dependencies come along.
        """
        active = set(profiles)
        wanted = [self.service(name).name for name in names] or [
            service.name
            for service in self.services.values()
            if not service.profiles or active & set(service.profiles) or "*" in active
        ]
        seen: dict[str, None] = {}
        pending = list(wanted)
        while pending:
            name = pending.pop()
            if name not in seen:
                seen[name] = None
                pending += [
                    dependency.service
                    for dependency in self.services[name].depends_on
                    if dependency.service in self.services
                ]
        return tuple(service for level in self.levels(seen) for service in level)

    def levels(self, names: Iterable[str]) -> tuple[tuple[Service, ...], ...]:
        """Return the services in levels: each depends only on earlier ones.

        Raises ComposeFileError for a cycle.
        """
        remaining = {name: self.service(name) for name in names}
        levels: list[tuple[Service, ...]] = []
        while remaining:
            ready = tuple(
                service
                for service in remaining.values()
                if not any(dependency.service in remaining for dependency in service.depends_on)
            )
            if not ready:
                raise ComposeFileError(
                    f"{self._where()}: depends_on goes in a circle: {', '.join(sorted(remaining))}."
                )
            levels.append(ready)
            for service in ready:
                del remaining[service.name]
        return tuple(levels)

    def expected_to_exit(self, name: str) -> bool:
        """Return whether exit code 0 of this service is part of the plan.

        True for x-tranship.oneshot, and where another service waits for it by
        `service_completed_successfully`.
        """
        return self.service(name).oneshot or any(
            dependency.service == name and dependency.condition == "service_completed_successfully"
            for service in self.services.values()
            for dependency in service.depends_on
        )

    def _where(self) -> str:
        return ", ".join(str(path) for path in self.files) or "compose file"


def parse(document: Mapping[str, Any], files: Iterable[Path], *, confirmed: bool) -> Stack:
    """Return the stack that the document declares.

    Raises ComposeFileError, naming file and key, for a malformed x-tranship field.
    """
    paths = tuple(files)
    where = ", ".join(str(path) for path in paths)
    services = document.get("services") or {}
    if not services:
        raise ComposeFileError(f"{where}: declares no services.")
    base = paths[0].parent if paths else Path.cwd()
    return Stack(
        name=str(document.get("name") or _project_name(base)),
        services={
            name: _service(name, body or {}, base, where) for name, body in sorted(services.items())
        },
        files=paths,
        confirmed=confirmed,
    )


def _project_name(folder: Path) -> str:
    # Compose specification, "Name": what is left of the folder's name in lower case.
    return re.sub(r"[^-_a-z0-9]", "", folder.resolve().name.lower()).lstrip("-_")


def _service(name: str, body: Mapping[str, Any], base: Path, where: str) -> Service:
    key = f"{where}: services.{name}.x-tranship"
    extension = _mapping(body.get("x-tranship"), key)
    _known(extension, _FIELDS, key)
    ports = tuple(
        Port(
            target=int(port["target"]),
            published=_published(port.get("published")),
            host_ip=port.get("host_ip"),
            protocol=port.get("protocol", "tcp"),
        )
        for port in body.get("ports") or ()
    )
    expose = tuple(
        int(number)
        for port in body.get("expose") or ()
        if (number := re.split("[/-]", str(port))[0]).isdigit()
    )
    first = next((port.target for port in ports if port.protocol == "tcp"), None)
    default_port = first or (expose[0] if expose else None)
    grace = duration(body.get("stop_grace_period"))
    return Service(
        name=name,
        image=body.get("image"),
        buildable="build" in body,
        command=_words(body.get("command"), f"{where}: services.{name}.command"),
        ports=ports,
        expose=expose,
        environment=dict(body.get("environment") or {}),
        depends_on=tuple(
            Dependency(
                target,
                (details or {}).get("condition", "service_started"),
                (details or {}).get("required", True),
            )
            for target, details in (body.get("depends_on") or {}).items()
        ),
        profiles=tuple(body.get("profiles") or ()),
        restart=str(body.get("restart") or "no"),
        has_healthcheck=_has_healthcheck(body.get("healthcheck")),
        stop_grace_seconds=10.0 if grace is None else grace,
        health=_health(extension.get("health"), default_port, f"{key}.health"),
        metrics=metrics_of(extension.get("metrics"), default_port, f"{key}.metrics"),
        local=_local(extension.get("local"), base, f"{key}.local"),
        oneshot=_switch(extension.get("oneshot", False), f"{key}.oneshot"),
        data=_data(extension.get("data"), tuple(named_volumes(body)), base, f"{key}.data"),
    )


def named_volumes(body: Mapping[str, Any]) -> dict[str, str]:
    """Return volume -> folder in the container, of those that have a name and can be written."""
    found = {}
    for mount in body.get("volumes") or ():
        if isinstance(mount, str):  # where Compose did not resolve the file
            source, _, rest = mount.partition(":")
            target, _, options = rest.partition(":")
            if target and not source.startswith((".", "/", "~")) and "ro" not in options.split(","):
                found[source] = target
        elif mount.get("type") == "volume" and mount.get("source") and not mount.get("read_only"):
            found[mount["source"]] = mount["target"]
    return found


def _data(
    value: object, volumes: tuple[str, ...], base: Path, key: str
) -> tuple[VolumeFolder, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ComposeFileError(f"{key}: must be a list of {{volume: NAME, local: FOLDER}}.")
    found = []
    for number, item in enumerate(value):
        body = _mapping(item, f"{key}[{number}]")
        _known(body, ("volume", "local"), f"{key}[{number}]")
        volume, local = body.get("volume"), body.get("local")
        if not (isinstance(volume, str) and volume and isinstance(local, str) and local):
            raise ComposeFileError(f"{key}[{number}]: name both `volume` and `local`.")
        if volume not in volumes:
            raise ComposeFileError(
                f"{key}[{number}]: the service mounts no volume {volume!r}{near(volume, volumes)}. "
                f"Volumes: {', '.join(volumes) or 'none'}."
            )
        found.append(VolumeFolder(volume, base / local))
    return tuple(found)


def _words(command: object, key: str) -> tuple[str, ...]:
    if not isinstance(command, str):
        return tuple(str(word) for word in command) if isinstance(command, list) else ()
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise ComposeFileError(f"{key}: {error}.") from error


def _switch(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise ComposeFileError(f"{key}: must be true or false.")
    return value


def _has_healthcheck(body: Mapping[str, Any] | None) -> bool:
    return bool(body) and not (body or {}).get("disable") and (body or {}).get("test") != ["NONE"]


def _published(value: object) -> int | None:
    text = str(value or "")
    return int(text) if text.isdigit() and text != "0" else None


def _health(value: object, default_port: int | None, key: str) -> Health | None:
    if value is None:
        return None
    body = _mapping(value, key)
    _known(body, (*_HEALTH_KINDS, "port"), key)
    kinds = [kind for kind in _HEALTH_KINDS if body.get(kind)]
    if len(kinds) != 1:
        raise ComposeFileError(
            f"{key}: name exactly one of {', '.join(_HEALTH_KINDS)}, "
            "for example `health: {http: /health}`."
        )
    port = body.get("port", default_port)
    if not isinstance(port, int):
        raise ComposeFileError(
            f"{key}: no port to ask. Add `port:` here, or `ports:` or `expose:` to the service."
        )
    path = body["http"] if kinds[0] == "http" else "/"
    if not isinstance(path, str) or not path.startswith("/"):
        raise ComposeFileError(f"{key}.http: must be a path that begins with a slash.")
    return Health(kinds[0], port, path)


def _local(value: object, base: Path, key: str) -> LocalRecipe | None:
    if value is None:
        return None
    body = _mapping(value, key)
    _known(body, _LOCAL_FIELDS, key)
    command, server = body.get("command"), body.get("server")
    if bool(command) == bool(server):
        raise ComposeFileError(f"{key}: name either `command` or `server`.")
    if server not in (None, "postgres", "redis"):
        raise ComposeFileError(
            f"{key}.server: {server!r} is not known{near(str(server), ('postgres', 'redis'))}. "
            "Servers: postgres, redis."
        )
    if not isinstance(command, (str, list, type(None))):
        raise ComposeFileError(f"{key}.command: must be a string or a list.")
    directory = body.get("directory")
    environment = _mapping(body.get("environment"), f"{key}.environment")
    return LocalRecipe(
        command=_words(command, f"{key}.command"),
        server=server,
        directory=base / str(directory) if directory else None,
        environment={name: _text(item) for name, item in environment.items()},
    )


def _text(value: object) -> str:
    # YAML's true and 1 reach a container as "true" and "1"; a process gets the same.
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(value: object, key: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ComposeFileError(f"{key}: must be a mapping.")
    return value


def _known(body: Mapping[str, Any], known: tuple[str, ...], key: str) -> None:
    for name in body:
        if name not in known:
            raise ComposeFileError(
                f"{key}: unknown key {name!r}{near(name, known)}. Keys: {', '.join(known)}."
            )
