"""Cargo: the stores that a switch moves, frozen, carried over and compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ...envmap.project import Project
from ...errors import DataRefused, UsageError
from ...stack.placement import Side
from ..data import copying, snapshots
from ..data.drivers import driver, manifest
from ..data.manifest import differences
from ..data.site import Site, Tell, opened
from ..data.stores import Store, stores
from ..data.tables import in_bytes
from .operations import Remember

Sides = Mapping[str, Side]


@dataclass(frozen=True)
class Cargo:
    """The stores of one stack that are on another side in the target than in the source."""

    stores: tuple[Store, ...]
    tell: Tell

    @property
    def names(self) -> frozenset[str]:
        """The services that they are in."""
        return frozenset(store.service for store in self.stores)

    @property
    def servers(self) -> frozenset[str]:
        """Those of them that are servers; who only has files is a writer as any other."""
        return frozenset(store.service for store in self.stores if store.kind != "files")

    def snapshot(self, here: Site, name: str) -> str:
        """Keep all of them."""
        if not self.stores:
            return NOTHING
        if any(item.name == name for item in snapshots.snapshots(here.project.settings)):
            return f"{name} is there."
        found = snapshots.snapshot(here, self.stores, name, self.tell)
        return f"{name}, {in_bytes(found.size)}; writes refused {found.pause_seconds:.1f} s."

    def freeze(self, here: Site, remember: Remember) -> str:
        """Refuse writes; what to undo is remembered before anything is done."""
        if not self.stores:
            return NOTHING
        with opened(here, self.stores, self.tell) as reached:
            records: dict[str, dict[str, Any]] = {}
            for store in self.stores:
                with driver(reached, store) as found:
                    records[_key(store, here)] = dict(found.settings())
            remember(records)
            for store in self.stores:
                with driver(reached, store) as found:
                    found.freeze()
        return f"{', '.join(store.name for store in self.stores)} refuse writes."

    def thaw(self, here: Site, records: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Take writes again, also where nothing runs: it is started for that."""
        frozen = [store for store in self.stores if _key(store, here) in records]
        if not frozen:
            return ()
        with opened(here, frozen, self.tell) as reached:
            for store in frozen:
                with driver(reached, store) as found:
                    found.thaw(records[_key(store, here)])
        return tuple(_key(store, here) for store in frozen)

    def carry(self, source: Site, target: Site, *, compare: bool) -> str:
        """Have the target hold what the source does; `compare` leaves alone what is so already.

        Raises DataRefused when it does not come to that; the target is then as it was.
        """
        if not self.stores:
            return NOTHING
        with ExitStack() as stack:
            here = stack.enter_context(opened(source, self.stores, self.tell))
            there = stack.enter_context(opened(target, self.stores, self.tell))
            behind = [s for s in self.stores if not compare or _differs(here, there, s)]
            if not behind:
                return f"{target.side} holds what {source.side} does."
            report = copying.copy(here, there, behind, replace=True, freeze=False, tell=self.tell)
            left = [s for s in self.stores if s not in behind and _differs(here, there, s)]
            if left:
                names = ", ".join(store.name for store in left)
                raise DataRefused(f"{names}: changed on a side while the rest was copied.")
        rows = sum(item.rows for item in report.stores)
        kept = f" Before: snapshot {report.kept.name}." if report.kept is not None else ""
        return f"{', '.join(s.name for s in behind)}: {rows} rows and keys, compared.{kept}"

    def require_room(
        self, source: Site, target: Site, *, replace: bool, ours: Collection[str]
    ) -> None:
        """Raise UsageError for a target that holds something, without `replace`.

        `ours` are the stores, by `store on side`, that an earlier switch has left behind.

        Raises DataRefused for a server there that is older than the source's.
        """
        versions, full = {}, []
        for store in self.stores:
            with driver(source, store) as found:
                versions[store.name] = found.version()
        snapshots.require_not_older(target, self.stores, versions)
        for store in self.stores:
            if replace or _key(store, target) in ours:
                continue
            with driver(target, store) as found:
                holds = found.holds(found.manifest())
            if holds is not None:
                full.append(f"  {store.name} on {target.side} holds {holds}")
        if full:
            raise UsageError(
                "The target is not empty:\n" + "\n".join(full) + "\n--replace replaces it, and "
                "keeps it in a snapshot before."
            )

    def clear(self, here: Site) -> str:
        """Remove what they hold on a side."""
        with opened(here, self.stores, self.tell) as reached:
            for store in self.stores:
                with driver(reached, store) as found:
                    found.clear()
        names = ", ".join(store.name for store in self.stores) or "No store"
        return f"{names} on {here.side}: emptied."


NOTHING = "No store changes its side."


def _key(store: Store, site: Site) -> str:
    return f"{store.name} on {site.side}"


def _differs(one: Site, other: Site, store: Store) -> bool:
    return bool(differences(manifest(one, store), manifest(other, store)))


def cargo(project: Project, here: Sides, there: Sides, tell: Tell) -> Cargo:
    """Return the stores that change their side.

    Raises UsageError for stores that would have to change in both directions.
    """
    try:
        known: Sequence[Store] = stores(project)
    except UsageError:
        known = ()
    moving = tuple(
        store
        for store in known
        if store.service in here
        and store.service in there
        and here[store.service] != there[store.service]
    )
    if len({here[store.service] for store in moving}) > 1:
        names = ", ".join(store.name for store in moving)
        raise UsageError(
            f"{names} change sides in both directions. Switch in two turns: to docker, then on."
        )
    return Cargo(moving, tell)
