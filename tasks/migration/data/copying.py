"""Copying: the stores of one side into those of the other, all of it or nothing of a store.

    freeze the source -> describe and dump it -> stage it beside what the target holds ->
    compare the stage and the source again -> put it in place -> compare -> thaw

Until it is put in place, the target is as it was; the source is only ever read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

from ...errors import DataRefused
from ...modes.base import silent
from . import abreast, dumps, records, snapshots
from .copied import Copied, CopyReport, require_unchanged, still_done
from .copy_journal import Journal, begin, finish, folder_of
from .drivers import Driver, abandoned, driver
from .freezing import Pause, frozen
from .manifest import Manifest, differences
from .site import Site, Tell, opened, services_running
from .snapshots import Snapshot, Stage
from .stores import Store


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
        done = still_done(journal, here, there, chosen)
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
        require_unchanged(done, here, chosen)
        done |= _copied(journal, here, there, missing, kept, cleaning, tell)
        report = CopyReport(
            journal.id,
            tuple(done[store.name] for store in chosen),
            0.0,
            kept,
        )
    finish(journal)
    return CopyReport(report.id, report.stores, pause.seconds if freeze else 0.0, report.kept)


@dataclass(frozen=True)
class _Sent:
    """One store on its way: what the source held, and where it waits at the target."""

    described: Manifest
    size: int
    seconds: float
    writer: Driver
    stage: Stage


def _copied(
    journal: Journal,
    source: Site,
    target: Site,
    chosen: Sequence[Store],
    kept: Snapshot | None,
    cleaning: ExitStack,
    tell: Tell,
) -> dict[str, Copied]:
    sent = abreast.each(chosen, lambda store: _sent(journal, source, target, store, cleaning, tell))

    def unchanged(store: Store) -> None:
        with driver(source, store) as reader:
            _require_same_as(sent[store].described, reader, source, store)

    # A write that came although the source is frozen is in no dump.
    abreast.each(chosen, unchanged)
    return {store.name: _put(journal, target, store, sent[store], kept, tell) for store in chosen}


def _sent(
    journal: Journal, source: Site, target: Site, store: Store, cleaning: ExitStack, tell: Tell
) -> _Sent:
    """Read a store and bring it as far as can be without touching what the target holds."""
    began = time.monotonic()
    folder = journal.folder / dumps.part(store)
    folder.mkdir(mode=0o700, parents=True)
    tell(f"reading {store.name} on {source.side}")
    with driver(source, store) as reader:
        described, size = dumps.dumped(reader, store, folder)
        abreast.require_going()
        tell(f"restoring {store.name} on {target.side}")
        writer = cleaning.enter_context(driver(target, store))
        try:
            stage = snapshots.staged(target, writer, folder, described, tell)
        except DataRefused:
            # Of a source that is written to, that is what there is to say.
            _require_same_as(described, reader, source, store)
            raise
    cleaning.enter_context(abandoned(writer))
    return _Sent(described, size, time.monotonic() - began, writer, stage)


def _require_same_as(described: Manifest, reader: Driver, source: Site, store: Store) -> None:
    changed = differences(described, reader.again(described))
    if changed:
        raise dumps.changed_meanwhile(store, source, changed)


def _put(
    journal: Journal,
    target: Site,
    store: Store,
    sent: _Sent,
    kept: Snapshot | None,
    tell: Tell,
) -> Copied:
    """Put one store in its place, and note it."""
    began = time.monotonic()
    tell(f"putting {store.name} in its place on {target.side}")
    journal.committing = [*dict.fromkeys([*journal.committing, store.name])]
    journal.write()
    folder = journal.folder / dumps.part(store)
    try:
        arrived = snapshots.committed(
            target, store, sent.writer, sent.stage, folder, sent.described, kept
        )
    except DataRefused as error:
        if error.undone:
            journal.committing.remove(store.name)
            journal.write()
        raise
    seconds = sent.seconds + time.monotonic() - began
    journal.done[store.name] = {
        "size": sent.size,
        "seconds": seconds,
        "source": sent.described.as_json(),
        "target": arrived.as_json(),
    }
    journal.write()
    described = sent.described
    return Copied(store.name, store.kind, described.rows, sent.size, seconds, described, arrived)


def _abandon(site: Site, store: Store) -> None:
    with driver(site, store) as found:
        found.abandon()


def _check_versions(source: Site, target: Site, chosen: Sequence[Store]) -> None:
    versions = {}
    for store in chosen:
        with driver(source, store) as found:
            versions[store.name] = found.version()
    snapshots.require_not_older(target, chosen, versions)
