"""The operations on the developer's own stack."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from ...envmap.project import Project, open_project
from ...envmap.secrets import mask_text
from ...errors import DataRefused, EnvironmentFailed, StackFailed, TranshipError, UsageError
from ...modes.base import silent
from ...settings import Settings
from ...stack import engine, isolation
from ..data.site import Site, Tell, opened
from . import hybrid
from .arrangement import Arrangement, DockerArrangement, Free, LocalArrangement
from .cargo import Cargo, cargo
from .evidence import keep_evidence
from .operations import Remember, Which
from .readings import Reader
from .smoke import smoke
from .triggers import Baseline, Reading

_BOTH: tuple[Which, ...] = ("source", "target")
_SPARE = 64 * 2**20
"""Bytes that a switch needs beside the data itself: servers that start, logs, records."""


class OwnOperations:
    """What is done to the two arrangements of one checkout."""

    def __init__(
        self,
        settings: Settings,
        source: str,
        target: str,
        ports: Mapping[str, int] | None = None,
        tell: Tell = silent,
        suite_root: Path | None = None,
    ) -> None:
        self._settings = settings
        self._names = {"source": source, "target": target}
        self._tell = tell
        self._suite_root = suite_root or settings.root
        self._known: dict[str, Arrangement] = {}
        self._opened: dict[Which, Site] = {}
        self._reader: Reader | None = None
        self.ports: Mapping[str, int] = ports if ports is not None else {}
        self.in_place = {source, target} != {"local", "docker"}

    @cached_property
    def project(self) -> Project:
        """The project."""
        return open_project(self._settings)

    @cached_property
    def cargo(self) -> Cargo:
        """The stores that move."""
        here, there = (hybrid.sides_named(self.project, self._names[w]) for w in _BOTH)
        return cargo(self.project, here, there, self._tell)

    def preflight(self) -> Baseline:
        """Check both sides and the disk; measure the source."""
        source, target = self._at("source"), self._at("target")
        missing = set(source.mode.sides) - source.running()
        expected = {n for n in missing if self.project.stack.expected_to_exit(n)}
        if missing - expected:
            names = ", ".join(sorted(missing - expected))
            raise EnvironmentFailed(f"Not up on {source.name}: {names}. Start it all first.")
        absent = set(source.mode.sides) ^ set(target.mode.sides)
        absent -= {self._settings.suite.service or ""}
        if absent:
            raise UsageError(
                f"{', '.join(sorted(absent))}: part of one side alone. A switch moves the whole "
                "stack: start all of it, or leave the service out of both sides."
            )
        ill = source.ill()
        if ill:
            raise StackFailed(f"The source is not healthy: {', '.join(ill)}.")
        if self._containers():
            engine.require_engine(self.project.compose.client())
        self._require_disk()
        with Reader(source) as reader:
            return reader.baseline()

    def _containers(self) -> bool:
        return any(
            "docker" in self._at(which).mode.sides.values() for which in ("source", "target")
        )

    def _require_disk(self) -> None:
        """Raise for a disk without room for the snapshot and the copy of the data."""
        held = sum(_size(self._settings.state_directory / "local" / n) for n in self.cargo.names)
        free = shutil.disk_usage(self._settings.state_directory).free
        needed = 2 * held + _SPARE
        if free < needed:
            raise DataRefused(
                f"{free / 2**20:.0f} MiB are free where {self._settings.state_directory} is; the "
                f"snapshot and the copy may need {needed / 2**20:.0f} MiB. Free some space there."
            )

    def snapshot(self, name: str) -> str:
        """Keep the source's stores."""
        return self.cargo.snapshot(self._site("source"), name)

    def prepare(self) -> None:
        """Pull and build."""
        self._at("target").prepare()

    def choose_ports(self) -> dict[str, int]:
        """Return free ports for the target."""
        if self.in_place:
            return {}
        services = self._at("target").mode.services
        with isolation.free_ports(isolation.dialled_ports(services)) as free:
            self.ports = {f"{service}:{port}": at for (service, port), at in free.items()}
        return dict(self.ports)

    def open_beside(self, *, replace: bool, ours: Collection[str]) -> str:
        """Start the target's stores on free ports, and look whether they can take the data."""
        if self.cargo.names and not self.in_place:
            self._at("beside").up(self.cargo.names)
        # The source is at rest when a switch is gone on with that was killed as it changed sides.
        target: Which = "target" if self.in_place else "beside"
        with self.opened("source") as here, self.opened(target) as there:
            self.cargo.require_room(here, there, replace=replace, ours=ours)
        if self.in_place:
            return "The target shares services with the source: it starts in its place."
        own = {
            k: port for k, port in self.ports.items() if k.rpartition(":")[0] in self.cargo.names
        }
        return ", ".join(f"{key} on {port}" for key, port in sorted(own.items()))

    def close_beside(self) -> None:
        """Stop the target on free ports."""
        if not self.in_place and self.ports:
            self._at("beside").down()

    def halt(self, which: Which) -> None:
        """Stop all but the servers that move."""
        found = self._at(which)
        if which == "target" and not found.running() >= self.cargo.servers:
            # A store that is lost is started alone by whoever reads it, with nothing beside it.
            found.down()
            return
        if writers := set(found.mode.sides) - self.cargo.servers:
            found.halt(writers)

    def freeze(self, which: Which, remember: Remember) -> str:
        """Have the stores refuse writes."""
        return self.cargo.freeze(self._site(which), remember)

    def thaw(self, which: Which, records: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Have the stores take writes again."""
        if which == "beside" and self.in_place:
            which = "target"
        return self.cargo.thaw(self._site(which), records)

    def carry(self, source: Which, target: Which, *, compare: bool) -> str:
        """Copy and compare."""
        return self.cargo.carry(self._site(source), self._site(target), compare=compare)

    @contextmanager
    def opened(self, which: Which) -> Iterator[Site]:
        """Have a side's stores run while the block does; those of a side at rest start alone."""
        if not self.cargo.stores or which in self._opened:
            yield self._site(which)
            return
        with opened(self._site(which), self.cargo.stores, self._tell) as reached:
            self._opened[which] = reached
            try:
                yield reached
            finally:
                del self._opened[which]

    def _site(self, which: Which) -> Site:
        if which in self._opened:
            return self._opened[which]
        name = self._names["target" if which == "beside" else which]
        sides = hybrid.sides_named(self.project, name)
        found = {sides[service] for service in self.cargo.names}
        return self._at(which).site(found.pop() if found else "local")

    def up(self, which: Which) -> None:
        """Start everything."""
        self._at(which).up()

    def down(self, which: Which) -> None:
        """Stop everything."""
        self._at(which).down()

    def ill(self, which: Which) -> tuple[str, ...]:
        """Return the services that do not answer."""
        return self._at(which).ill()

    def smoke(self, which: Which) -> str:
        """Run the smoke tests."""
        return smoke(self._at(which), self._free() if which == "beside" else None, self._suite_root)

    def move_traffic(self, which: Which) -> None:
        """Run the project's command.

        Raises EnvironmentFailed with its last words when it fails.
        """
        side = self._at(which).name
        words = [word.replace("{side}", side) for word in self._settings.migrate.move_traffic]
        if not words:
            return
        self._tell(f"{words[0]} moves the traffic to {side}")
        try:
            done = subprocess.run(
                words,
                cwd=self._suite_root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._settings.start_timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentFailed(f"move-traffic: {words[0]}: {error}.") from error
        if done.returncode != 0:
            said = mask_text((done.stderr or done.stdout).strip(), self.project.hidden)
            raise EnvironmentFailed(
                f"move-traffic: {words[0]} ended with code {done.returncode}: {said[-500:]}"
            )

    def reading(self) -> Reading | None:
        """Look at the target once."""
        try:
            if self._reader is None:
                self._reader = Reader(self._at("target"))
        except TranshipError:
            return None
        return self._reader.read()

    def evidence(self, folder: Path) -> None:
        """Keep the target's logs and the fingerprints' differences."""
        keep_evidence(self._at("target"), self._settings, folder)

    def remove_data(self, which: Which) -> str:
        """Remove the data of a side whose stores have moved to the other."""
        if self.in_place:
            return self.cargo.clear(self._site(which))
        found = self._at(which)
        found.remove_data()
        return f"The data of {found.name} is removed."

    def _at(self, which: str) -> Arrangement:
        if which not in self._known:
            self._known[which] = self._made(which)
        return self._known[which]

    def _made(self, which: str) -> Arrangement:
        if which != "beside":
            return hybrid.named(self.project, self._names[which], self._tell)
        target = self._at("target")
        assert isinstance(target, (LocalArrangement, DockerArrangement))  # noqa: S101 - for mypy
        return target.beside(self._free())

    def _free(self) -> Free:
        pairs = ((key.rpartition(":"), port) for key, port in self.ports.items())
        return {(service, int(target)): port for (service, _, target), port in pairs}


def _size(folder: Path) -> int:
    """Return the bytes below a folder; what cannot be read counts nothing."""
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            total += path.lstat().st_size
        except OSError:
            continue
    return total
