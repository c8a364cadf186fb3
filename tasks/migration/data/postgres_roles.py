"""Roles of PostgreSQL, which belong to a cluster and to no database of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .postgres import Server


def dump(found: Server, folder: Path) -> None:
    """Write the roles into the folder, with their passwords as the server keeps them, hashed."""
    with (folder / "roles.sql").open("wb") as stream:
        roles = ("--roles-only", "--no-comments", "-l", found.maintenance)
        found.tools.run("pg_dumpall", *roles, doing="dumping the roles", write=stream)


def apply(found: Server, folder: Path, *, missing_only: bool) -> None:
    """Make the roles that are missing; with the others, give all the source's attributes.

    But for the role that the cluster was made with: its password is this side's own.
    """
    sql = "SELECT json_build_array(quote_ident(rolname), oid = 10) FROM pg_roles;"
    rows = [
        json.loads(line)
        for line in found.psql(found.maintenance, sql, "listing the roles").splitlines()
    ]
    known = {name for name, _ in rows}
    own = {name for name, first in rows if first}
    lines = (folder / "roles.sql").read_text(encoding="utf-8").splitlines()
    new = [line for line in lines if line.startswith("CREATE ROLE ")]
    new = [line for line in new if line.removeprefix("CREATE ROLE ").rstrip(";") not in known]
    kept: Sequence[str] = new
    if not missing_only:
        kept = [
            line
            for line in lines
            if (not line.startswith("CREATE ROLE ") or line in new)
            and not any(line.startswith(f"ALTER ROLE {name} WITH ") for name in own)
        ]
    if kept:
        found.psql(found.maintenance, "\n".join(kept), "restoring the roles")
