"""PostgreSQL: its dump, the restore beside what is there, and the exchange of the two.

A restore fills new databases, which are compared with what was dumped; only then do they
take the places of the old ones, in one transaction. Whatever fails or is killed before it
leaves the target as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import DataRefused
from . import postgres_restoring, postgres_roles
from .manifest import Manifest
from .postgres import OUTGOING, STAGED, Server, databases, identifier, literal, named
from .postgres_manifest import insides, untouched
from .site import Tell

_LISTS = "'search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries'"
"""Settings whose stored value is SQL already (PostgreSQL, variable_is_guc_list_quote)."""

_DATABASES = f"""
SELECT json_agg(json_build_object(
    'name', d.datname,
    'row', to_jsonb(d),
    'encoding', pg_encoding_to_char(d.encoding),
    'owner', pg_get_userbyid(d.datdba),
    'settings', (SELECT json_agg(json_build_array(
            CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END,
            split_part(c, '=', 1), substr(c, strpos(c, '=') + 1),
            split_part(c, '=', 1) IN ({_LISTS})))
        FROM pg_db_role_setting s, unnest(s.setconfig) AS c WHERE s.setdatabase = d.oid),
    'grants', CASE WHEN d.datacl IS NOT NULL THEN (SELECT json_agg(json_build_array(
            CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
            a.privilege_type, a.is_grantable))
        FROM aclexplode(d.datacl) AS a WHERE a.grantee <> d.datdba) END,
    'acl', d.datacl IS NOT NULL) ORDER BY d.datname)
