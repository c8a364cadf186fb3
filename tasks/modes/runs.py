"""Isolated runs of a mode: what makes one, and what cleans up after one that died."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UsageError
from ..interrupts import deferred
from ..settings import Settings
from ..stack import engine, isolation
from ..stack.isolation import Run
from ..stack.model import Service, Stack, parse
from ..stack.placement import Ports
from . import containers, leftovers
from .base import NO_SUITE
from .docker import DockerMode
from .local import LocalMode

Tell = Callable[[str], None]


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
def _folder_removed_on_failure(run: Run) -> Iterator[None]:
    try:
        yield
    except BaseException:
        leftovers.remove_folder(run.directory)
        raise


@contextmanager
def isolated_local(
    settings: Settings, bin_directory: Path, tell: Tell
) -> Iterator[tuple[LocalMode, Run]]:
    """Yield a local mode of its own ports and folder; nothing of it stays after the block."""
    stack = engine.load(settings)
    services = suite_services(settings, stack)
    with (
        isolation.new_run(settings.root, settings.runs) as run,
        isolation.free_ports(isolation.dialled_ports(services)) as ports,
    ):
        with _folder_removed_on_failure(run):
            mode = LocalMode(
                settings=settings,
                stack=stack,
                services=services,
                ports=Ports(local=ports, published={}),
                directory=run.directory,
                run_id=run.project,
                bin_directory=bin_directory,
                tell=tell,
            )
        try:
            yield mode, run
        finally:
            with deferred():
                mode.stop()
                leftovers.remove_folder(run.directory)


@contextmanager
def isolated_docker(settings: Settings, tell: Tell) -> Iterator[tuple[DockerMode, Run]]:
    """Yield a docker mode of its own project; nothing of it stays after the block.

    The images that it built stay, as the cache of the next run.
    """
    own = engine.developers_own(settings)
    engine.require_engine(own.client())
    document, _ = engine.document_of(own)
    stack = parse(document, own.files, confirmed=True)
    services = suite_services(settings, stack)
    with (
        isolation.new_run(settings.root, settings.runs) as run,
        isolation.free_ports(isolation.dialled_ports(services)) as ports,
    ):
        with _folder_removed_on_failure(run):
            apart = isolation.isolated(document, stack, run, ports)
            for line in apart.notes:
                tell(line)
            path = run.directory / "compose.json"
            isolation.write_compose_file(apart.document, path)
            isolated_stack = parse(apart.document, own.files, confirmed=True)
            names = [service.name for service in services]
            mode = DockerMode(
                settings=settings,
                stack=isolated_stack,
                services=tuple(isolated_stack.services[name] for name in names),
                project=replace(
                    own,
                    files=(path,),
                    name=run.project,
                    directory=own.files[0].parent,
                    env_files=(Path("/dev/null"),),
                    profiles=("*",),
                ),
                run_id=run.id,
                tell=tell,
            )
        try:
            yield mode, run
        finally:
            with deferred():
                mode.stop()
                leftovers.remove_folder(run.directory)


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
    live = [run.id for run in isolation.live_runs(settings.root, settings.runs)]
    processes = 0
    for run in dead:
        processes += leftovers.end_local(run.project, run.directory, f"{run.project}-")
    objects = _recover_engine(settings, live)
    for run in dead:
        leftovers.remove_folder(run.directory)
    return Recovered(tuple(run.id for run in dead), processes, objects)


def _recover_engine(settings: Settings, live: list[str]) -> int:
    client = engine.answering_client(settings)
    if client is None:
        return 0
    return containers.remove_runs(client, isolation.checkout_id(settings.root), live)
