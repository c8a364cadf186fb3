"""Redis as a driver: emptied and filled in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import redis_freezing, redis_moving, redis_saving, redis_store
from .manifest import Manifest
from .site import Site, Tell
from .stores import Store


class RedisDriver:
    """A Redis or Valkey server."""

    def __init__(self, site: Site, store: Store) -> None:
        self._server = redis_store.server(site, store)

    def version(self) -> str:
        """Return the server's version."""
        return redis_store.version(self._server)

    def manifest(self) -> Manifest:
        """Return what it holds."""
        return redis_store.manifest(self._server)

    def again(self, earlier: Manifest) -> Manifest:  # noqa: ARG002 - the protocol's
        """Return what it holds now, every key read anew: Redis notes no writes."""
        return self.manifest()

    def holds(self, described: Manifest) -> str | None:
        """Return what there is to lose."""
        return redis_store.holds(described)

    def blank(self, described: Manifest) -> bool:
        """Return whether it has no key and no function."""
        return not (described.entries or described.fleeting)

    def dump(self, folder: Path, *, lasting: bool) -> tuple[Manifest, int]:  # noqa: ARG002
        """Describe it and write all of it into the folder, reading each key once."""
        return redis_moving.dump(self._server, folder)

    def stage(self, folder: Path, tell: Tell) -> None:
        """Do nothing: a server has one set of databases."""

    def staged(self, stage: None, described: Manifest) -> None:
        """Return nothing: there is no stage."""

    def commit(self, stage: None, folder: Path) -> None:  # noqa: ARG002 - the protocol's
        """Empty the server and fill it."""
        with redis_freezing.writable(self._server):
            redis_moving.empty(self._server)
            redis_moving.load(self._server, folder)
            redis_saving.save(self._server)

    def abandon(self) -> None:
        """Do nothing: there is no stage."""

    def clear(self) -> None:
        """Remove every key."""
        with redis_freezing.writable(self._server):
            redis_moving.empty(self._server)

    def settings(self) -> Mapping[str, Any]:
        """Return what `freeze` changes."""
        return redis_freezing.settings(self._server)

    def freeze(self) -> None:
        """Ask for more replicas than there are, without which it refuses writes."""
        redis_freezing.freeze(self._server)

    def frozen(self) -> bool:
        """Return whether it asks for them."""
        return redis_freezing.frozen(self._server)

    def thaw(self, record: Mapping[str, Any]) -> None:
        """Put the setting back."""
        redis_freezing.thaw(self._server, record)

    def close(self) -> None:
        """Close the connections."""
        self._server.close()
