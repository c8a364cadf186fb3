"""Isolated runs of a mode: what makes one, and what cleans up after one that died."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..envmap.project import Project, open_project
from ..envmap.show import placement_of
from ..errors import UsageError
from ..interrupts import deferred
from ..settings import Settings
from ..stack import engine, isolation
from ..stack.isolation import Run
from ..stack.model import Service, Stack, parse
from ..stack.placement import Placement, Ports, Side
from . import leftovers, production, removal, secretfiles
from .base import NO_SUITE
from .docker import DockerMode
from .hybrid import HybridMode
from .levels import watched
from .local import LocalMode

Tell = Callable[[str], None]
AnyMode = LocalMode | DockerMode | HybridMode


def suite_services(settings: Settings, stack: Stack) -> tuple[Service, ...]:
    """Return the services that a run starts: those without a profile and what the suite needs.

    The suite's own service is not among them: it runs once, by its mode.

    Raises UsageError when the settings name no suite.
    """
    suite = settings.suite.service
    if suite is None:
        raise UsageError(NO_SUITE)
    needed = [dependency.service for dependency in stack.service(suite).depends_on]
    chosen = {service.name: service for service in stack.selected()}
    if needed:
        chosen |= {service.name: service for service in stack.selected(needed)}
    chosen.pop(suite, None)
    return tuple(service for level in stack.levels(chosen) for service in level)


@contextmanager
def folder_removed_on_failure(run: Run) -> Iterator[None]:
    """Remove the folder of a run that could not be made, when the block fails."""
    try:
        yield
    except BaseException:
        leftovers.remove_folder(run.directory)
        raise


@contextmanager
def isolated(
    settings: Settings,
    name: str,
    bin_directory: Path | None,
    tell: Tell,
    *,
    needs_suite: bool = True,
) -> Iterator[tuple[AnyMode, Run]]:
    """Yield a mode of its own ports, project and folder; nothing of it stays after the block.

    `name` is local, docker, production or hybrid:SERVICE,...; `bin_directory` that of the
    Python that runs local services. The images that a run built stay, as the cache of the next one.
    """
    placed = production.placed(name)
    known = production.environment_of(settings, name)
    opened = project_of_run(known, placed, tell, needs_suite) if placed == name else None
    with isolation.new_run(settings.root, settings.runs) as run, ExitStack() as held:
        with folder_removed_on_failure(run):
            if opened is None:  # its secrets are made up in the run's folder
                known = production.with_made_up_secrets(known, run.directory / "layers")
                opened = project_of_run(known, placed, tell, needs_suite)
            project, services, placement = opened
            ports = held.enter_context(isolation.free_ports(isolation.dialled_ports(services)))
            mode = _assembled(project, name, services, placement, ports, run, bin_directory, tell)
        try:
            yield mode, run
        finally:
            with deferred():
                mode.stop()
                leftovers.remove_folder(run.directory)


def project_of_run(
    settings: Settings, name: str, tell: Tell, needs_suite: bool
) -> tuple[Project, tuple[Service, ...], Placement]:
    """Return the project, the services that a run starts, and where; the engine answers."""
    project = open_project(settings)
    if needs_suite or settings.suite.service is not None:
        services = suite_services(settings, project.stack)
    else:
        services = project.stack.selected()
    placement = _placement(name, project, services, tell)
    if "docker" in placement.sides.values():
        engine.require_engine(project.compose.client())
    return project, services, placement


def _placement(name: str, project: Project, services: tuple[Service, ...], tell: Tell) -> Placement:
    """Return the placement of the services that a run starts."""
    whole = placement_of(name, project.stack, project.settings.suite.service)
    sides = {service.name: whole.sides[service.name] for service in services}
    if name == "local":
        homeless = [service for service, side in sides.items() if side == "docker"]
        if homeless:
            tell(
                f"{', '.join(homeless)}: no x-tranship.local, so it runs in Docker in this mode too"
            )
    return Placement(sides)


def _assembled(
    project: Project,
    name: str,
    services: tuple[Service, ...],
    placement: Placement,
    ports: Mapping[tuple[str, int], int],
    run: Run,
    bin_directory: Path | None,
    tell: Tell,
) -> AnyMode:
    here = {key: port for key, port in ports.items() if placement.sides[key[0]] == "local"}
    there = {key: port for key, port in ports.items() if key not in here}
    shared = Ports(local=here, published=there)
    sides = set(placement.sides.values())
    local = docker = None
    if "local" in sides:
        if bin_directory is None:
            raise UsageError("A mode with local services needs a Python to run them with.")
        local = LocalMode(
            settings=project.settings,
            stack=project.stack,
            envmap=project.envmap,
            hidden=project.hidden,
            services=tuple(s for s in services if placement.sides[s.name] == "local"),
            ports=shared,
            directory=run.directory,
            kept_logs=run_logs(project.settings, name, run),
            run_id=run.project,
            bin_directory=bin_directory,
            tell=tell,
            placement=placement,
        )
    if "docker" in sides:
        docker = isolated_docker(project, services, placement, shared, there, run, tell)
        docker.name = name if local is None else docker.name
    if local is None or docker is None:
        return local or docker or _nothing(name)
    return HybridMode(project.stack, services, placement, local, docker, name, tell)


def run_logs(settings: Settings, mode: str, run: Run) -> Path:
    """Return the folder that keeps the logs of a run."""
    return settings.state_directory / "logs" / f"{mode}-{run.id}"


def _nothing(name: str) -> AnyMode:
    raise UsageError(f"The mode {name!r} has no services: every one is in a profile.")


def isolated_docker(
    project: Project,
    services: tuple[Service, ...],
    placement: Placement,
    shared: Ports,
    published: Mapping[tuple[str, int], int],
    run: Run,
    tell: Tell,
) -> DockerMode:
    """Return a run's services in containers, by a compose file of its own that this writes."""
    suite = project.settings.suite.service
    sides: dict[str, Side] = dict(placement.sides)
    if suite is not None:
        sides[suite] = "docker"
    document = project.document_for(Placement(sides), shared)
    document = secretfiles.handed_over(document, run.directory / "secrets")
    apart = isolation.isolated(document, project.stack, run, published)
    for line in apart.notes:
        tell(line)
    path = run.directory / "compose.json"
    isolation.write_compose_file(apart.document, path)
    stack = parse(apart.document, project.compose.files, confirmed=True)
    return DockerMode(
        settings=project.settings,
        stack=stack,
        services=tuple(
            stack.services[s.name] for s in services if placement.sides[s.name] == "docker"
        ),
        project=replace(
            project.compose,
            files=(path,),
            name=run.project,
            directory=project.compose.files[0].parent,
            env_files=(Path(os.devnull),),
            profiles=("*",),
        ),
        run_id=run.id,
        hidden=project.hidden,
        tell=tell,
        envmap=project.envmap,
        watched=watched(services, project.stack.services),
    )


