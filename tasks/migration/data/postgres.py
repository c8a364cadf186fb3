"""PostgreSQL: what a server holds, by its own psql, and the dump of it by its own pg_dump."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...modes import servers
from ...modes.docker import DockerMode
from ...modes.local import LocalMode
from .manifest import Entry, Manifest, keyed
from .site import Site
from .stores import Store
from .tools import Tools, container_of, tools, variables_of

_HERE = Path(__file__).parent
STAGED = "tranship new "
"""How the name of a database begins that a copy fills; by it one left by a kill is known."""
OUTGOING = "tranship old "


@dataclass(frozen=True)
class Server:
    """One PostgreSQL server and how its tools reach it."""

    tools: Tools
    user: str
    database: str
    """The one that it was made with."""

    @property
    def maintenance(self) -> str:
        """A database that no copy replaces."""
        return "template1"

    def psql(self, database: str, text: str, doing: str) -> str:
        """Run SQL, each statement for itself, and return the bare output."""
        options = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", named(database))
        return self.tools.run("psql", *options, doing=doing, text=text)


def server(site: Site, store: Store) -> Server:
    """Return the store's server on this side.

    Raises DataRefused when it does not run.
    """
    variables = variables_of(site, store)
    user = variables.get("POSTGRES_USER") or "postgres"
    database = variables.get("POSTGRES_DB") or user
    password = variables.get("POSTGRES_PASSWORD") or _from_file(site, store, variables)
    folder: Path | None = None
    port = 5432
    if isinstance(site.mode, LocalMode):
        service = site.project.stack.services[store.service]
        port = site.mode.ports.local[store.service, service.container_port or 5432]
        folder = servers.postgres_binaries(site.mode.bin_directory, site.project.settings.local)
    else:
        port = int(variables.get("PGPORT") or 5432)
    environment = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGUSER": user,
        "PGPASSWORD": password,
        "PGCLIENTENCODING": "UTF8",
        "PGAPPNAME": "tranship",
        "PGCONNECT_TIMEOUT": "10",
        # A frozen server is read-only for all who do not ask otherwise, and so are we.
        "PGOPTIONS": "-c default_transaction_read_only=off",
    }
    return Server(tools(site, store, environment, folder), user, database)


def _from_file(site: Site, store: Store, variables: Mapping[str, str]) -> str:
    """Return the password that a container reads from a secret's file."""
    path = variables.get("POSTGRES_PASSWORD_FILE")
    if not path or not isinstance(site.mode, DockerMode):
        return ""
    from ...stack.engine import engine_errors

    with engine_errors(f"Reading the password of {store.name}"):
        output = site.mode.client.container.execute(
            container_of(site, store).id, ["cat", path], tty=False
        )
    return str(output).rstrip("\n")


def named(database: str) -> str:
    """Return a connection string for a database, whatever its name holds."""
    quoted = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}'"


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def databases(found: Server) -> tuple[str, ...]:
    """Return the databases that hold a project's data: all but templates and our own."""
    sql = (
        "SELECT json_agg(datname ORDER BY datname) FROM pg_database "
        "WHERE NOT datistemplate AND datallowconn;"
    )
    names = json.loads(found.psql(found.maintenance, sql, "listing the databases"))
    return tuple(name for name in names if not name.startswith((STAGED, OUTGOING)))


def version(found: Server) -> str:
    """Return the server's version, such as 18.6."""
    return found.psql(found.maintenance, "SHOW server_version;", "asking its version").split()[0]


def manifest(found: Server, only: Mapping[str, str] | None = None) -> Manifest:
    """Return what the server holds.

    `only` maps databases to look at to the names that they are described by; without it,
    those of the project under their own.
    """
    cluster = (_HERE / "postgres_cluster.sql").read_text()
    head = _lines(found.psql(found.maintenance, cluster, "reading the cluster"))
    present = [entry.name for entry in head if entry.kind == "database"]
    chosen = {name: name for name in present if not name.startswith((STAGED, OUTGOING))}
    if only is not None:
        chosen = dict(only)
    entries: list[Entry] = []
    for database, inside in insides(found, chosen).items():
        shown = chosen[database]
        # The one that every cluster has counts only when somebody has put something there.
        if shown == "postgres" and found.database != "postgres" and untouched(inside):
            continue
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
    )


def blank(described: Manifest) -> bool:
    """Return whether the server is as it was made: databases, and nothing in them."""
    return all(
        entry.kind == "database" or (entry.kind == "extension" and entry.name.endswith(".plpgsql"))
        for entry in described.entries.values()
    )


def untouched(entries: Iterable[Entry]) -> bool:
    """Return whether a database holds nothing that somebody put there."""
    return all((entry.kind, entry.name) == ("extension", "plpgsql") for entry in entries)


def insides(found: Server, databases: Iterable[str]) -> dict[str, tuple[Entry, ...]]:
    """Return what each of these databases holds.

    All by one psql: its start, in a container above all, is what takes the time.
    """
    read = (_HERE / "postgres_manifest.sql").read_text()
    parts = [f"\\connect {_argument(named(name))}\n{read}" for name in databases]
    found_by_name: dict[str, list[Entry]] = {}
    inside: list[Entry] = []
    if parts:
        names = ", ".join(databases)
        for entry in _lines(found.psql(found.maintenance, "".join(parts), f"reading {names}")):
            if entry.kind == "within":
                inside = found_by_name.setdefault(entry.name, [])
            else:
                inside.append(entry)
    return {name: tuple(entries) for name, entries in found_by_name.items()}


def _argument(text: str) -> str:
    """Return a text as an argument of a psql command."""
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"


def _lines(output: str) -> tuple[Entry, ...]:
    rows = (json.loads(line) for line in output.splitlines() if line)
    return tuple(
        Entry(kind, name, digest or "", count, noun) for kind, name, digest, count, noun in rows
    )


def holds(described: Manifest) -> str | None:
    """Return what there is to lose, in words; None when there are no rows at all."""
    tables = [e for e in described.entries.values() if e.noun and e.count]
    if not tables:
        return None
    rows = sum(entry.count or 0 for entry in tables)
    return f"{rows} rows in {len(tables)} table{'s' if len(tables) > 1 else ''}"
