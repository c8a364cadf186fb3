"""Copying: the stores of one side into those of the other, all of it or nothing of a store.

    freeze the source -> describe and dump it -> stage it beside what the target holds ->
    compare the stage and the source again -> put it in place -> compare -> thaw

Until it is put in place, the target is as it was; the source is only ever read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

from ...errors import DataRefused
from ...modes.base import silent
from . import dumps, records, snapshots
from .copy_journal import Journal, begin, finish, folder_of
from .drivers import Driver, driver
from .freezing import Pause, frozen
from .manifest import Manifest, differences, from_json
from .site import Site, Tell, opened, services_running
from .snapshots import Snapshot
from .stores import Store


@dataclass(frozen=True)
class Copied:
    """One store that was copied, or was found copied."""

    store: str
    kind: str
    rows: int
    size: int
    """Bytes of the dump."""
    seconds: float
    source: Manifest
    target: Manifest
    before: bool = False
    """Whether an earlier copy, which this one went on with, had done it."""


@dataclass(frozen=True)
class CopyReport:
    """What a copy did."""

    id: str
    stores: tuple[Copied, ...]
    pause_seconds: float
    """How long the source refused writes."""
    kept: Snapshot | None = None
    """The snapshot of what the target held."""


def copy(
    source: Site,
    target: Site,
    chosen: Sequence[Store],
    *,
    replace: bool = False,
    resume: bool = False,
    freeze: bool = True,
    tell: Tell = silent,
) -> CopyReport:
    """Copy these stores, and prove it by comparing both sides.

    `freeze=False` is for a caller that has frozen the source and keeps it so.

    Raises UsageError for a target that is not empty without `replace`, or DataRefused for
    whatever else stands against it; the message says what the target holds then.
    """
    settings = source.project.settings
    with records.alone(settings), ExitStack() as stack:
        journal = begin(settings, source.side, target.side, resume=resume)
        here = stack.enter_context(opened(source, chosen, tell))
        there = stack.enter_context(opened(target, chosen, tell))
        _check_versions(here, there, chosen)
        if services_running(there) - {store.service for store in chosen}:
            # Somebody may write there between what is kept of it and its end.
            stack.enter_context(frozen(there, chosen, tell))
        done = _still_done(journal, here, there, chosen)
        missing = [store for store in chosen if store.name not in done]
        others = [store for store in missing if store.name not in journal.committing]
        kept = snapshots.make_room(there, others, replace=replace, tell=tell) if others else None
        if kept is None and journal.kept is not None:
            kept = snapshots.named(settings, journal.kept)
        journal.kept = kept.name if kept is not None else None
        journal.write()
        stack.enter_context(folder_of(journal))
        # What is removed at last is removed when the source takes writes again.
        cleaning = stack.enter_context(ExitStack())
        for store in chosen:
            if store.name in done:  # the try that did it was killed before its end
                cleaning.callback(_abandon, there, store)
        pause = stack.enter_context(
            frozen(here, chosen, tell) if freeze else nullcontext(Pause(time.monotonic()))
        )
        _require_unchanged(done, here, chosen)
        done |= _copied(journal, here, there, missing, kept, cleaning, tell)
        report = CopyReport(
            journal.id,
            tuple(done[store.name] for store in chosen),
            0.0,
            kept,
        )
    finish(journal)
    return CopyReport(report.id, report.stores, pause.seconds if freeze else 0.0, report.kept)


def _copied(
    journal: Journal,
    source: Site,
    target: Site,
    chosen: Sequence[Store],
    kept: Snapshot | None,
    cleaning: ExitStack,
    tell: Tell,
) -> dict[str, Copied]:
    sent: dict[str, tuple[Manifest, int, float]] = {}
    drivers: dict[str, tuple[Driver, Any]] = {}
    for store in chosen:
        began = time.monotonic()
        folder = journal.folder / dumps.part(store)
        folder.mkdir(mode=0o700, parents=True)
        tell(f"reading {store.name} on {source.side}")
        with driver(source, store) as reader:
            described = reader.manifest()
            size = dumps.dumped(reader, store, described, folder)
        tell(f"restoring {store.name} on {target.side}")
        writer = cleaning.enter_context(driver(target, store))
        drivers[store.name] = (
            writer,
            snapshots.staged(target, writer, folder, described, tell),
        )
        cleaning.callback(writer.abandon)
        sent[store.name] = described, size, time.monotonic() - began
    for store in chosen:
        # A write that came although the source is frozen is in no dump.
        with driver(source, store) as reader:
            changed = differences(sent[store.name][0], reader.manifest())
        if changed:
            raise dumps.changed_meanwhile(store, source, changed)
    found = {}
    for store in chosen:
        began = time.monotonic()
        described, size, seconds = sent[store.name]
        writer, stage = drivers[store.name]
        tell(f"putting {store.name} in its place on {target.side}")
        journal.committing = [*dict.fromkeys([*journal.committing, store.name])]
        journal.write()
        folder = journal.folder / dumps.part(store)
        try:
            arrived = snapshots.committed(target, store, writer, stage, folder, described, kept)
        except DataRefused as error:
            if error.undone:
                journal.committing.remove(store.name)
                journal.write()
            raise
        seconds += time.monotonic() - began
        rows = described.rows
        found[store.name] = Copied(store.name, store.kind, rows, size, seconds, described, arrived)
        journal.done[store.name] = {
            "size": size,
            "seconds": seconds,
            "source": described.as_json(),
            "target": arrived.as_json(),
        }
        journal.write()
    return found


def _abandon(site: Site, store: Store) -> None:
    with driver(site, store) as found:
        found.abandon()


def _check_versions(source: Site, target: Site, chosen: Sequence[Store]) -> None:
    versions = {}
    for store in chosen:
        with driver(source, store) as found:
            versions[store.name] = found.version()
    snapshots.require_not_older(target, chosen, versions)


def _still_done(
    journal: Journal, source: Site, target: Site, chosen: Sequence[Store]
) -> dict[str, Copied]:
    """Return the stores that an earlier try copied and that neither side has changed since."""
    found = {}
    for store in chosen:
        record = journal.done.get(store.name)
        if record is None:
            continue
        then = from_json(record["source"]), from_json(record["target"])
        now = []
        for site in (source, target):
            with driver(site, store) as reader:
                now.append(reader.manifest())
        if not (differences(then[0], now[0]) or differences(then[1], now[1])):
            found[store.name] = Copied(
                store.name,
                store.kind,
                now[0].rows,
                record["size"],
                record["seconds"],
                now[0],
                now[1],
                before=True,
            )
        elif differences(then[1], now[1]):
            # Written to since: it is not this copy's to replace unasked.
            journal.committing = [name for name in journal.committing if name != store.name]
    return found


def _require_unchanged(done: Mapping[str, Copied], source: Site, chosen: Sequence[Store]) -> None:
    """Raise for a store that was found copied and was written to before the source was frozen."""
    for store in chosen:
        if store.name in done:
            with driver(source, store) as reader:
                changed = differences(done[store.name].source, reader.manifest())
            if changed:
                raise dumps.changed_meanwhile(store, source, changed)
