"""Freezing: stores that refuse writes for a while, also if this process dies meanwhile.

What is changed stands in a file before it is changed, so that `thaw` can undo it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...envmap.project import open_project
from ...errors import DataRefused, TranshipError
from ...interrupts import deferred
from ...modes.base import silent
from ...settings import Settings
from .drivers import driver
from .records import is_alive, read_json, this_process, write_json
from .site import Site, Tell, opened, own_site
from .stores import Store, stores


@dataclass
class Pause:
    """How long writes were refused."""

    began: float
    ended: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds from the first store that refused until all took writes again, or now."""
        return (time.monotonic() if self.ended is None else self.ended) - self.began


@contextmanager
def frozen(site: Site, chosen: Sequence[Store], tell: Tell = silent) -> Iterator[Pause]:
    """Have these stores, which run, refuse writes while the block lasts.

    A store that this process has frozen already stays as it is.

    Raises DataRefused when one cannot be made to, or does not take writes again.
    """
    mine = [store for store in chosen if _key(site, store) not in _ours]
    pause = Pause(time.monotonic())
    changed: dict[Store, Mapping[str, Any]] = {}
    failed = True
    try:
        for store in mine:
            _freeze(site, store, changed)
        if mine:
            names = ", ".join(store.name for store in mine)
            tell(f"{names} on {site.side}: writes are refused now")
        yield pause
        failed = False
    finally:
        with deferred():
            left = _thawed(site, changed)
        pause.ended = time.monotonic()
        for line in left:
            tell(line)
        if left and not failed:
            raise DataRefused("\n".join(left))


_ours: set[str] = set()
"""What this process has frozen: it is not frozen, nor thawed, by a block within."""


def _freeze(site: Site, store: Store, changed: dict[Store, Mapping[str, Any]]) -> None:
    with driver(site, store) as found:
        settings: Mapping[str, Any] = dict(found.settings())
        # A run of its own goes with its data when it dies; there is nothing to undo then.
        if site.own:
            settings = _remember(site, store, settings)
        changed[store] = settings
        _ours.add(_key(site, store))
        found.freeze()


def _thawed(site: Site, changed: Mapping[Store, Mapping[str, Any]]) -> list[str]:
    """Take writes again; return a line for each store that could not be told to."""
    left = []
    for store, settings in changed.items():
        _ours.discard(_key(site, store))
        try:
            with driver(site, store) as found:
                found.thaw(settings)
            if site.own:
                _forget(site.project.settings, _key(site, store))
        except TranshipError as error:
            left.append(
                f"{store.name} on {site.side} still refuses writes: {error} When it answers "
                "again: inv data.thaw"
            )
    return left


def thaw(settings: Settings, tell: Tell = silent) -> tuple[str, ...]:
    """Undo what a process that died left frozen; return the stores that take writes again."""
    done = []
    for key, record in _recorded(settings).items():
        process = record["process"]
        if process["pid"] != os.getpid() and is_alive(process):
            raise DataRefused(f"{key} is frozen by a command that still runs: {process['pid']}.")
        project = open_project(settings.in_environment(record["environment"]))
        site = own_site(project, record["side"])
        store = next(s for s in stores(project, [record["service"]]) if s.name == record["store"])
        with ExitStack() as stack:
            reached = stack.enter_context(opened(site, [store], tell))
            stack.enter_context(driver(reached, store)).thaw(record["settings"])
        _forget(settings, key)
        done.append(f"{store.name} on {record['side']}")
    return tuple(done)


def left_frozen(settings: Settings) -> tuple[str, ...]:
    """Return the stores that a process that died left frozen."""
    return tuple(
        key for key, record in _recorded(settings).items() if not is_alive(record["process"])
    )


def _path(settings: Settings) -> Path:
    return settings.state_directory / "migration" / "frozen.json"


def _key(site: Site, store: Store) -> str:
    return f"{store.name} on {site.side}" + ("" if site.own else f" of run {site.mode.run_id}")


def _recorded(settings: Settings) -> dict[str, Mapping[str, Any]]:
    return read_json(_path(settings)) or {}


def _remember(site: Site, store: Store, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Note what is about to change, and return what was set before all freezing."""
    known = _recorded(site.project.settings)
    before = known.get(_key(site, store))
    # Of one that died while it was frozen, what was set before is in its record alone.
    first: Mapping[str, Any] = before["settings"] if before is not None else settings
    known[_key(site, store)] = {
        "side": site.side,
        "store": store.name,
        "service": store.service,
        "environment": site.project.settings.environment,
        "process": this_process(),
        "settings": dict(first),
    }
    write_json(_path(site.project.settings), known)
    return first


def _forget(settings: Settings, key: str) -> None:
    known = _recorded(settings)
    known.pop(key, None)
    write_json(_path(settings), known)
