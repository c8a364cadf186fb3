"""What a PostgreSQL server holds, told by its own psql; a second time without reading the rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from .manifest import Entry, Manifest, keyed
from .postgres import OUTGOING, STAGED, Server, argument, named

_HERE = Path(__file__).parent
_XIDS = 1 << 32
"""How many transaction ids a row's header tells apart."""

Mark = tuple[str, str]
"""A database's number and the oldest transaction that ran when it was read."""


def manifest(
    found: Server,
    only: Mapping[str, str] | None = None,
    marks: Mapping[str, Mark] | None = None,
) -> Manifest:
    """Return what the server holds.

    `only` maps databases to look at to the names that they are described by; without it,
    those of the project under their own. Tables of databases with a mark are not read
    through, where that mark still tells what was written since (see `again`).
    """
    cluster = (_HERE / "postgres_cluster.sql").read_text()
    parts = [] if only is None else [_connected(name, (marks or {}).get(name)) for name in only]
    output = found.psql(found.maintenance, "".join([cluster, *parts]), "reading what it holds")
    head, inside_of = _split(output)
    chosen = only
    if chosen is None:
        present = [entry.name for entry in head if entry.kind == "database"]
        chosen = {name: name for name in present if not name.startswith((STAGED, OUTGOING))}
        inside_of = insides(found, chosen, marks)
    entries: list[Entry] = []
    found_marks: dict[str, Mark] = {}
    for database, (mark, inside) in inside_of.items():
        shown = chosen[database]
        # The one that every cluster has counts only when somebody has put something there.
        if shown == "postgres" and found.database != "postgres" and untouched(inside):
            continue
        found_marks[shown] = mark
        entries += [
            replace(entry, name=shown)
            for entry in head
            if entry.kind == "database" and entry.name == database
        ]
        entries += [
            replace(entry, name=f"{shown}.{entry.name}" if entry.name else f"of {shown}")
            for entry in inside
        ]
    return Manifest(
        found.tools.store,
        "postgres",
        next(entry.name for entry in head if entry.kind == "version").split()[0],
        keyed(*entries),
        float(next(entry.digest for entry in head if entry.kind == "time")),
        cluster=keyed(*(entry for entry in head if entry.kind == "role")),
        marks=found_marks,
    )


def again(found: Server, earlier: Manifest) -> Manifest:
    """Return what the server holds now, having read it before, also under other names.

    A table in which no row is newer than that reading, and that has as many rows, holds the
    same rows, as long as no definition differs (a new column changes rows and writes none):
    their digests are those of before. All else is read anew, and so is everything where one
    table or definition does not show that.
    """
    now = manifest(found, marks=earlier.marks)
    entries = {}
    for key, entry in now.entries.items():
        before = earlier.entries.get(key)
        if entry.kind == "table" and not entry.digest and before is not None:
            entry = replace(entry, digest=before.digest if entry.count == before.count else "")
        unproved = entry.kind == "table" and entry.digest in ("", _WRITTEN)
        if unproved or (entry.kind not in _NO_DEFINITION and entry != before):
            return manifest(found)
        entries[key] = entry
    return replace(now, entries=entries)


_WRITTEN = "written"
_NO_DEFINITION = frozenset({"table", "sequence", "large objects"})


def blank(described: Manifest) -> bool:
    """Return whether the server is as it was made: databases, and nothing in them."""
    return all(
        entry.kind == "database" or (entry.kind == "extension" and entry.name.endswith(".plpgsql"))
        for entry in described.entries.values()
    )


def holds(described: Manifest) -> str | None:
    """Return what there is to lose, in words; None when there are no rows at all."""
    tables = [e for e in described.entries.values() if e.noun and e.count]
    if not tables:
        return None
    rows = sum(entry.count or 0 for entry in tables)
    return f"{rows} rows in {len(tables)} table{'s' if len(tables) > 1 else ''}"


def untouched(entries: Iterable[Entry]) -> bool:
    """Return whether a database holds nothing that somebody put there."""
    return all((entry.kind, entry.name) == ("extension", "plpgsql") for entry in entries)


def insides(
    found: Server, databases: Iterable[str], marks: Mapping[str, Mark] | None = None
) -> dict[str, tuple[Mark, tuple[Entry, ...]]]:
    """Return what each of these databases holds, and its mark.

    All by one psql: its start, in a container above all, is what takes the time.
    """
    parts = [_connected(name, (marks or {}).get(name)) for name in databases]
    if not parts:
        return {}
    text, doing = "".join(parts), f"reading {', '.join(databases)}"
    return _split(found.psql(found.maintenance, text, doing))[1]


def _connected(database: str, mark: Mark | None) -> str:
    known, since = mark or ("", "0")
    lines = (
        f"\\connect {argument(named(database))}",
        f"\\set known {argument(known)}",
        f"\\set since {int(since) % _XIDS}",
        (_HERE / "postgres_manifest.sql").read_text(),
    )
    return "\n".join(lines)


def _split(output: str) -> tuple[list[Entry], dict[str, tuple[Mark, tuple[Entry, ...]]]]:
    """Return what was said of the cluster, and then of each database."""
    head: list[Entry] = []
    inside = head
    found: dict[str, tuple[Mark, list[Entry]]] = {}
    for line in output.splitlines():
        if not line:
            continue
        kind, name, digest, count, noun = json.loads(line)
        if kind == "within":
            number, oldest = digest.split()
            inside = found.setdefault(name, ((number, oldest), []))[1]
        else:
            inside.append(Entry(kind, name, digest or "", count, noun))
    return head, {name: (mark, tuple(entries)) for name, (mark, entries) in found.items()}
