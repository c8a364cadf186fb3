"""Where a Prometheus finds the services of a run: a file of its own kind, `file_sd_configs`.

A run's ports are its own, and nobody else knows them before it starts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..modes.base import Mode
from ..settings import Settings
from ..stack.isolation import Run
from ..stack.model import Service
from ..stack.textfile import replace_file

FOLDER = "scrape"


@contextmanager
def scrape_file(
    settings: Settings, mode: Mode, run: Run, services: Sequence[Service]
) -> Iterator[None]:
    """Keep `<state>/scrape/PROJECT.json` while the block runs, where services have metrics.

    The mode is up. A file that cannot be written is no reason to run no suite: the gates that
    lack its figures say so.
    """
    folder = settings.state_directory / FOLDER
    with suppress(OSError):
        _remove_left(folder, run)
    metered = [service for service in services if service.metrics is not None]
    addresses = mode.addresses() if metered else {}
    found = [
        {
            "targets": [f"{at.host}:{at.port}"],
            "labels": {
                "service": service.name,
                "mode": mode.name,
                "project": run.project,
                "run": run.id,
                "__metrics_path__": service.metrics.path,
            },
        }
        for service in metered
        # The one port that this host dials is that of the health probe.
        if service.metrics is not None and service.metrics.port == service.container_port
        if (at := addresses.get(service.name)) is not None
    ]
    path = folder / f"{run.project}.json"
    try:
        if found:
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                replace_file(path, json.dumps(found, indent=1) + "\n")
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _remove_left(folder: Path, run: Run) -> None:
    """Remove the files of runs that died: their folder is gone, as the next run begins."""
    for path in folder.glob("tranship-*.json"):
        if not (run.directory.parent / path.stem.rpartition("-")[2]).is_dir():
            path.unlink(missing_ok=True)
