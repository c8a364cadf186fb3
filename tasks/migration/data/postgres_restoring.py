"""pg_restore of one database: by several connections where several tables are big."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ...errors import DataRefused
from .manifest import Manifest
from .postgres import Server, named
from .tools import Tools

BIG_ROWS = 20_000
"""Rows of a table from which it is worth a connection of its own."""
PARALLEL_FROM = 8 * 1024 * 1024
"""Bytes of a dump from which it is; measured: below it, their start takes what they gain."""
_MOST = 4

_NO_ROOM = "tranship: no room here for the dump"
_BY_A_FILE = f"""
file=$(mktemp 2>/dev/null) && cat >"$file" 2>/dev/null && exec 3<"$file" || {{
    rm -f "$file"
    cat >/dev/null
    echo "{_NO_ROOM}" >&2
    exit 1
}}
rm "$file"
exec "$@" /proc/self/fd/3
"""
"""Several connections need a file that each can seek in, and a container is given a stream;
the file is gone at once, so that none is left however this ends."""


def big(described: Manifest, database: str) -> int:
    """Return how many big tables the manifest has of a database."""
    return sum(
        1
        for entry in described.entries.values()
        if entry.kind == "table"
        and entry.name.startswith(f"{database}.")
        and (entry.count or 0) >= BIG_ROWS
    )


def jobs(size: int, tables: int, processors: int) -> int:
    """Return by how many connections a dump of so many bytes and big tables is restored."""
    return max(1, min(_MOST, tables, processors)) if size >= PARALLEL_FROM else 1


def cpus() -> int:
    """Return how many processors there are."""
    return os.cpu_count() or 1


def restore(found: Server, name: str, shown: str, path: Path, tables: int) -> None:
    """Restore a dump that has so many big tables into a database that is empty."""
    options = ("--exit-on-error", "-d", named(name))
    tools = _unhurried(found.tools)
    doing = f"restoring {shown}"
    several = jobs(path.stat().st_size, tables, cpus())
    if several > 1:
        call = ("pg_restore", *options, f"--jobs={several}")
        if found.tools.folder is not None:
            tools.run(*call, str(path), doing=doing)
            return
        try:
            with path.open("rb") as stream:
                script = ("-c", _BY_A_FILE, "sh", *call)
                tools.run("sh", *script, doing=doing, read=stream)
            return
        except DataRefused as error:
            if _NO_ROOM not in str(error):
                raise
    with path.open("rb") as stream:
        tools.run("pg_restore", *options, doing=doing, read=stream)


def _unhurried(tools: Tools) -> Tools:
    """Return tools whose commits need not wait for the disk: the exchange's commit does."""
    options = f"{tools.environment['PGOPTIONS']} -c synchronous_commit=off"
    return replace(tools, environment={**tools.environment, "PGOPTIONS": options})
