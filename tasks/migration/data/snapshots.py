"""Snapshots taken and put back: what arrives is compared, and undone when it is not the same."""

from __future__ import annotations

import datetime
import itertools
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ...errors import DataRefused, UsageError
from ...modes.base import silent
from . import records
from .drivers import Driver, abandoned, driver, give_up
from .dumps import kept, part, size_of
from .freezing import frozen
from .manifest import Manifest, differences, major
from .site import Site, Tell, opened
from .snapshot_shelf import Snapshot, as_json, named, shelf, snapshots
from .stores import Store, stores

__all__ = ["Snapshot", "named", "require_not_older", "restore", "snapshot", "snapshots"]


def snapshot(site: Site, chosen: Sequence[Store], name: str = "", tell: Tell = silent) -> Snapshot:
    """Keep what these stores hold, under a name; writes are refused meanwhile.

    Raises UsageError for a name that is taken or cannot be one, or DataRefused; then
    nothing is kept.
    """
    settings = site.project.settings
    chosen_name = name or _free(
        shelf(settings), f"{site.side}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    )
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", chosen_name):
        raise UsageError(
            f"{chosen_name!r} cannot be a snapshot's name: letters, digits, '-', '_', '.'."
        )
    folder = shelf(settings) / chosen_name
    if folder.exists():
        raise UsageError(f"A snapshot named {chosen_name} is there already.")
    with records.alone(settings), ExitStack() as stack:
        reached = stack.enter_context(opened(site, chosen, tell))
        partial = shelf(settings) / f".{chosen_name}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, mode=0o700)
        try:
            with frozen(reached, chosen, tell) as pause:
                manifests = {
                    store.name: kept(reached, store, partial / part(store), tell)
                    for store in chosen
                }
            found = Snapshot(
                chosen_name,
                folder,
                site.side,
                settings.environment,
                datetime.datetime.now().timestamp(),
                manifests,
                size_of(partial),
                pause.seconds,
            )
            records.write_json(partial / "snapshot.json", as_json(found))
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return found


def _free(folder: Path, name: str) -> str:
    """Return the name, with a number where a snapshot of the same second has it."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(it for it in names if not (folder / it).exists())


def restore(
    kept_one: Snapshot, site: Site, *, replace: bool = False, tell: Tell = silent
) -> Snapshot | None:
    """Put a snapshot's stores in the place of a side's; return the snapshot taken before.

    None: there was nothing to keep. Raises UsageError for a side that is not empty without
    `replace`, or DataRefused; what the message does not say otherwise is then as it was.
    """
    chosen = [
        store
        for store in stores(site.project, _services(kept_one))
        if store.name in kept_one.manifests
    ]
    settings = site.project.settings
    with records.alone(settings), ExitStack() as stack:
        reached = stack.enter_context(opened(site, chosen, tell))
        versions = {name: item.version for name, item in kept_one.manifests.items()}
        require_not_older(reached, chosen, versions)
        before = make_room(reached, chosen, replace=replace, tell=tell)
        for store in chosen:
            tell(f"restoring {store.name} on {site.side}")
            put(
                reached,
                store,
                kept_one.folder / part(store),
                kept_one.manifests[store.name],
                before,
                tell,
            )
    return before


def _services(found: Snapshot) -> list[str]:
    return list(dict.fromkeys(name.split(":")[0] for name in found.manifests))


def require_not_older(site: Site, chosen: Sequence[Store], versions: Mapping[str, str]) -> None:
    """Raise DataRefused for a server that is a major version older than what is to come."""
    for store in chosen:
        with driver(site, store) as found:
            here = found.version()
        if ("MariaDB" in here) != ("MariaDB" in versions[store.name]):
            raise DataRefused(
                f"{store.name}: version {here} on {site.side}, the data version "
                f"{versions[store.name]}. MySQL and MariaDB do not read each other's dumps."
            )
        if major(here) < major(versions[store.name]):
            raise DataRefused(
                f"{store.name} on {site.side} has version {here}, the data version "
                f"{versions[store.name]}: an older server cannot take it. Update it first."
            )


def make_room(site: Site, chosen: Sequence[Store], *, replace: bool, tell: Tell) -> Snapshot | None:
    """Keep what is in the way, where replacing it was asked for; None: nothing is.

    Raises UsageError for a store that is not empty without `replace`.
    """
    full = []
    anything = False
    for store in chosen:
        with driver(site, store) as found:
            described = found.manifest()
            holds = found.holds(described)
            anything = anything or not found.blank(described)
        if holds is not None:
            full.append(f"  {store.name} on {site.side} holds {holds}")
    if full and not replace:
        raise UsageError(
            "Not empty:\n" + "\n".join(full) + "\n--replace replaces it, and keeps it in a "
            "snapshot before."
        )
    if not anything:
        return None
    before = snapshot(site, chosen, f"before-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}", tell)
    if full:
        tell(f"what {site.side} held is kept in the snapshot {before.name}")
    return before


def put(
    site: Site,
    store: Store,
    folder: Path,
    described: Manifest,
    before: Snapshot | None,
    tell: Tell,
) -> Manifest:
    """Bring one dump into a store, compare, and return what the store holds then.

    Raises DataRefused; the store then holds what it did, unless the message says otherwise.
    """
    with driver(site, store) as found:
        stage = staged(site, found, folder, described, tell)
        with abandoned(found):
            return committed(site, store, found, stage, folder, described, before)


@dataclass(frozen=True)
class Stage:
    """A dump that waits for its commit."""

    held: Any
    """What the driver knows it by."""
    seen: Manifest | None
    """What is in it, where that can be seen before the commit."""


def staged(site: Site, found: Driver, folder: Path, described: Manifest, tell: Tell) -> Stage:
    """Return the stage of a dump, compared as far as it can be seen; else remove it."""
    try:
        held = found.stage(folder, tell)
        seen = found.staged(held, described)
        _require_same(site, differences(described, seen, _SENT) if seen is not None else ())
    except BaseException:
        give_up(found)
        raise
    return Stage(held, seen)


def committed(
    site: Site,
    store: Store,
    found: Driver,
    stage: Stage,
    folder: Path,
    described: Manifest,
    before: Snapshot | None,
) -> Manifest:
    """Commit a stage, compare, and return what the store holds then; else put it back."""
    try:
        found.commit(stage.held, folder)
        seen = found.again(stage.seen) if stage.seen is not None else found.manifest()
        _require_same(site, differences(described, seen, _SENT))
    except DataRefused as error:
        _put_back(site, store, found, before, error)
    return seen


def _put_back(
    site: Site, store: Store, found: Driver, before: Snapshot | None, why: DataRefused
) -> NoReturn:
    """Undo a commit that failed, and raise the error that says what the store holds now."""
    try:
        if before is not None and store.name in before.manifests:
            folder = before.folder / part(store)
            found.commit(found.stage(folder, silent), folder)
        else:
            found.clear()
    except (DataRefused, OSError) as error:
        kept = f" Its content is in the snapshot {before.name}." if before is not None else ""
        raise DataRefused(
            f"{why} {store.name} on {site.side} could not be put back as it was ({error}).{kept}"
        ) from why
    undone = DataRefused(f"{why} {store.name} on {site.side} is as it was before.")
    undone.undone = True
    raise undone from why


_SENT = ("in what was sent", "in what arrived")


def _require_same(site: Site, found: Sequence[str]) -> None:
    if found:
        more = f" And {len(found) - 5} more." if len(found) > 5 else ""
        raise DataRefused(
            f"What arrived on {site.side} differs from what was sent: {' '.join(found[:5])}{more}"
        )
