"""MySQL and MariaDB: what a server holds, its dump and its restore, by its own client."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import DataRefused
from ...modes.local import LocalMode
from .manifest import Entry, Manifest, keyed
from .site import Site
from .stores import Store
from .tools import Tools, tools, variables_of

_SYSTEM = "('mysql', 'information_schema', 'performance_schema', 'sys')"
_TYPES_OF_BYTES = ("blob", "binary", "bit", "geometry", "point", "polygon", "linestring")

_COLUMNS = f"""
SELECT HEX(c.table_schema), HEX(c.table_name), HEX(c.column_name), c.data_type,
    HEX(CONCAT_WS(' ', c.column_type, c.is_nullable, c.extra, c.character_set_name))
FROM information_schema.columns c JOIN information_schema.tables t
    ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN {_SYSTEM}
ORDER BY c.table_schema, c.table_name, c.ordinal_position;
"""  # noqa: S608 - fixed names

_DEFINITIONS = f"""
SELECT 'database', HEX(schema_name), '', '' FROM information_schema.schemata
WHERE schema_name NOT IN {_SYSTEM};
SELECT 'view', HEX(table_schema), HEX(table_name), MD5(view_definition)
FROM information_schema.views WHERE table_schema NOT IN {_SYSTEM};
SELECT 'function', HEX(routine_schema), HEX(routine_name), MD5(routine_definition)
FROM information_schema.routines WHERE routine_schema NOT IN {_SYSTEM};
SELECT 'trigger', HEX(trigger_schema), HEX(trigger_name), MD5(action_statement)
FROM information_schema.triggers WHERE trigger_schema NOT IN {_SYSTEM};
SELECT 'event', HEX(event_schema), HEX(event_name), MD5(event_definition)
FROM information_schema.events WHERE event_schema NOT IN {_SYSTEM};
SELECT 'index', HEX(table_schema), HEX(CONCAT_WS('.', table_name, index_name)),
    MD5(GROUP_CONCAT(CONCAT_WS(' ', column_name, sub_part, non_unique) ORDER BY seq_in_index))
