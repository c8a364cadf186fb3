"""The operations on the developer's own stack."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from ...envmap.project import Project, open_project
from ...errors import TranshipError
from ...modes.base import silent
from ...settings import Settings
from ...stack import isolation
from ..data.site import Site, Tell, opened
from . import hybrid, traffic
from .arrangement import Arrangement, DockerArrangement, Free, LocalArrangement
from .asked import ask
from .cargo import Cargo, cargo
from .evidence import keep_evidence
from .operations import Remember, Which
from .preflight import look
from .readings import Reader
from .smoke import smoke
from .triggers import Baseline, Reading

_BOTH: tuple[Which, ...] = ("source", "target")


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
        """Look whether anything stands against it; measure the source."""
        sites = self._site("source"), self._site("target")
        traffic.require_command(self.project, self._names["target"], self._suite_root)
        return look(self.project, self._at("source"), self._at("target"), self.cargo, sites)

    def ask(self, without: Collection[str]) -> dict[str, str]:
        """Ask for the checklist's items."""
        return ask(self._settings, self._names["target"], without, self._tell)

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

    def move_traffic(self, which: Which) -> str:
        """Run the project's command."""
        return traffic.move(self.project, self._at(which).name, self._suite_root, self._tell)

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
