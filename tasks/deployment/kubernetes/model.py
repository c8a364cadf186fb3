"""What stands between the compose document and the manifests: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...stack.model import Service
from ..findings import Finding

Manifest = Mapping[str, Any]
"""One object as the API server takes it; made last, and never read again."""
FileKind = Literal["config", "secret"]


@dataclass(frozen=True)
class Mount:
    """An entry of `volumes:` or `tmpfs:`."""

    kind: str
    """bind, volume, tmpfs, or what Compose calls it."""
    target: str
    source: str = ""
    read_only: bool = False
    size: int | None = None
    """Bytes, of a tmpfs."""
    subpath: str = ""
    """The folder of the volume that is mounted; empty: all of it."""


@dataclass(frozen=True)
class FileUse:
    """An entry of a service's `configs:` or `secrets:`."""

    kind: FileKind
    source: str
    target: str
    mode: int | None = None


@dataclass(frozen=True)
class FileSource:
    """A top-level entry of `configs:` or `secrets:`."""

    kind: FileKind
    name: str
    content: bytes | None = None
    reason: str = ""
    """Why there is no content here."""


@dataclass(frozen=True)
class Healthcheck:
    """`healthcheck:`; times in seconds."""

    command: tuple[str, ...] = ()
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    start_interval: float = 5.0


@dataclass(frozen=True)
class Container:
    """A service as its container is declared, beyond what `Service` says."""

    service: Service
    entrypoint: tuple[str, ...] | None = None
    working_dir: str | None = None
    user: str | None = None
    groups: tuple[int, ...] = ()
    read_only: bool = False
    privileged: bool = False
    no_new_privileges: bool = False
    unconfined: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    init: bool = False
    tty: bool = False
    stdin: bool = False
    mounts: tuple[Mount, ...] = ()
    files: tuple[FileUse, ...] = ()
    healthcheck: Healthcheck = field(default_factory=Healthcheck)
    limits: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 1
    start_first: bool = True
    parallelism: int = 1
    shm_size: int | None = None
    networks: frozenset[str] = frozenset({"default"})
    aliases: tuple[str, ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Host -> address, of `extra_hosts:`."""
    pull_always: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    @property
    def volumes(self) -> tuple[str, ...]:
        """The named volumes that it writes."""
        return tuple(
            dict.fromkeys(
                mount.source
                for mount in self.mounts
                if mount.kind == "volume" and mount.source and not mount.read_only
            )
        )


@dataclass(frozen=True)
class Environment:
    """The variables of one container, in those that may be read and those that may not."""

    plain: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    """`command:` with secrets replaced by `$(NAME)`."""
    entrypoint: tuple[str, ...] | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    """Variables that only stand in for secrets of the command line."""


@dataclass(frozen=True)
class Cluster:
    """All of the stack that is exported."""

    project: str
    root: Path
    base: Path
    """The folder of the first compose file, which relative paths start from."""
    containers: Mapping[str, Container]
    environments: Mapping[str, Environment]
    jobs: frozenset[str]
    own_images: frozenset[str]
    """Images that the project builds, and no registry has."""
    callers: Mapping[str, frozenset[str]]
    """Service -> the services that may dial it."""
    dialled: Mapping[str, frozenset[int]]
    """Service -> the ports that variables of others name."""
    sources: Mapping[tuple[FileKind, str], FileSource]
    internal: frozenset[str] = frozenset()
    """Networks that lead nowhere outside."""
    external: frozenset[str] = frozenset()
    """Volumes that are there already."""
    findings: tuple[Finding, ...] = ()
    """What no single container tells: services left out, volumes of a driver."""
    hidden: frozenset[str] = frozenset()
    """The secret values of the project."""

    def shared(self, volume: str) -> bool:
        """Return whether more than one service mounts the volume."""
        users = [
            item
            for item in self.containers.values()
            if any(mount.kind == "volume" and mount.source == volume for mount in item.mounts)
        ]
        return len(users) > 1
