"""MySQL as a driver: its databases are replaced in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import mysql, mysql_freezing
from .manifest import Manifest
from .site import Site, Tell
from .stores import Store


class MysqlDriver:
    """A MySQL or MariaDB server."""

    def __init__(self, site: Site, store: Store) -> None:
        self._server = mysql.server(site, store)

    def version(self) -> str:
        """Return the server's version."""
        return mysql.version(self._server)

    def manifest(self) -> Manifest:
        """Return what it holds."""
        return mysql.manifest(self._server)

    def again(self, earlier: Manifest) -> Manifest:  # noqa: ARG002 - the protocol's
        """Return what it holds now, all of it read anew."""
        return self.manifest()

    def holds(self, described: Manifest) -> str | None:
        """Return what there is to lose."""
        return mysql.holds(described)

    def blank(self, described: Manifest) -> bool:
        """Return whether its databases are empty."""
        return all(entry.kind == "database" for entry in described.entries.values())

    def dump(self, folder: Path, *, lasting: bool) -> tuple[Manifest, int]:  # noqa: ARG002
        """Describe it, and write all of it into the folder."""
        return self.manifest(), mysql.dump(self._server, folder)

    def stage(self, folder: Path, tell: Tell) -> None:
        """Do nothing: databases have no other name than theirs."""

    def staged(self, stage: None, described: Manifest) -> None:
        """Return nothing: there is no stage."""

    def commit(self, stage: None, folder: Path) -> None:  # noqa: ARG002 - the protocol's
        """Replace all databases."""
        with mysql_freezing.writable(self._server):
            mysql.load(self._server, folder)

    def abandon(self) -> None:
        """Do nothing: there is no stage."""

    def clear(self) -> None:
        """Empty every database."""
        with mysql_freezing.writable(self._server):
            mysql.empty(self._server)

    def settings(self) -> Mapping[str, Any]:
        """Return what `freeze` changes."""
        return mysql_freezing.settings(self._server)

    def freeze(self) -> None:
        """Make it read-only for all but administrators."""
        mysql_freezing.freeze(self._server)

    def frozen(self) -> bool:
        """Return whether it is read-only."""
        return mysql_freezing.frozen(self._server)

    def thaw(self, record: Mapping[str, Any]) -> None:
        """Put the setting back."""
        mysql_freezing.thaw(self._server, record)

    def close(self) -> None:
        """Do nothing: each call of the client is a connection of its own."""
