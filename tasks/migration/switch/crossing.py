"""A crossing: one switch with its journal, what does its work, and who is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...errors import StackFailed
from ...modes.base import silent
from ...settings import MigrateSettings
from ..data.site import Tell
from .journal import Journal
from .operations import Operations, Which
from .triggers import Baseline

_BETWEEN = 0.3
"""Seconds between two health checks before traffic moves: writes are refused meanwhile."""
_PATIENCE = 15
"""How many times a health check may fail for each one that must be good."""


@dataclass
class Crossing:
    """What the steps work on."""

    journal: Journal
    operations: Operations
    settings: MigrateSettings
    say: Tell = silent
    """Told each step; what it does within goes to the operations' own listener."""
    sleep: Callable[[float], None] = field(default=time.sleep)

    @property
    def baseline(self) -> Baseline:
        """What the source measured before."""
        return Baseline(**self.journal.baseline) if self.journal.baseline else Baseline()

    def keep_baseline(self, found: Baseline) -> None:
        """Put the source's measurements into the journal."""
        self.journal.baseline = asdict(found)

    def remember(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Put on the disk how frozen stores take writes again, before they are frozen.

        What stands there already is older, and so is what was set before any freezing.
        """
        known = {key: dict(value) for key, value in records.items()}
        self.journal.frozen = {**known, **self.journal.frozen}
        self.journal.write()

    def thaw(self, which: Which) -> None:
        """Have the stores of a side take writes again, and forget that they did not."""
        if self.journal.frozen:
            done = self.operations.thaw(which, self.journal.frozen)
            for key in done:
                del self.journal.frozen[key]
            self.journal.write()

    def require_health(self, which: Which) -> str:
        """Raise StackFailed unless so many checks running are good; return a sentence."""
        good = 0
        ill: tuple[str, ...] = ()
        for number in range(self.settings.checks * _PATIENCE):
            if number:
                self.sleep(min(_BETWEEN, self.settings.interval))
            ill = self.operations.ill(which)
            good = 0 if ill else good + 1
            if good >= self.settings.checks:
                return f"{good} checks running."
        raise StackFailed(f"Not healthy: {', '.join(ill)}.")
