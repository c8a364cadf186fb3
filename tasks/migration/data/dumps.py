"""Dumps: the whole content of a store in a folder, of a source that must not change meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ...errors import DataRefused
from .drivers import Driver, driver
from .manifest import Manifest, differences
from .site import Site, Tell
from .stores import Store


def kept(site: Site, store: Store, folder: Path, tell: Tell) -> Manifest:
    """Dump a frozen store into a folder and return what is in it.

    Raises DataRefused when it changed meanwhile.
    """
    folder.mkdir(mode=0o700)
    tell(f"reading {store.name} on {site.side}")
    with driver(site, store) as found:
        before, _ = dumped(found, store, folder, lasting=True)
        changed = differences(before, found.again(before))
    if changed:
        raise changed_meanwhile(store, site, changed)
    return before


def dumped(
    found: Driver, store: Store, folder: Path, *, lasting: bool = False
) -> tuple[Manifest, int]:
    """Dump a store, return what is in it and the bytes.

    Raises DataRefused, for a disk that is full too.
    """
    try:
        return found.dump(folder, lasting=lasting)
    except OSError as error:
        raise DataRefused(
            f"{store.name}: the dump cannot be written to {folder}: {error.strerror}. "
            "Free some space there."
        ) from error


def changed_meanwhile(store: Store, site: Site, changed: Sequence[str]) -> DataRefused:
    """Return the error for a store that was written to although it was frozen."""
    return DataRefused(
        f"{store.name} on {site.side} changed while it was read: {' '.join(changed[:3])} "
        "Something writes although writes are refused (a session that asks for READ WRITE, a "
        "process that mounts the folder). Stop it and try again."
    )


def part(store: Store) -> str:
    """Return the folder's name of a store within a dump."""
    return re.sub(r"[^\w.-]", "-", store.name)


def size_of(folder: Path) -> int:
    """Return the bytes of the dumps in a folder."""
    return sum(path.stat().st_size for path in folder.glob("*/*"))
