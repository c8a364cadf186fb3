"""Opening a run of the mode: what it deploys, and that nothing of it stays."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from ....envmap.project import Project
from ....envmap.show import SWARM
from ....interrupts import deferred
from ....modes import leftovers, runs
from ....modes.docker import DockerMode
from ....settings import Settings
from ....stack import isolation
from ....stack.engine import ComposeProject, document_of
from ....stack.isolation import Run
from ....stack.model import Service, parse
from ....stack.placement import Placement, Ports
from ..engine import Manager, manager
from ..images import own_images
from ..options import options_of
from ..translation import translate
from . import document as documents
from .mode import SwarmMode

Tell = Callable[[str], None]


@contextmanager
def isolated(settings: Settings, tell: Tell) -> Iterator[tuple[SwarmMode, Run]]:
    """Yield a stack of a run's own on the Swarm of this engine; nothing of it stays.

    Raises EnvironmentFailed when this engine manages no Swarm.
    """
    known = settings.in_environment(settings.suite.environment)
    project, services, placement = runs.project_of_run(known, "docker", tell, True)
    swarm = manager()
    with isolation.new_run(settings.root, settings.runs) as run, ExitStack() as held:
        with runs.folder_removed_on_failure(run):
            opened = documents.opened_ports(project.document, [it.name for it in services])
            ports = held.enter_context(isolation.free_ports(opened))
            mode = _assembled(project, services, placement, ports, run, swarm, tell)
        try:
            yield mode, run
        finally:
            with deferred():
                mode.stop()
                leftovers.remove_folder(run.directory)


def _assembled(
    project: Project,
    services: tuple[Service, ...],
    placement: Placement,
    ports: dict[tuple[str, int], int],
    run: Run,
    swarm: Manager,
    tell: Tell,
) -> SwarmMode:
    settings = project.settings
    names = tuple(it.name for it in services)
    builder = runs.isolated_docker(
        project, services, placement, Ports(local={}, published=ports), ports, run, tell
    )
    if settings.swarm.registry:
        builder.services = ()  # nodes pull them
    own = _own_images(project, names)
    document, _ = document_of(builder.project)
    deployed = documents.deployed(document, ports, own if settings.swarm.registry else {})
    # What a run's secrets are called is known to nobody once it has ended.
    options = replace(
        options_of(settings.swarm, key=secrets.token_bytes(32)), data=f"node.id == {swarm.node}"
    )
    kept = own.values() if settings.swarm.registry else ()
    # Under the name that this checkout builds them by, where they are loaded into the nodes.
    loaded = [deployed["services"][it]["image"] for it in own] if options.loaded else ()
    source = documents.source_of(
        deployed, project.stack, names, frozenset((*kept, *loaded)), project.hidden
    )
    stack = translate(source, options)
    for line in stack.lines:
        tell(line)
    if own and not (settings.swarm.registry or options.loaded) and len(swarm.nodes()) > 1:
        tell(
            f"note: {', '.join(own)}: built on this node alone; the others need the image too: by "
            "[tool.tranship.swarm] registry, or loaded by [tool.tranship.swarm.nodes]"
        )
    suite = str(settings.suite.service)
    path = run.directory / "suite.json"
    alone = documents.beside(deployed, suite)
    isolation.write_compose_file(alone, path)
    return SwarmMode(
        builder=builder,
        beside=_beside(builder, alone, replace(builder.project, files=(path,))),
        manager=swarm,
        stack=stack,
        # A Swarm waits for none of what a service depends on.
        services=tuple(replace(it, depends_on=()) for it in services),
        watched=builder.watched,
        ports=ports,
        jobs=source.jobs,
        resolve="never" if own and not settings.swarm.registry else settings.swarm.resolve,
        tell=tell,
        name=SWARM,
    )


def _beside(builder: DockerMode, alone: dict[str, object], project: ComposeProject) -> DockerMode:
    """Return what runs the suite: in a container beside the stack, on this engine."""
    return replace(
        builder,
        stack=parse(alone, project.files, confirmed=True),
        services=(),
        project=project,
    )


def _own_images(project: Project, names: Iterable[str]) -> dict[str, str]:
    """Return service -> image, of those whose image the project builds."""
    services = project.document["services"]
    own = own_images(project.stack.name, services)
    images = {it: str(services[it].get("image") or f"{project.stack.name}-{it}") for it in names}
    return {name: image for name, image in images.items() if image in own}
