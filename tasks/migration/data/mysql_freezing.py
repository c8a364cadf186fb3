"""MySQL refuses writes: read-only for all but administrators, and no old session left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...errors import DataRefused
from .mysql import Server


def settings(found: Server) -> dict[str, Any]:
    """Return what `freeze` changes, as it is now."""
    rows = found.sql("SELECT @@GLOBAL.read_only;", "reading its settings")
    return {"read_only": int(rows[0][0])}


def freeze(found: Server) -> None:
    """Refuse writes of all but administrators, and end the sessions of the others."""
    _set(found, 1)
    rows = found.sql(
        "SELECT id FROM information_schema.processlist "
        "WHERE id <> CONNECTION_ID() AND user NOT IN ('system user', 'event_scheduler');",
        "listing the sessions",
    )
    for row in rows:
        try:
            found.sql(f"KILL {int(row[0])};", "ending the other sessions")
        except DataRefused as error:
            if "Unknown thread id" not in str(error):
                raise


def frozen(found: Server) -> bool:
    """Return whether writes are refused."""
    return bool(settings(found)["read_only"] == 1)


def thaw(found: Server, record: Mapping[str, Any]) -> None:
    """Put the setting back as it was."""
    _set(found, int(record["read_only"]))


def _set(found: Server, value: int) -> None:
    found.sql(f"SET GLOBAL read_only = {value};", "changing read_only")


@contextmanager
def writable(found: Server) -> Iterator[None]:
    """Let a server that refuses writes take ours while the block runs."""
    if not frozen(found):
        yield
        return
    _set(found, 0)
    try:
        yield
    finally:
        _set(found, 1)
