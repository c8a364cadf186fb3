"""The last switch, as far as its journal tells, in the words that the commands use."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import DataRefused, UsageError
from ...settings import Settings
from . import journal as journals
from .journal import Journal, JournalUnreadable

Note = Callable[[str], None]
"""Told what must not go by unseen."""


def latest(settings: Settings, note: Note) -> Journal | None:
    """Return the journal; of one that cannot be read, what it was before, said aloud.

    Raises DataRefused where that cannot be read either.
    """
    try:
        return journals.read(settings)
    except JournalUnreadable as error:
        if error.earlier is None:
            raise DataRefused(f"{error} What is the case: inv migrate.status") from error
        note(f"{error} Going on from what it was before its last change ({at(error.earlier)}).")
        return error.earlier


def required(settings: Settings, note: Note) -> Journal:
    """Return the journal; raises UsageError where there is none."""
    found = latest(settings, note)
    if found is None:
        raise UsageError("No switch was begun here. Begin one: inv migrate.switch --to docker")
    return found


def left_behind(before: Journal) -> str | None:
    """Return the arrangement whose data is a copy that an earlier switch left behind."""
    if before.state == "moved":
        return before.source
    if before.state == "back" and not before.options.get("left"):
        # One that failed has put back what --replace was asked for; else nothing was there.
        begun = before.entry("copy") is not None and not before.options.get("replacing")
        if begun or before.done("copy"):
            return before.target
    return None


def at(found: Journal) -> str:
    """Return where a switch is, or was when it ended."""
    entry = found.at
    way = "on its way back, " if found.state == "going back" else ""
    return f"{way}step {entry.name} {entry.state}" if entry is not None else found.state


def last(found: Journal) -> str:
    """Return what became of a switch."""
    return f"the last switch, from {found.source} to {found.target}, is {found.state}."
