"""The pre-flight: whatever stands against a switch and can be known before it touches anything."""

from __future__ import annotations

from collections.abc import Iterator

from ...envmap.project import Project
from ...errors import DataRefused, EnvironmentFailed, StackFailed, UsageError
from ...stack import engine
from ..data.site import Site
from .arrangement import Arrangement
from .cargo import Cargo
from .disk import mounted, require_room
from .readings import Reader
from .triggers import Baseline
from .versions import require_not_older


def look(
    project: Project,
    source: Arrangement,
    target: Arrangement,
    cargo: Cargo,
    sites: tuple[Site, Site],
) -> Baseline:
    """Return what the source measures; `sites` are where the cargo is and where it goes.

    Raises StackFailed, UsageError, DataRefused or another EnvironmentFailed for what stands
    against the switch.
    """
    _require_whole(project, source, target)
    ill = source.ill()
    if ill:
        raise StackFailed(f"The source is not healthy: {', '.join(ill)}.")
    if any("docker" in it.mode.sides.values() for it in (source, target)):
        engine.require_engine(project.compose.client())
    _require_lasting(project, cargo)
    if cargo.stores:
        require_not_older(cargo, *sites)
    require_room(cargo, *sites)
    with Reader(source) as reader:
        return reader.baseline()


def _require_whole(project: Project, source: Arrangement, target: Arrangement) -> None:
    """Raise for a source that is not all up, or a service that one side alone has."""
    missing = set(source.mode.sides) - source.running()
    expected = {name for name in missing if project.stack.expected_to_exit(name)}
    if missing - expected:
        names = ", ".join(sorted(missing - expected))
        raise EnvironmentFailed(f"Not up on {source.name}: {names}. Start it all first.")
    absent = set(source.mode.sides) ^ set(target.mode.sides)
    absent -= {project.settings.suite.service or ""}
    if absent:
        raise UsageError(
            f"{', '.join(sorted(absent))}: part of one side alone. A switch moves the whole "
            "stack: start all of it, or leave the service out of both sides."
        )


def _require_lasting(project: Project, cargo: Cargo) -> None:
    """Raise for a store that has no volume: its data would go when its container is replaced.

    And that is done in each switch, on the one side or on the other.
    """
    fleeting = sorted(set(_fleeting(project, cargo)))
    if fleeting:
        raise DataRefused(
            f"{', '.join(fleeting)}: no volume in the compose file, so that the data goes with the "
            "container. Give it a named volume."
        )


def _fleeting(project: Project, cargo: Cargo) -> Iterator[str]:
    for store in cargo.stores:
        body = project.document["services"].get(store.service) or {}
        if store.kind != "files" and not any(mounted(body)):
            yield store.service