@dataclass(frozen=True)
class Recovered:
    """What a sweep found and removed."""

    runs: tuple[str, ...]
    processes: int
    engine_objects: int

    def __bool__(self) -> bool:
        return bool(self.runs or self.processes or self.engine_objects)

    def __str__(self) -> str:
        parts = [
            f"{self.processes} processes" if self.processes else "",
            f"{self.engine_objects} containers, networks and volumes"
            if self.engine_objects
            else "",
        ]
        found = " and ".join(part for part in parts if part) or "their folders"
        return f"Removed what runs that died had left: {found}."


def recover(settings: Settings) -> Recovered:
    """Remove what runs of this checkout left whose process is gone; live runs are untouched."""
    dead = isolation.dead_runs(settings.root, settings.runs)
    processes = 0
    for run in dead:
        processes += leftovers.end_local(run.project, run.directory, f"{run.project}-")
    objects = _recover_engine(settings)
    for run in dead:
        leftovers.remove_folder(run.directory)
    return Recovered(tuple(run.id for run in dead), processes, objects)


def _recover_engine(settings: Settings) -> int:
    client = engine.answering_client(settings)
    if client is None:
        return 0
    return removal.remove_runs(
        client,
        isolation.checkout_id(settings.root),
        lambda: [run.id for run in isolation.live_runs(settings.root, settings.runs)],
    )
