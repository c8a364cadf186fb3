"""What the tasks of `data` do: the developer's own two sides, by name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from ...envmap.project import Project, open_project
from ...errors import UsageError, near
from ...modes.base import silent
from ...settings import Settings
from ...stack.placement import Side
from . import copy_journal, copying, freezing, records, snapshots
from .copied import CopyReport
from .drivers import manifest
from .manifest import Manifest, differences
from .site import Site, Tell, opened, own_site
from .snapshots import Snapshot
from .stores import Store, homeless, stores

T = TypeVar("T")
_SIDES: tuple[Side, ...] = ("local", "docker")


@dataclass(frozen=True)
class Verified:
    """One store on two sides."""

    store: Store
    one: Manifest
    other: Manifest
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Moving:
    """The developer's stack, and the services whose data is meant (none: all)."""

    settings: Settings
    services: tuple[str, ...]

    @cached_property
    def project(self) -> Project:
        """The project."""
        return open_project(self.settings)

    @cached_property
    def stores(self) -> tuple[Store, ...]:
        """The stores that are meant."""
        return stores(self.project, self.services)

    def homeless(self) -> tuple[str, ...]:
        """Return the volumes that were left out since they have one side only."""
        return () if self.services else homeless(self.project)

    def copy(
        self, source: str, target: str, *, replace: bool, resume: bool, tell: Tell = silent
    ) -> CopyReport:
        """Copy from one side to the other."""
        one, other = self._two(source, target)
        return self._thawed(
            lambda: copying.copy(one, other, self.stores, replace=replace, resume=resume, tell=tell)
        )

    def verify(self, source: str, target: str, *, tell: Tell = silent) -> tuple[Verified, ...]:
        """Compare both sides as they are now; writes go on meanwhile."""
        one, other = self._two(source, target)
        found = []
        with records.alone(self.settings), ExitStack() as stack:
            here = stack.enter_context(opened(one, self.stores, tell))
            there = stack.enter_context(opened(other, self.stores, tell))
            for store in self.stores:
                tell(f"reading {store.name}")
                first, second = manifest(here, store), manifest(there, store)
                sentences = differences(first, second, (f"on {source}", f"on {target}"))
                found.append(Verified(store, first, second, sentences))
        return tuple(found)

    def snapshot(self, side: str, name: str, *, tell: Tell = silent) -> Snapshot:
        """Keep a side's stores."""
        site = self._one("--side", side)
        return self._thawed(lambda: snapshots.snapshot(site, self.stores, name, tell))

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return the snapshots, oldest first."""
        return snapshots.snapshots(self.settings)

    def restore(
        self, name: str, side: str, *, replace: bool, tell: Tell = silent
    ) -> Snapshot | None:
        """Put a snapshot in the place of what a side holds."""
        found = snapshots.named(self.settings, name)
        site = own_site(self.project, self._side("--to", side))
        return self._thawed(lambda: snapshots.restore(found, site, replace=replace, tell=tell))

    def thaw(self, *, tell: Tell = silent) -> tuple[str, ...]:
        """Undo what a killed command left frozen."""
        with records.alone(self.settings):
            return freezing.thaw(self.settings, tell)

    def left_frozen(self) -> tuple[str, ...]:
        """Return what a killed command left frozen."""
        return freezing.left_frozen(self.settings)

    def unfinished(self) -> tuple[tuple[str, str], ...]:
        """Return (from, to) of the copies that were cut short."""
        found = copy_journal.unfinished(self.settings)
        return tuple(dict.fromkeys((record["from"], record["to"]) for record in found))

    def _thawed(self, work: Callable[[], T]) -> T:
        """Do the work after undoing what a killed command left frozen."""
        with records.alone(self.settings):
            if freezing.left_frozen(self.settings):
                freezing.thaw(self.settings)
            return work()

    def _two(self, source: str, target: str) -> tuple[Site, Site]:
        one, other = self._side("--from", source), self._side("--to", target)
        if one == other:
            raise UsageError(f"--from and --to both name {one}.")
        self._require_local()
        return own_site(self.project, one), own_site(self.project, other)

    def _one(self, option: str, side: str) -> Site:
        found = self._side(option, side)
        if found == "local":
            self._require_local()
        return own_site(self.project, found)

    def _require_local(self) -> None:
        """Raise UsageError for a server that has no local side, before anything is started."""
        services = self.project.stack.services
        for store in self.stores:
            if store.kind != "files" and services[store.service].local is None:
                raise UsageError(
                    f"{store.name} has no local side: x-tranship.local of the service names "
                    "neither a server (postgres, redis) nor a command. Add it, or leave the "
                    "service out (--service)."
                )

    def _side(self, option: str, text: str) -> Side:
        for side in _SIDES:
            if text == side:
                return side
        raise UsageError(
            f"{option} {text or '(nothing)'}: the sides are local and docker{near(text, _SIDES)}."
        )
