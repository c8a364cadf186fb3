"""PostgreSQL as a driver: restored beside what is there, then exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import postgres, postgres_freezing, postgres_manifest, postgres_moving
from .manifest import Manifest
from .site import Site, Tell
from .stores import Store


class PostgresDriver:
    """A PostgreSQL server."""

    def __init__(self, site: Site, store: Store) -> None:
        self._server = postgres.server(site, store)

    def version(self) -> str:
        """Return the server's version."""
        return postgres.version(self._server)

    def manifest(self) -> Manifest:
        """Return what it holds."""
        return postgres_manifest.manifest(self._server)

    def again(self, earlier: Manifest) -> Manifest:
        """Return what it holds now; of rows read before, whether any was written."""
        return postgres_manifest.again(self._server, earlier)

    def holds(self, described: Manifest) -> str | None:
        """Return what there is to lose."""
        return postgres_manifest.holds(described)

    def blank(self, described: Manifest) -> bool:
        """Return whether its databases are empty."""
        return postgres_manifest.blank(described)

    def dump(self, folder: Path, *, lasting: bool) -> tuple[Manifest, int]:
        """Describe it, and write all of it into the folder."""
        described = self.manifest()
        return described, postgres_moving.dump(self._server, described, folder, lasting=lasting)

    def stage(self, folder: Path, tell: Tell) -> Mapping[str, str]:
        """Restore into databases beside those that are there."""
        return postgres_moving.stage(self._server, folder, tell)

    def staged(self, stage: Mapping[str, str], described: Manifest) -> Manifest | None:
        """Return what the new databases hold, under their later names."""
        found = postgres_manifest.manifest(self._server, stage)
        # Roles get their attributes with the commit.
        return replace(found, taken_at=0.0, cluster=described.cluster)

    def commit(self, stage: Mapping[str, str], folder: Path) -> None:
        """Exchange the databases."""
        postgres_moving.commit(self._server, stage, folder)

    def abandon(self) -> None:
        """Remove the databases of a restore that was given up."""
        postgres_moving.abandon(self._server)

    def clear(self) -> None:
        """Put an empty database in the place of all that are there."""
        postgres_moving.clear(self._server)

    def settings(self) -> Mapping[str, Any]:
        """Return what `freeze` changes."""
        return postgres_freezing.settings(self._server)

    def freeze(self) -> None:
        """Make every session read-only that does not insist."""
        postgres_freezing.freeze(self._server)

    def frozen(self) -> bool:
        """Return whether sessions are read-only."""
        return postgres_freezing.frozen(self._server)

    def thaw(self, record: Mapping[str, Any]) -> None:
        """Put the setting back."""
        postgres_freezing.thaw(self._server, record)

    def close(self) -> None:
        """Do nothing: each call of psql is a connection of its own."""
