"""PostgreSQL: a server, how its own psql is asked, and names as its SQL has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...modes import servers
from ...modes.docker import DockerMode
from ...modes.local import LocalMode
from .site import Site
from .stores import Store
from .tools import Tools, container_of, tools, variables_of

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


def argument(text: str) -> str:
    """Return a text as an argument of a psql command."""
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"
