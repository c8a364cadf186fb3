"""Stores: what keeps data in a stack, found from its services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...envmap.project import Project
from ...errors import UsageError
from ...stack.model import Service, named_volumes

Kind = Literal["postgres", "redis", "mysql", "files"]

_IMAGES: Mapping[str, Kind] = {
    "postgres": "postgres",
    "postgis": "postgres",
    "timescaledb": "postgres",
    "pgvector": "postgres",
    "redis": "redis",
    "valkey": "redis",
    "mysql": "mysql",
    "mariadb": "mysql",
    "percona": "mysql",
}
"""The image's own name, without registry, folder and tag -> what it is a server of."""


@dataclass(frozen=True)
class Store:
    """One place where a stack keeps data."""

    name: str
    """The service's name; for files `service:volume`."""
    kind: Kind
    service: str
    volume: str | None = None
    """Of files: the compose volume."""
    inside: str = ""
    """Of files: where the container has it."""
    folder: Path | None = None
    """Of files: the folder that local processes use instead; None: nobody has said."""


def stores(project: Project, names: Iterable[str] = ()) -> tuple[Store, ...]:
    """Return the stores of the stack, or of the services that are named.

    Without names, volumes with no local folder are left out: they have one side only.

    Raises UnknownServiceError, or UsageError for a service that keeps no data.
    """
    chosen = tuple(names)
    services = [project.stack.service(name) for name in chosen] or [
        service
        for service in project.stack.services.values()
        if service.name != project.settings.suite.service
    ]
    found = []
    for service in services:
        of_service = tuple(_of(service, project))
        if chosen and not of_service:
            raise UsageError(
                f"{service.name} keeps no data: it is no PostgreSQL, Redis or MySQL server and "
                "has no named volume."
            )
        oneside = [store for store in of_service if store.kind == "files" and store.folder is None]
        if chosen and oneside:
            volumes = ", ".join(store.volume or "" for store in oneside)
            raise UsageError(
                f"{service.name}: no local folder for the volume {volumes}. Name it in the compose "
                "file: `x-tranship: {data: [{volume: "
                f"{oneside[0].volume}, local: FOLDER}}]}}`."
            )
        found += [store for store in of_service if store not in oneside]
    if not found:
        raise UsageError("No service of this stack keeps data that has two sides.")
    return tuple(found)


def homeless(project: Project) -> tuple[str, ...]:
    """Return the volumes that no copy can take along, since nobody has said their folder."""
    return tuple(
        store.name
        for service in project.stack.services.values()
        for store in _of(service, project)
        if store.kind == "files" and store.folder is None
    )


def _of(service: Service, project: Project) -> Iterator[Store]:
    kind = kind_of(service)
    if kind is not None:
        yield Store(service.name, kind, service.name)
        return
    body = project.document["services"].get(service.name) or {}
    folders = {item.volume: item.local for item in service.data}
    for volume, inside in named_volumes(body).items():
        name = f"{service.name}:{volume}"
        yield Store(name, "files", service.name, volume, inside, folders.get(volume))


def kind_of(service: Service) -> Kind | None:
    """Return what the service is a server of; None for anything else."""
    if service.local is not None and service.local.server is not None:
        return service.local.server
    if service.health is not None and service.health.kind in ("postgres", "redis"):
        return "postgres" if service.health.kind == "postgres" else "redis"
    name = (service.image or "").split("@")[0].rsplit("/", 1)[-1].split(":")[0]
    return _IMAGES.get(name)
