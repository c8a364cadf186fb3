"""Waiting until a Prometheus reads the services of a run, before the suite begins.

It looks for new targets every five seconds, and takes up to five more to read them: without
waiting, a short suite would be over before the first reading.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ...comparison.gates import project_gates
from ...comparison.query_gates import names_run, queries_of, source_of
from ...errors import EnvironmentFailed, UsageError
from ...settings import Settings
from .prometheus import Prometheus

SECONDS = 15.0
_TIMEOUT_SECONDS = 2.0
_PROBE_SECONDS = 0.2


def watcher_of(
    settings: Settings, tell: Callable[[str], None], prometheus: str = ""
) -> Callable[[str], None] | None:
    """Return what waits for a run by its project; None where no query asks for one run.

    `prometheus` takes the place of the URL in the settings.
    """
    url = source_of(settings, prometheus)
    queries = queries_of(project_gates(settings).all)
    return Watcher(url, tell) if url and any(map(names_run, queries)) else None


@dataclass
class Watcher:
    """Waits for the targets with the label of a run; once in vain, and then no more."""

    url: str
    tell: Callable[[str], None]
    _vain: bool = False

    def __call__(self, project: str) -> None:
        """Return as soon as every target with this project as a label was read."""
        if self._vain:
            return
        with Prometheus(self.url, _TIMEOUT_SECONDS) as server:
            deadline = time.monotonic() + SECONDS
            try:
                while time.monotonic() < deadline:
                    if _read(server, project):
                        return
                    time.sleep(_PROBE_SECONDS)
                reason = f"it has no target labelled project={project} that is up"
            except (EnvironmentFailed, UsageError):
                reason = "it does not answer"
            self._vain = True
            self.tell(f"not waiting for {server.shown} any more: {reason}")


def _read(server: Prometheus, project: str) -> bool:
    health = [it.health for it in server.targets() if it.labels.get("project") == project]
    return bool(health) and set(health) == {"up"}