FROM information_schema.statistics WHERE table_schema NOT IN {_SYSTEM}
GROUP BY table_schema, table_name, index_name;
"""  # noqa: S608 - fixed names

_SESSION = "SET SESSION time_zone = '+00:00', group_concat_max_len = 1000000;\n"


@dataclass(frozen=True)
class Server:
    """One MySQL or MariaDB server and how its tools reach it."""

    tools: Tools
    client: str
    dumper: str
    user: str

    @property
    def options(self) -> tuple[str, ...]:
        """What every call begins with; the clients take no user from a variable."""
        # First, and alone: no file of this host or of the image changes what is done.
        return "--no-defaults", "--host=127.0.0.1", f"--user={self.user}"

    def sql(self, text: str, doing: str) -> list[list[str]]:
        """Run SQL and return the rows; names and texts are to be asked for in HEX."""
        options = (*self.options, "--batch", "--skip-column-names", "--raw")
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                output = self.tools.run(self.client, *options, doing=doing, text=text)
            except DataRefused as error:
                # `health: {tcp: true}` is content with the port, which Docker itself opens.
                if "Can't connect" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN_SECONDS)
                continue
            return [line.split("\t") for line in output.splitlines()]


_READY_SECONDS = 20.0
_AGAIN_SECONDS = 0.2


def server(site: Site, store: Store) -> Server:
    """Return the store's server on this side.

    Raises DataRefused when it does not run.
    """
    variables = variables_of(site, store)
    user, password = account(variables)
    port = 3306
    if isinstance(site.mode, LocalMode):
        service = site.project.stack.services[store.service]
        port = site.mode.ports.local[store.service, service.container_port or 3306]
    environment = {
        "MYSQL_PWD": password,
        "MYSQL_TCP_PORT": str(port),
    }
    found = tools(site, store, environment, None)
    return Server(found, *_programs(found), user)


def account(variables: Mapping[str, str]) -> tuple[str, str]:
    """Return the user and the password that the image's variables give: root's, if there."""
    for name in ("MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"):
        if variables.get(name):
            return "root", variables[name]
    for prefix in ("MARIADB", "MYSQL"):
        if variables.get(f"{prefix}_USER"):
            return variables[f"{prefix}_USER"], variables.get(f"{prefix}_PASSWORD", "")
    return "root", ""


def _programs(found: Tools) -> tuple[str, str]:
    """Return the names of client and dumper: MariaDB 11 has no `mysql` any more."""
    script = (
        "command -v mariadb || command -v mysql; command -v mariadb-dump || command -v mysqldump"
    )
    lines = found.run("sh", "-c", script, doing="looking for its client").split()
    if len(lines) < 2:
        raise found.refused("looking for its client", "there is no mysql and no mysqldump.")
    return lines[0], lines[1]


def manifest(found: Server) -> Manifest:
    """Return what the server holds."""
    tables: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for schema, table, column, kind, definition in found.sql(_COLUMNS, "reading its tables"):
        tables.setdefault((_text(schema), _text(table)), []).append(
            (_text(column), kind, _text(definition))
        )
    lines = [_SESSION]
    lines += [
        _counted(number, *name, columns) for number, (name, columns) in enumerate(tables.items())
    ]
    lines.append(_DEFINITIONS)
    lines.append("SELECT 'version', HEX(VERSION()), UNIX_TIMESTAMP(), '';")
    entries, version, taken_at = [], "", time.time()
    names = list(tables)
    for kind, first, second, digest in found.sql("\n".join(lines), "reading its rows"):
        if kind == "table":
            schema, table = names[int(first)]
            entries.append(Entry("table", f"{schema}.{table}", digest, int(second), "rows"))
        elif kind == "version":
            version, taken_at = _text(first), float(second)
        else:
            name = ".".join(filter(None, (_text(first), _text(second))))
            entries.append(Entry(kind, name, digest))
    for (schema, table), columns in tables.items():
        digest = hashlib.sha256(repr(columns).encode()).hexdigest()[:32]
        entries.append(Entry("columns of table", f"{schema}.{table}", digest))
    return Manifest(found.tools.store, "mysql", version, keyed(*entries), taken_at)


def _text(in_hex: str) -> str:
    return bytes.fromhex(in_hex).decode("utf-8", "backslashreplace") if in_hex != "NULL" else ""


def _counted(number: int, schema: str, table: str, columns: Sequence[tuple[str, str, str]]) -> str:
    """Return the SELECT that gives rows and a checksum of them in no order."""
    parts = []
    for name, kind, _ in columns:
        plain = any(word in kind for word in _TYPES_OF_BYTES)
        value = quoted(name) if plain else f"CAST({quoted(name)} AS CHAR CHARACTER SET utf8mb4)"
        parts.append(f"COALESCE(HEX({value}), '~')")
    digest = f"MD5(CONCAT_WS('|', {', '.join(parts)}))"
    halves = [
        f"COALESCE(SUM(CAST(CONV(SUBSTRING({digest}, {start}, 15), 16, 10) AS UNSIGNED)), 0)"
        for start in (1, 17)
    ]
    return (
        f"SELECT 'table', {number}, COUNT(*), CONCAT_WS('-', {', '.join(halves)}) "  # noqa: S608
        f"FROM {quoted(schema)}.{quoted(table)};"
    )


def quoted(name: str) -> str:
    """Return a name as MySQL's SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def holds(described: Manifest) -> str | None:
    """Return what there is to lose, in words; None when there are no rows at all."""
    rows = described.rows
    return f"{rows} rows" if rows else None


def version(found: Server) -> str:
    """Return the server's version."""
    return _text(found.sql("SELECT HEX(VERSION());", "asking its version")[0][0])


def _databases(found: Server) -> list[str]:
    sql = (
        "SELECT HEX(schema_name) FROM information_schema.schemata "  # noqa: S608 - fixed names
        f"WHERE schema_name NOT IN {_SYSTEM};"
    )
    return [_text(row[0]) for row in found.sql(sql, "listing the databases")]


def dump(found: Server, folder: Path) -> int:
    """Write all databases into the folder; return the bytes."""
    path = folder / "databases.sql"
    names = _databases(found)
    with path.open("wb") as stream:
        if names:
            options = ("--single-transaction", "--routines", "--events", "--triggers", "--hex-blob")
            found.tools.run(
                found.dumper,
                *found.options,
                *options,
                "--databases",
                *names,
                doing="dumping",
                write=stream,
            )
    return path.stat().st_size


def empty(found: Server) -> None:
    """Remove every database and make them anew, with nothing in them."""
    lines = [
        f"DROP DATABASE {quoted(name)}; CREATE DATABASE {quoted(name)};"
        for name in _databases(found)
    ]
    if lines:
        found.sql("\n".join(lines), "emptying")


def load(found: Server, folder: Path) -> None:
    """Restore what `dump` wrote, in the place of all databases.

    Raises DataRefused; the server then holds a part.
    """
    lines = [f"DROP DATABASE {quoted(name)};" for name in _databases(found)]
    if lines:
        found.sql("\n".join(lines), "emptying")
    with (folder / "databases.sql").open("rb") as stream:
        found.tools.run(
            found.client, *found.options, "--binary-mode", doing="restoring", read=stream
        )
