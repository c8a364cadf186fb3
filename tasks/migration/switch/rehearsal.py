"""A rehearsal: the switch and the way back on a copy of the stack, which is removed again.

The copy is the resolved compose document under another name, with free ports for the declared
ones, in a folder of its own. Everything else is the same code as for the real stack.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...envmap.project import Project, open_project
from ...errors import DataRefused, TranshipError, UsageError
from ...interrupts import deferred
from ...modes.base import silent
from ...settings import Settings
from ...stack import isolation
from ...stack.isolation import Run
from ...stack.placement import LOOPBACK, Side
from ..data import records, snapshots
from ..data.site import Tell, own_site
from ..data.snapshots import Snapshot
from ..data.stores import stores
from . import hybrid
from .arrangement import DockerArrangement, LocalArrangement
from .commands import Switching
from .journal import Journal

_FILE = "rehearsal.json"


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal showed."""

    journal: Journal
    snapshot: str
    """The snapshot whose data was used."""
    report: Path
    """The incident report of the way back, with the logs of the copy beside it."""

    @property
    def forward(self) -> float:
        """Seconds in which the switch refused writes."""
        return self.journal.pauses[0].seconds if self.journal.pauses else 0.0

    @property
    def back(self) -> float:
        """Seconds in which the way back refused writes."""
        return sum(pause.seconds for pause in self.journal.pauses[1:])


def rehearse(
    settings: Settings, to: str, *, source: str, name: str, watch: float, tell: Tell = silent
) -> Rehearsal:
    """Switch a copy of the stack and go back.

    `source` is the side to begin on; `name` that of the snapshot to begin with, or empty: one
    is taken of that side, for which its stores refuse writes until it is read.

    Raises UsageError, or whatever the switch of the real stack would raise.
    """
    sweep(settings)
    project = open_project(settings)
    hybrid.sides_named(project, to)
    if source not in ("local", "docker") or to == source:
        raise UsageError("A rehearsal begins on local or docker, and ends elsewhere.")
    kept = _kept(project, source, name, tell)
    with _copied(project) as apart:
        tell(f"starting a copy of {source}")
        _begin(apart, source, kept, tell)
        switching = Switching(apart, tell, suite_root=settings.root)
        found = switching.switch(to, asks=False)
        switching.watch(found, watch)
        found = switching.rollback("a rehearsal.")
        report = _keep_report(Path(found.report or ""), settings)
    return Rehearsal(found, kept.name if kept is not None else "none", report)


def _kept(project: Project, source: str, name: str, tell: Tell) -> Snapshot | None:
    """Return the snapshot to begin with; None for a stack that keeps no data."""
    if name:
        return snapshots.named(project.settings, name)
    try:
        chosen = stores(project)
    except UsageError:
        return None
    side: Side = "local" if source == "local" else "docker"
    with records.alone(project.settings):
        return snapshots.snapshot(own_site(project, side), chosen, "", tell)


def _keep_report(made: Path, settings: Settings) -> Path:
    """Carry the report and its logs to the project's folder, before the copy is removed."""
    folder = settings.state_directory / "migration" / "rehearsals"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(made.with_suffix(""), folder / made.stem)
    return Path(shutil.copy2(made, folder))


def _begin(apart: Settings, source: str, kept: Snapshot | None, tell: Tell) -> None:
    """Start the copy on the side to begin with, and fill it."""
    project = open_project(apart)
    here = hybrid.named(project, source, tell)
    here.prepare()
    here.up()
    if kept is None:
        return
    services = {name.split(":")[0] for name in kept.manifests}
    here.halt(set(here.mode.sides) - services)
    side: Side = "local" if source == "local" else "docker"
    try:
        snapshots.restore(kept, here.site(side), replace=True, tell=tell)
    except UsageError as error:
        raise DataRefused(str(error)) from error
    here.up()


@contextmanager
def _copied(project: Project) -> Iterator[Settings]:
    """Yield the settings of a copy of the stack; nothing of it stays after the block."""
    settings = project.settings
    with isolation.new_run(settings.root, settings.runs) as run:
        keys = isolation.dialled_ports(project.stack.services.values())
        with isolation.free_ports(keys) as ports:
            document = _document(project, run, ports)
        isolation.write_compose_file(document, run.directory / _FILE)
        apart = _settings(settings, run.directory)
        try:
            yield apart
        finally:
            with deferred():
                _remove(apart)


def sweep(settings: Settings) -> tuple[str, ...]:
    """Remove what rehearsals that died left; return their ids."""
    dead = [
        run
        for run in isolation.dead_runs(settings.root, settings.runs)
        if (run.directory / _FILE).is_file()
    ]
    for run in dead:
        _remove(_settings(settings, run.directory))
    return tuple(run.id for run in dead)


def _settings(settings: Settings, folder: Path) -> Settings:
    """Return the settings of a copy: another root, so that no name is the real stack's."""
    local = settings.local
    python = settings.root / local.python if local.python is not None else None
    return replace(
        settings,
        root=folder,
        compose_files=(folder / _FILE,),
        state_directory=folder / "state",
        environments_directory=settings.layers,
        overlay="none",
        # It would lead the real traffic to where nothing is.
        migrate=replace(settings.migrate, move_traffic=()),
        local=replace(local, python=python),
    )


def _document(project: Project, run: Run, ports: Mapping[tuple[str, int], int]) -> dict[str, Any]:
    """Return the compose document of the copy."""
    apart = isolation.isolated(project.document, project.stack, run, ports)
    document: dict[str, Any] = copy.deepcopy(dict(apart.document))
    for name, body in document["services"].items():
        service = project.stack.services.get(name)
        body["ports"] = [
            {**port, "host_ip": LOOPBACK} for port in body.get("ports") or () if "published" in port
        ]
        # The copy uses the images that the real stack has, or makes them for it.
        written = project.document["services"][name]
        body["image"] = written.get("image") or f"{project.stack.name}-{name}"
        if service is not None and service.local is not None:
            extension = copy.deepcopy(dict(body.get("x-tranship") or {}))
            recipe = dict(extension.get("local") or {})
            if service.local.server is None:
                recipe["directory"] = str(service.local.directory or project.settings.root)
            extension["local"] = recipe
            # Folders of files are the real stack's: a copy has its own.
            extension["data"] = [
                {"volume": item.volume, "local": f"files/{item.volume}"} for item in service.data
            ]
            body["x-tranship"] = extension
    return document


def _remove(apart: Settings) -> None:
    """Remove a copy from this host and from the engine, as far as either can be reached."""
    with suppress(TranshipError):
        project = open_project(apart)
        for made in (LocalArrangement, DockerArrangement):
            with suppress(TranshipError):
                made(project).remove_data()
    shutil.rmtree(apart.root, ignore_errors=True)
