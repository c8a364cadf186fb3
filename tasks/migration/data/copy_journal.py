"""What a copy has done so far, on disk after each step, so that a later one can go on."""

from __future__ import annotations

import datetime
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...settings import Settings
from ...stack.placement import Side
from . import records


@dataclass
class Journal:
    """One copy."""

    settings: Settings
    id: str
    route: tuple[str, str]
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    committing: list[str] = field(default_factory=list)
    kept: str | None = None

    @property
    def folder(self) -> Path:
        """Where the dumps are."""
        return _copies(self.settings) / self.id

    def write(self) -> None:
        """Put it on the disk."""
        records.write_json(
            _copies(self.settings) / f"{self.id}.json",
            {
                "id": self.id,
                "from": self.route[0],
                "to": self.route[1],
                "environment": self.settings.environment,
                "done": self.done,
                "committing": self.committing,
                "kept": self.kept,
            },
        )


def _copies(settings: Settings) -> Path:
    return settings.state_directory / "migration" / "copies"


def unfinished(settings: Settings) -> tuple[Mapping[str, Any], ...]:
    """Return the records of copies that did not come to their end, oldest first."""
    paths = sorted(_copies(settings).glob("*.json"))
    return tuple(record for path in paths if (record := records.read_json(path)) is not None)


def begin(settings: Settings, source: Side, target: Side, *, resume: bool) -> Journal:
    """Return a new journal, or that of the copy to go on with.

    Raises UsageError where there is none to go on with.
    """
    left = [
        record
        for record in unfinished(settings)
        if (record["from"], record["to"], record["environment"])
        == (source, target, settings.environment)
    ]
    if resume:
        if not left:
            raise UsageError(f"No copy from {source} to {target} was cut short.")
        last = left[-1]
        return Journal(
            settings,
            last["id"],
            (source, target),
            last["done"],
            last["committing"],
            last["kept"],
        )
    identity = f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return Journal(settings, identity, (source, target))


@contextmanager
def folder_of(journal: Journal) -> Iterator[None]:
    """Have an empty folder for the dumps, which does not outlive the block."""
    shutil.rmtree(journal.folder, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(journal.folder, ignore_errors=True)
        if not (journal.done or journal.committing):
            # The target was not touched: there is nothing to go on with.
            (_copies(journal.settings) / f"{journal.id}.json").unlink(missing_ok=True)


def finish(journal: Journal) -> None:
    """Forget the copy, and those before it that nobody will go on with now."""
    for record in unfinished(journal.settings):
        if (record["from"], record["to"]) == journal.route:
            (_copies(journal.settings) / f"{record['id']}.json").unlink(missing_ok=True)
            shutil.rmtree(_copies(journal.settings) / record["id"], ignore_errors=True)
