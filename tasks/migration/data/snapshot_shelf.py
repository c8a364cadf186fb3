"""The snapshots on disk: a folder each, with the dumps and what they must be when they are back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataRefused, UsageError, near
from ...settings import Settings
from . import records
from .dumps import size_of
from .manifest import Manifest, from_json


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on disk."""

    name: str
    folder: Path
    side: str
    environment: str
    taken_at: float
    manifests: Mapping[str, Manifest]
    """Store -> what it held."""
    size: int
    """Bytes."""
    pause_seconds: float = 0.0


def snapshots(settings: Settings) -> tuple[Snapshot, ...]:
    """Return the snapshots of this checkout, oldest first."""
    found = [_read(path.parent) for path in shelf(settings).glob("*/snapshot.json")]
    return tuple(sorted(found, key=lambda item: item.taken_at))


def named(settings: Settings, name: str) -> Snapshot:
    """Return the snapshot of this name.

    Raises UsageError where there is none.
    """
    folder = shelf(settings) / name
    if not (folder / "snapshot.json").is_file():
        known = [item.name for item in snapshots(settings)]
        raise UsageError(
            f"No snapshot named {name!r}{near(name, known)}. "
            f"Snapshots: {', '.join(known) or 'none'}."
        )
    return _read(folder)


def shelf(settings: Settings) -> Path:
    """Return the folder of the snapshots."""
    return settings.state_directory / "migration" / "snapshots"


def as_json(found: Snapshot) -> dict[str, Any]:
    """Return what is written down of a snapshot beside its dumps."""
    return {
        "side": found.side,
        "environment": found.environment,
        "taken_at": found.taken_at,
        "pause_seconds": found.pause_seconds,
        "manifests": {name: item.as_json() for name, item in found.manifests.items()},
    }


def _read(folder: Path) -> Snapshot:
    path = folder / "snapshot.json"
    raw = records.read_json(path)
    try:
        return Snapshot(
            folder.name,
            folder,
            raw["side"],
            raw["environment"],
            raw["taken_at"],
            {name: from_json(item) for name, item in raw["manifests"].items()},
            size_of(folder),
            raw["pause_seconds"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataRefused(f"{path} is no record of a snapshot: {error!r}.") from error
