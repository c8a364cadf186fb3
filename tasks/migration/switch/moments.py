"""Moments: points in time that can be told apart though the clock is set meanwhile."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Moment:
    """One point in time, by the wall clock and by one that nobody sets."""

    wall: float
    """Seconds since the epoch."""
    steady: float
    """Seconds of the monotonic clock, which every process of one boot shares on Linux."""
    boot: str = ""
    """Which boot `steady` counts from; empty: only this process can compare it."""

    @property
    def shown(self) -> str:
        """The wall clock's time of day."""
        return f"{datetime.datetime.fromtimestamp(self.wall):%H:%M:%S}"

    def as_json(self) -> list[Any]:
        """Return it as `from_json` reads it."""
        return [self.wall, self.steady, self.boot]


def now() -> Moment:
    """Return this moment."""
    try:
        boot = _BOOT.read_text().strip()
    except OSError:
        boot = ""
    return Moment(time.time(), time.monotonic(), boot)


def from_json(raw: list[Any]) -> Moment:
    """Return the moment that `as_json` wrote."""
    wall, steady, boot = raw
    return Moment(float(wall), float(steady), str(boot))


def seconds(began: Moment, ended: Moment) -> float:
    """Return the seconds between two moments.

    By the steady clock within one boot, so that a clock that is set meanwhile changes
    nothing; else by the wall clock, and never below 0.
    """
    if began.boot == ended.boot and began.boot:
        return max(0.0, ended.steady - began.steady)
    return max(0.0, ended.wall - began.wall)
