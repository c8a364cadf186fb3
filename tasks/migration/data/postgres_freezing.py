"""PostgreSQL refuses writes: read-only by default for every session, and no old session left."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import DataRefused
from .postgres import Server, literal

_WAIT_SECONDS = 10.0

_BEFORE = """
SELECT json_build_object('before', (SELECT setting FROM pg_file_settings
    WHERE name = 'default_transaction_read_only' AND sourcefile LIKE '%/postgresql.auto.conf'
    ORDER BY seqno DESC LIMIT 1));
"""
_END_OTHERS = """
DO $$
DECLARE
    since timestamptz := clock_timestamp();
    tries int := 0;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            AND backend_start < since;
        EXIT WHEN NOT FOUND;
        tries := tries + 1;
        IF tries > 500 THEN
            RAISE 'a session does not end within 10 s (look for it in pg_stat_activity)';
        END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;
"""


def settings(found: Server) -> dict[str, Any]:
    """Return what `freeze` changes, as it is now."""
    text = found.psql(found.maintenance, _BEFORE, "reading its settings")
    return dict(json.loads(text))


def freeze(found: Server) -> None:
    """Make sessions read-only and end those that began before.

    A session that asks for `READ WRITE` by itself is not stopped; what it changes is seen by
    the manifests around a copy.

    Raises DataRefused where something overrides the setting.
    """
    _set(found, "on")
    deadline = time.monotonic() + _WAIT_SECONDS
    while not frozen(found):
        if time.monotonic() > deadline:
            raise DataRefused(
                f"{found.tools.store} on {found.tools.side}: its sessions stay writable. Something "
                "sets default_transaction_read_only: its command line, or ALTER ROLE or DATABASE."
            )
    found.psql(found.maintenance, _END_OTHERS, "ending the other sessions")


def frozen(found: Server) -> bool:
    """Return whether a new session is read-only."""
    shown = _plain(found).psql(
        found.database, "SHOW default_transaction_read_only;", "reading its settings"
    )
    return shown.strip() == "on"


def thaw(found: Server, record: Mapping[str, Any]) -> None:
    """Put the setting back as it was."""
    _set(found, record["before"])


def _set(found: Server, value: str | None) -> None:
    name = "default_transaction_read_only"
    change = f"SET {name} = {literal(value)}" if value is not None else f"RESET {name}"
    found.psql(
        found.maintenance,
        f"ALTER SYSTEM {change};\nSELECT pg_reload_conf();",
        "changing default_transaction_read_only",
    )


def _plain(found: Server) -> Server:
    """Return the server as others reach it, without the right that our sessions take."""
    environment = {**found.tools.environment, "PGOPTIONS": ""}
    return replace(found, tools=replace(found.tools, environment=environment))
