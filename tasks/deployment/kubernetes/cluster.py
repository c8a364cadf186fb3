"""The part of the stack that is exported, read from an opened project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...envmap.infer import rewrite
from ...envmap.project import Project
from ...envmap.show import as_mapping, placement_of
from ...errors import ComposeFileError
from ...stack.model import Service
from ...stack.placement import declared_ports
from ..elsewhere import base_of, chosen_of, document_of
from ..findings import Finding
from .environment import split
from .model import Cluster, Container
from .names import object_name, require_service_names, require_variables
from .reading import container_of
from .sources import sources_of


def cluster_of(project: Project, profiles: Iterable[str] = ()) -> Cluster:
    """Return the services without a profile, and those of the profiles, as containers.

    Raises ComposeFileError or SettingsError for what no manifest can be made of.
    """
    stack = project.stack
    chosen = chosen_of(stack, profiles)
    require_service_names(chosen)
    bodies = project.document["services"]
    containers = {name: _read(stack.services[name], bodies[name]) for name in chosen}
    document = document_of(project, chosen)
    variables = environments(project, chosen)
    for name, found in variables.items():
        require_variables(name, found)
    networks = project.document.get("networks") or {}
    volumes = project.document.get("volumes") or {}
    hidden = project.hidden
    return Cluster(
        project=stack.name,
        root=project.settings.root,
        base=base_of(project),
        containers=containers,
        environments={
            name: split(containers[name], document["services"][name]["environment"], hidden)
            for name in chosen
        },
        jobs=frozenset(name for name in chosen if stack.expected_to_exit(name)),
        own_images=frozenset(
            image_of(stack.name, containers[name]) if name in containers else str(service.image)
            for name, service in stack.services.items()
            if service.buildable
        ),
        callers=_callers(project, containers),
        dialled=_dialled(project, variables),
        sources=sources_of(project, document),
        internal=frozenset(name for name, body in networks.items() if (body or {}).get("internal")),
        external=frozenset(name for name, body in volumes.items() if (body or {}).get("external")),
        findings=(*_left_out(project, containers), *_of_volumes(volumes, containers)),
        hidden=hidden,
    )


def _read(service: Service, body: Mapping[str, Any]) -> Container:
    try:
        return container_of(service, body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ComposeFileError(
            f"services.{service.name}: cannot be read ({error}). `docker compose config` says more."
        ) from error


def _left_out(project: Project, containers: Mapping[str, Container]) -> Iterator[Finding]:
    for name, service in project.stack.services.items():
        if name not in containers and service.profiles:
            yield Finding(
                name,
                f"profiles {', '.join(service.profiles)}: left out; --profile "
                f"{service.profiles[0]} takes it in",
                lost=False,
            )


def _of_volumes(
    volumes: Mapping[str, Any], containers: Mapping[str, Container]
) -> Iterator[Finding]:
    for name, container in containers.items():
        for mount in container.mounts:
            body = volumes.get(mount.source) or {} if mount.kind == "volume" else {}
            if body.get("external"):
                claim = object_name(mount.source)
                what = f"volume {mount.source}: external; the claim {claim!r} has to be there"
                yield Finding(name, what, lost=False)
            elif body.get("driver_opts") or body.get("driver") not in (None, "local"):
                what = f"volume {mount.source}: its driver; name a class with storage-class"
                yield Finding(name, what)


def environments(project: Project, names: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """Return what each service's container has in docker mode: the same function, `envmap`'s."""
    placement = placement_of("docker", project.stack)
    ports = declared_ports(project.stack)
    return {
        name: as_mapping(project.envmap.environment(name, placement, ports, side="docker"))
        for name in names
    }


def image_of(project: str, container: Container) -> str:
    """Return the image's name; for one that is only built, the name that Compose gives it."""
    service = container.service
    if service.image:
        return service.image
    if service.buildable:
        return f"{project}-{service.name}"
    raise ComposeFileError(f"services.{service.name}: has neither `image:` nor `build:`. Add one.")


def _callers(project: Project, containers: Mapping[str, Container]) -> dict[str, frozenset[str]]:
    """Return service -> who names it in its variables or depends_on, on a network of both."""
    found: dict[str, set[str]] = {name: set() for name in containers}
    for name, container in containers.items():
        waited = {
            item.service
            for item in container.service.depends_on
            if item.condition != "service_completed_successfully"
        }
        for target in project.envmap.references(name) | waited:
            if (
                target in containers
                and target != name
                and containers[target].networks & container.networks
            ):
                found[target].add(name)
    return {name: frozenset(callers) for name, callers in found.items()}


def _dialled(
    project: Project, variables: Mapping[str, Mapping[str, str]]
) -> dict[str, frozenset[int]]:
    """Return service -> the ports that the variables of the others name."""
    found: dict[str, set[int]] = {name: set() for name in variables}

    def note(host: str, port: int | None) -> None:
        name = project.envmap.mapping.service_of(host)
        if name in found and port is not None:
            found[name].add(port)

    for values in variables.values():
        rewrite(values, note)
    return {name: frozenset(ports) for name, ports in found.items()}
