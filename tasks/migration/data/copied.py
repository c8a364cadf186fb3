"""What a copy did; and of one that was cut short, what of it still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import dumps
from .copy_journal import Journal
from .drivers import driver
from .manifest import Manifest, differences, from_json
from .site import Site
from .snapshot_shelf import Snapshot
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


def still_done(
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


def require_unchanged(done: Mapping[str, Copied], source: Site, chosen: Sequence[Store]) -> None:
    """Raise for a store that was found copied and was written to before the source was frozen."""
    for store in chosen:
        if store.name in done:
            with driver(source, store) as reader:
                changed = differences(
                    done[store.name].source, reader.again(done[store.name].source)
                )
            if changed:
                raise dumps.changed_meanwhile(store, source, changed)
