"""Last words: what a server's own log says where its client saw only that it went away."""

from __future__ import annotations

from ...errors import TranshipError
from ...modes import containers
from ...modes.local import LocalMode
from ...stack.engine import engine_errors
from .site import Site
from .stores import Store

_LINES = 100
_TELLING = ("No space left on device", "PANIC:", "FATAL:", "# Fatal")
"""The most telling first: what follows a full disk is a server that cannot start."""


def of(site: Site, store: Store) -> str:
    """Return the sentence about a store's log that tells most; empty where nothing does."""
    try:
        with engine_errors("Reading the log"):
            line = telling(_log(site, store))
    except TranshipError:
        return ""
    return f" Its log says: {line}." if line else ""


def telling(log: str) -> str:
    """Return the last line with the most telling mark; empty where there is none."""
    lines = [" ".join(line.split()).rstrip(".") for line in log.splitlines()]
    for mark in _TELLING:
        found = [line for line in lines if mark in line]
        if found:
            return found[-1]
    return ""


def _log(site: Site, store: Store) -> str:
    mode = site.mode
    if isinstance(mode, LocalMode):
        return mode.tail(store.service, _LINES)
    # Running or not: one that ended has its log until it is removed.
    for item in containers.of_project(mode.client, mode.project_name):
        if item.service == store.service:
            return mode.tail(item, _LINES)
    return ""
