"""Drivers: the verbs that every kind of store has, so that a copy knows no kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from ...errors import TranshipError
from ...stack.engine import engine_errors
from .files_driver import FilesDriver
from .manifest import Manifest
from .mysql_driver import MysqlDriver
from .postgres_driver import PostgresDriver
from .redis_driver import RedisDriver
from .site import Site, Tell
from .stores import Store


class Driver(Protocol):
    """One store on one side, while its server runs."""

    def version(self) -> str:
        """Return the server's version; empty for files."""

    def manifest(self) -> Manifest:
        """Return what it holds."""

    def again(self, earlier: Manifest) -> Manifest:
        """Return what it holds now, read before: with less work where that is proof."""

    def holds(self, described: Manifest) -> str | None:
        """Return what there is to lose, in words; None when there is nothing."""

    def blank(self, described: Manifest) -> bool:
        """Return whether it is as it was made: nothing need be kept of it."""

    def dump(self, folder: Path, *, lasting: bool) -> tuple[Manifest, int]:
        """Describe it, write all of it into the folder, and return that with the bytes.

        `lasting`: the dump is kept, and not only sent on.
        """

    def stage(self, folder: Path, tell: Tell) -> Any:
        """Bring a dump as far as can be without touching what is there."""

    def staged(self, stage: Any, described: Manifest) -> Manifest | None:
        """Return what the stage holds; None where nothing can be seen before the commit."""

    def commit(self, stage: Any, folder: Path) -> None:
        """Put what was staged in the place of what is there."""

    def abandon(self) -> None:
        """Remove a stage that did not come to its commit."""

    def clear(self) -> None:
        """Remove everything that it holds."""

    def settings(self) -> Mapping[str, Any]:
        """Return what `freeze` changes, as it is now, for `thaw`."""

    def freeze(self) -> None:
        """Refuse writes from now on."""

    def frozen(self) -> bool:
        """Return whether writes are refused now."""

    def thaw(self, record: Mapping[str, Any]) -> None:
        """Take writes again, as before `freeze`."""

    def close(self) -> None:
        """Let go of connections."""


@contextmanager
def driver(site: Site, store: Store) -> Iterator[Driver]:
    """Yield the driver of a store whose server runs (see site.opened)."""
    kinds: Mapping[str, Callable[[Site, Store], Driver]] = {
        "postgres": PostgresDriver,
        "redis": RedisDriver,
        "mysql": MysqlDriver,
        "files": FilesDriver,
    }
    found = kinds[store.kind](site, store)
    try:
        yield found
    finally:
        found.close()


def manifest(site: Site, store: Store) -> Manifest:
    """Return what a store holds.

    Raises DataRefused when its server does not answer.
    """
    with driver(site, store) as found:
        return found.manifest()


def give_up(found: Driver) -> None:
    """Remove a stage after a failure, which must not be hidden by one of this removal.

    What is left then, the next stage removes first.
    """
    with suppress(TranshipError), engine_errors("Removing it"):
        found.abandon()


@contextmanager
def abandoned(found: Driver) -> Iterator[None]:
    """Remove the stage when the block is over, however that went."""
    try:
        yield
    except BaseException:
        give_up(found)
        raise
    found.abandon()