FROM pg_database d WHERE NOT d.datistemplate AND d.datallowconn;
"""  # noqa: S608 - names of settings, not data


def dump(found: Server, described: Manifest, folder: Path, *, lasting: bool) -> int:
    """Write the roles and the described databases into the folder, and return the bytes."""
    postgres_roles.dump(found, folder)
    rows = json.loads(found.psql(found.maintenance, _DATABASES, "listing the databases"))
    names = {e.name for e in described.entries.values() if e.kind == "database"}
    chosen = [row for row in rows if row["name"] in names]
    for number, row in enumerate(chosen):
        with (folder / f"{number}.dump").open("wb") as stream:
            # The pause counts: the fastest compression, and none of what is sent on at once.
            compression = f"--compress={1 if lasting else 0}"
            options = ("--format=custom", compression, "--lock-wait-timeout=30s")
            database = ("-d", named(row["name"]))
            doing = f"dumping {row['name']}"
            found.tools.run("pg_dump", *options, *database, doing=doing, write=stream)
    (folder / "databases.json").write_text(
        json.dumps(
            {
                "main": found.database,
                "databases": chosen,
                "big": {
                    row["name"]: postgres_restoring.big(described, row["name"]) for row in chosen
                },
            }
        )
    )
    return sum(path.stat().st_size for path in folder.iterdir())


def stage(found: Server, folder: Path, tell: Tell) -> dict[str, str]:
    """Restore into new databases beside those that are there; return them -> their later names.

    Raises DataRefused; the target is then as it was, but for roles that it had not.
    """
    written = json.loads((folder / "databases.json").read_text())
    if written["main"] != found.database:
        raise DataRefused(
            f"{found.tools.store}: the database of the data is called {written['main']}, and that "
            f"of {found.tools.side} {found.database}. Give both sides one name (POSTGRES_DB)."
        )
    abandon(found)
    postgres_roles.apply(found, folder, missing_only=True)
    staged: dict[str, str] = {}
    try:
        absent = all(row["name"] != "postgres" for row in written["databases"])
        if absent and not untouched(insides(found, ["postgres"])["postgres"][1]):
            staged |= _empty(found, "postgres")
        for number, row in enumerate(written["databases"]):
            name = f"{STAGED}{row['name']}"
            staged[name] = row["name"]
            _create(found, name, row, tell)
            big = written["big"][row["name"]]
            postgres_restoring.restore(found, name, row["name"], folder / f"{number}.dump", big)
            found.psql(found.maintenance, _properties(name, row), f"restoring {row['name']}")
    except BaseException:
        with suppress(DataRefused):  # why it is given up must not be hidden
            abandon(found)
        raise
    return staged


def _empty(found: Server, later: str) -> dict[str, str]:
    name = f"{STAGED}{later}"
    create = f"CREATE DATABASE {identifier(name)} TEMPLATE template0;"
    found.psql(found.maintenance, create, "making an empty database")
    return {name: later}


def clear(found: Server) -> None:
    """Put an empty database in the place of all that are there."""
    abandon(found)
    _exchange(found, _empty(found, found.database))


def _create(found: Server, name: str, row: Mapping[str, Any], tell: Tell) -> None:
    raw = row["row"]
    create = (
        f"CREATE DATABASE {identifier(name)} TEMPLATE template0 "
        f"ENCODING {literal(row['encoding'])} OWNER {identifier(row['owner'])}"
    )
    locale = f" LC_COLLATE {literal(raw['datcollate'])} LC_CTYPE {literal(raw['datctype'])}"
    icu = raw.get("daticulocale") or raw.get("datlocale")
    if raw.get("datlocprovider") == "i":
        locale += f" LOCALE_PROVIDER icu ICU_LOCALE {literal(icu)}"
    elif raw.get("datlocprovider") == "b":
        locale += f" LOCALE_PROVIDER builtin BUILTIN_LOCALE {literal(icu)}"
    doing = f"making the database {row['name']}"
    try:
        found.psql(found.maintenance, f"{create}{locale};", doing)
    except DataRefused as error:
        if "locale" not in str(error):
            raise
        found.psql(found.maintenance, f"{create};", doing)
        tell(
            f"{found.tools.store} on {found.tools.side} does not know the locale "
            f"{raw['datcollate']} of {row['name']}; it has its own there, which may sort otherwise"
        )


def _properties(name: str, row: Mapping[str, Any]) -> str:
    """Return the SQL of what belongs to a database and is in no dump of it."""
    database = identifier(name)
    lines = []
    for role, setting, value, is_list in row["settings"] or ():
        whose = (
            f"ROLE {identifier(role)} IN DATABASE {database}" if role else f"DATABASE {database}"
        )
        lines.append(f"ALTER {whose} SET {setting} TO {value if is_list else literal(value)};")
    if row["acl"]:
        lines.append(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;")
    for role, privilege, grantable in row["grants"] or ():
        whom = identifier(role) if role else "PUBLIC"
        option = " WITH GRANT OPTION" if grantable else ""
        lines.append(f"GRANT {privilege} ON DATABASE {database} TO {whom}{option};")
    return "\n".join(lines) or "SELECT;"


def commit(found: Server, staged: Mapping[str, str], folder: Path) -> None:
    """Put the staged databases in the places of the target's, in one transaction.

    Raises DataRefused; then none has changed places.
    """
    postgres_roles.apply(found, folder, missing_only=False)
    _exchange(found, staged)


def _exchange(found: Server, staged: Mapping[str, str]) -> None:
    present = databases(found)
    # Dropped later: that waits for a checkpoint, and the source for us.
    outgoing = [name for name in present if name in staged.values() or name != "postgres"]
    lines = [_ended(name) for name in (*outgoing, *staged)]
    lines += [_renamed(name, f"{OUTGOING}{name}") for name in outgoing]
    lines += [_renamed(name, later) for name, later in staged.items()]
    swap = "\n".join(["BEGIN;", *lines, "COMMIT;"])
    for attempt in range(_ATTEMPTS):
        try:
            found.psql(found.maintenance, swap, "exchanging the databases")
            break
        except DataRefused as error:
            # A client that came back between its end and our lock; renaming waits 5 s for it.
            if "being accessed by other users" not in str(error) or attempt == _ATTEMPTS - 1:
                raise


_ATTEMPTS = 3


def _ended(database: str) -> str:
    return (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "  # noqa: S608
        f"WHERE datname = {literal(database)} AND pid <> pg_backend_pid();"
    )


def _renamed(name: str, later: str) -> str:
    return f"ALTER DATABASE {identifier(name)} RENAME TO {identifier(later)};"


def abandon(found: Server) -> None:
    """Remove what a restore left: databases that did not come to their exchange, or did."""
    sql = (
        "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database "  # noqa: S608
        f"WHERE starts_with(datname, {literal(STAGED)}) "
        f"OR starts_with(datname, {literal(OUTGOING)})"
        "\n\\gexec\n"
    )
    found.psql(found.maintenance, sql, "removing what a restore left")
